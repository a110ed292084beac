using BuildRunner.Cli.Output;

namespace BuildRunner.Cli.Running;

/// <summary>What somebody asked <c>run</c>, <c>shell</c> or <c>plan</c> for.</summary>
internal sealed record RunRequest
{
    /// <summary>A file, a directory, or null for this directory.</summary>
    public string? File { get; init; }

    /// <summary>The kind of event; null: that of the payload or metadata, else <c>push</c>.</summary>
    public string? Event { get; init; }

    /// <summary>The branch; null: git's.</summary>
    public string? Branch { get; init; }

    /// <summary>A file with the event as a forge sends it.</summary>
    public string? Payload { get; init; }

    /// <summary>A file with the facts of a run.</summary>
    public string? Metadata { get; init; }

    /// <summary>Values of inputs.</summary>
    public IReadOnlyDictionary<string, string> Inputs { get; init; } = new Dictionary<string, string>();

    /// <summary>Which parts run.</summary>
    public StepChoice Choice { get; init; } = StepChoice.All;

    /// <summary>Added to every step's environment.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>Secrets by name.</summary>
    public IReadOnlyDictionary<string, string> Secrets { get; init; } = new Dictionary<string, string>();

    /// <summary>Replacements of images.</summary>
    public IReadOnlyDictionary<string, string> ImageMap { get; init; } = new Dictionary<string, string>();

    /// <summary>How to show it.</summary>
    public ProgressMode Progress { get; init; }

    /// <summary>The CI whose log is folded, for <see cref="ProgressMode.Folded"/>.</summary>
    public CiKind Ci { get; init; }

    /// <summary>Times before lines.</summary>
    public TimestampMode Timestamps { get; init; }

    /// <summary>Steps at once.</summary>
    public int Jobs { get; init; } = 4;

    /// <summary>Limit of a workflow that sets none.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Steps write to the tree itself.</summary>
    public bool InPlace { get; init; }

    /// <summary>Where changes are copied; null: nowhere.</summary>
    public string? OutDirectory { get; init; }

    /// <summary>Where the JUnit report is written; null: nowhere.</summary>
    public string? Report { get; init; }

    /// <summary>The containers of steps that fail are kept.</summary>
    public bool Keep { get; init; }

    /// <summary>The containers of these steps are kept however they end.</summary>
    public IReadOnlyList<string> KeepSteps { get; init; } = [];

    /// <summary>A shell is opened in the container of each step that fails.</summary>
    public bool Debug { get; init; }

    /// <summary>The step whose exit code is the run's; null: the run has its own.</summary>
    public string? ExitCodeFrom { get; init; }

    /// <summary>The flags by which another command looks at the same pipeline in the same way; secrets by name only.</summary>
    public IReadOnlyList<string> Again { get; init; } = [];
}

/// <summary>How a run is shown.</summary>
internal enum ProgressMode
{
    Plain,
    Live,
    Json,
    Quiet,
    Folded,
}
