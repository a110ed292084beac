using BuildRunner.Containers.Registry;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>How to use a Docker or Podman engine.</summary>
public sealed record DockerEngineOptions
{
    /// <summary>Address of the engine; null: found as the docker client finds it, then where rootless engines and Podman listen.</summary>
    public string? Host { get; init; }

    /// <summary>Where workspaces' written parts lie while a group lives; on a disk with room.</summary>
    public required string ScratchDirectory { get; init; }

    /// <summary>BuildRunner's native helper, which waits inside each container; null: the variable <c>BUILDRUNNER_SANDBOX</c>, else beside the executable.</summary>
    public string? SandboxProgram { get; init; }

    /// <summary>Limits of a container whose specification and group set none.</summary>
    public ResourceLimits DefaultLimits { get; init; } = new(Pids: 4096);

    /// <summary>Where credentials for pulls are looked for.</summary>
    public RegistryOptions Registries { get; init; } = new();
}
