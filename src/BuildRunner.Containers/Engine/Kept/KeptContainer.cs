using System.Text.Json.Serialization;

namespace BuildRunner.Containers.Engine.Kept;

/// <summary>What is kept of a container that has ended: its file system as it was then, and where it came from. Written once, as JSON; never a secret.</summary>
/// <remarks>The format is described in docs/decisions/0030-kept-containers.md.</remarks>
public sealed record KeptContainer
{
    /// <summary>The version of the format that this code writes.</summary>
    public const int CurrentVersion = 1;

    /// <summary>The format's version.</summary>
    [JsonPropertyName("v")]
    public int Version { get; init; } = CurrentVersion;

    /// <summary>Names it to people and commands: eight hexadecimal digits, unique on this host.</summary>
    public required string Id { get; init; }

    /// <summary><see cref="IContainerEngine.Name"/>.</summary>
    public required string Engine { get; init; }

    /// <summary><see cref="GroupSpec.Id"/>: containers of one workflow share it, and its workspace.</summary>
    public required string Group { get; init; }

    /// <summary><see cref="GroupSpec.Owner"/>.</summary>
    public required string Owner { get; init; }

    /// <summary>The run's id.</summary>
    public required string Run { get; init; }

    /// <summary>The workflow's name.</summary>
    public required string Workflow { get; init; }

    /// <summary>The step's name.</summary>
    public required string Step { get; init; }

    /// <summary>The attempt's number.</summary>
    public required int Attempt { get; init; }

    /// <summary>How it ended, in a word or two: <c>exit 1</c>.</summary>
    public required string Outcome { get; init; }

    /// <summary>When it was kept.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>The reference of the image that it ran from, as it was asked for.</summary>
    public required string Image { get; init; }

    /// <summary>The digest of the image's manifest; null for a <c>rootfs:</c> image, and where an engine does not tell.</summary>
    public string? ImageDigest { get; init; }

    /// <summary>
    /// What the container changed: a directory, the upper one of an overlay over the layers of the image, with the whiteouts, opaque directories and
    /// redirects of <c>trusted.overlay.*</c>. Null on engines that have a store of their own.
    /// </summary>
    public string? LayerDirectory { get; init; }

    /// <summary>Owner 0 of the container is this id on the disk, in <see cref="LayerDirectory"/> and <see cref="WorkspaceDirectory"/>; 65,536 ids follow.</summary>
    public uint FirstHostId { get; init; }

    /// <summary>The id of the image that an engine with a store of its own made from the container; null on the embedded engine.</summary>
    public string? StoreImage { get; init; }

    /// <summary>The directory that was the working tree; null if the group had none.</summary>
    public string? Tree { get; init; }

    /// <summary>
    /// What the workflow changed in the tree, until its end: the upper directory of an overlay over <see cref="Tree"/>. Null if there is no workspace, or
    /// steps wrote to the tree itself. It comes when the group ends: until then, and if its process was killed before, it is not there.
    /// </summary>
    public string? WorkspaceDirectory { get; init; }

    /// <summary>True: <see cref="WorkspaceDirectory"/> is the whole tree, not only what was changed (hosts without overlay).</summary>
    public bool WorkspaceIsWhole { get; init; }
}

/// <summary>What the caller knows of a container that shall be kept.</summary>
/// <param name="Run">The run's id.</param>
/// <param name="Workflow">The workflow's name.</param>
/// <param name="Step">The step's name.</param>
/// <param name="Attempt">The attempt's number.</param>
/// <param name="Outcome">How it ended, in a word or two.</param>
/// <param name="At">When.</param>
public sealed record KeepRequest(string Run, string Workflow, string Step, int Attempt, string Outcome, DateTimeOffset At);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(KeptContainer))]
internal sealed partial class KeptJson : JsonSerializerContext;
