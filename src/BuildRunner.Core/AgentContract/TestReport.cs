namespace BuildRunner.Core.AgentContract;

/// <summary>What a step's test reports say, on its way from the agent to the server (<see cref="LogStreams.Tests"/>). Secrets are masked.</summary>
public sealed record TestReport
{
    /// <summary>Most bytes of it, as JSON.</summary>
    public const int MaxBytes = LogFrame.MaxText;

    /// <summary>Most cases that are told one by one.</summary>
    public const int MaxCases = 200;

    /// <summary>Tests that were counted.</summary>
    public int Tests { get; init; }

    /// <summary>Those that failed, or broke.</summary>
    public int Failed { get; init; }

    /// <summary>Those that were left out.</summary>
    public int Skipped { get; init; }

    /// <summary>What failed, in the order of the files; at most <see cref="MaxCases"/>.</summary>
    public IReadOnlyList<TestCase> Cases { get; init; } = [];

    /// <summary>What could not be read, a sentence each.</summary>
    public IReadOnlyList<string> Problems { get; init; } = [];
}

/// <summary>A test that failed.</summary>
/// <param name="Name">Its name, with its class.</param>
/// <param name="File">The file that it failed in, relative to the tree; null: the report does not tell.</param>
/// <param name="Line">The line, from 1.</param>
/// <param name="Message">Why.</param>
public sealed record TestCase(string Name, string? File, int Line, string Message);
