namespace BuildRunner.Containers.Engine.Docker;

/// <summary>How to use a Docker or Podman engine.</summary>
public sealed record DockerEngineOptions
{
    /// <summary>Address of the engine; null: found as the docker client finds it, then where rootless engines and Podman listen.</summary>
    public string? Host { get; init; }

    /// <summary>Where workspaces' written parts lie while a group lives; on a disk with room.</summary>
    public required string ScratchDirectory { get; init; }

    /// <summary>The program <c>buildrunner-sandbox</c>, which waits inside each container.</summary>
    public required string SandboxProgram { get; init; }

    /// <summary>Processes and threads that a container may have if its specification does not say.</summary>
    public int DefaultPids { get; init; } = 4096;
}
