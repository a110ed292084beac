using BuildRunner.Cli.Output;

namespace BuildRunner.Cli.Running;

/// <summary>What somebody asked <c>run</c> for.</summary>
internal sealed record RunRequest
{
    /// <summary>A file, a directory, or null for this directory.</summary>
    public string? File { get; init; }

    /// <summary>The kind of event.</summary>
    public string Event { get; init; } = "push";

    /// <summary>The branch; null: git's.</summary>
    public string? Branch { get; init; }

    /// <summary>Added to every step's environment.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>Secrets by name.</summary>
    public IReadOnlyDictionary<string, string> Secrets { get; init; } = new Dictionary<string, string>();

    /// <summary>How to show it.</summary>
    public ProgressMode Progress { get; init; }

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
}

/// <summary>How a run is shown.</summary>
internal enum ProgressMode
{
    Plain,
    Live,
    Json,
    Quiet,
}
