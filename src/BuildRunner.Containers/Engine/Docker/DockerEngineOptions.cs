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

    /// <summary>The file in which is written down what was pulled; null: nothing is, and no image is ever removed.</summary>
    public string? PulledImagesFile { get; init; }

    /// <summary>Allows 32-bit programs of the engine's processor in containers. On x86-64 they make sockets by one call with its arguments in memory, where no filter sees of which family.</summary>
    public bool Allow32Bit { get; init; }

    /// <summary>The labels of the security modules of the engine's host; what is not set, the engine chooses.</summary>
    public SecurityLabels Labels { get; init; } = new();

    /// <summary>True: there will be groups with the profile <c>hardened</c>, which this engine does not keep.</summary>
    public bool HardenedIsWanted { get; init; }

    /// <summary>What the images that were pulled may take; after a pull the longest unused go. Null: any size.</summary>
    public long? MostImageBytes { get; init; }

    /// <summary>Where credentials for pulls are looked for.</summary>
    public RegistryOptions Registries { get; init; } = new();

    /// <summary>True: the caller may change owners and remove anybody's files. Tests of an ordinary user's ways say false.</summary>
    internal bool IsRoot { get; init; } = Libc.GetEffectiveUserId() == 0;
}
