using System.Globalization;

namespace BuildRunner.Agent.Work;

/// <summary>Whether the agent takes new workflows, and why not. What it has begun it finishes in any case.</summary>
internal sealed class Readiness(AgentHostOptions options)
{
    private volatile string? leaving;

    /// <summary>Bytes free where the agent works; null: that cannot be told.</summary>
    public long? FreeDisk
    {
        get
        {
            try
            {
                return new DriveInfo(options.WorkDirectory).AvailableFreeSpace;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
            {
                // A file system that cannot be asked is not taken for a full one.
                return null;
            }
        }
    }

    /// <summary>Why it takes nothing new, as a clause; null if it does.</summary>
    public string? Unready => leaving ?? options.EngineProblem?.Invoke() ?? (FreeDisk is { } free && free < options.MinFreeDisk
        ? string.Create(CultureInfo.InvariantCulture, $"its disk is nearly full: {Text(free)} of at least {Text(options.MinFreeDisk)} are free in {options.WorkDirectory} (Agent:MinFreeDisk)")
        : null);

    /// <summary>True: it takes nothing new any more.</summary>
    public bool IsLeaving => leaving is not null;

    /// <summary>It will take nothing new any more.</summary>
    public void Leave(string why) => leaving ??= why;

    private static string Text(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / (1024.0 * 1024 * 1024):0.0} GiB");
}
