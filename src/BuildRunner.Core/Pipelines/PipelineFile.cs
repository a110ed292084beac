using BuildRunner.Core.Pipelines.Yaml;
using BuildRunner.Core.Planning;

namespace BuildRunner.Core.Pipelines;

/// <summary>What the user wrote, typed, with the place of everything that can be complained about. One cell of a matrix is one of these.</summary>
internal sealed record PipelineFile
{
    /// <summary>The file's path.</summary>
    public required string Path { get; init; }

    /// <summary>Steps in file order.</summary>
    public IReadOnlyList<StepFile> Steps { get; init; } = [];

    /// <summary>Services in file order.</summary>
    public IReadOnlyList<StepFile> Services { get; init; } = [];

    /// <summary>Clone steps in file order; empty: the usual one.</summary>
    public IReadOnlyList<StepFile> CloneSteps { get; init; } = [];

    /// <summary>No source is fetched.</summary>
    public bool SkipClone { get; init; }

    /// <summary>Conditions of which one must hold; empty: none.</summary>
    public IReadOnlyList<WhenFile> When { get; init; } = [];

    /// <summary>Old form of <c>when.branch</c>.</summary>
    public PatternsFile? Branches { get; init; }

    /// <summary>Workflows that must have ended first.</summary>
    public IReadOnlyList<DependencyFile> DependsOn { get; init; } = [];

    /// <summary>Old form of <c>when.status</c>.</summary>
    public IReadOnlyList<string> RunsOn { get; init; } = [];

    /// <summary>What an agent must have.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>How many runs may be active.</summary>
    public ConcurrencyPlan? Concurrency { get; init; }

    /// <summary>Mount point of the shared volume.</summary>
    public TextFile? WorkspaceBase { get; init; }

    /// <summary>The repository's folder below it.</summary>
    public TextFile? WorkspacePath { get; init; }

    /// <summary>Wall-clock limit.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Limits of all steps together.</summary>
    public ResourcePlan Resources { get; init; } = ResourcePlan.None;
}

/// <summary>A text and its place.</summary>
/// <param name="Text">The text.</param>
/// <param name="Location">Its place.</param>
internal sealed record TextFile(string Text, SourceLocation Location);

/// <summary>A step, service or clone step as written.</summary>
internal sealed record StepFile
{
    /// <summary>The name; for a step without one, made from its place.</summary>
    public required string Name { get; init; }

    /// <summary>True: the name was written.</summary>
    public required bool Named { get; init; }

    /// <summary>Where the name is, or the step begins.</summary>
    public required SourceLocation Location { get; init; }

    /// <summary>True: nobody wrote it. A place in the file cannot tell: an alias makes anything stand at the first character.</summary>
    public bool Implied { get; init; }

    /// <summary>The image; null: absent, or to be built.</summary>
    public string? Image { get; init; }

    /// <summary>How the image is built; null: it is not.</summary>
    public ImageBuildPlan? Build { get; init; }

    /// <summary>Commands, not substituted yet.</summary>
    public IReadOnlyList<TextFile> Commands { get; init; } = [];

    /// <summary>Entry point, not substituted yet; empty: the image's.</summary>
    public IReadOnlyList<TextFile> Entrypoint { get; init; } = [];

    /// <summary>Environment, values not substituted yet.</summary>
    public IReadOnlyList<YamlEntry> Environment { get; init; } = [];

    /// <summary>Settings, values not substituted yet.</summary>
    public IReadOnlyList<YamlEntry> Settings { get; init; } = [];

    /// <summary>Conditions of which one must hold; empty: none.</summary>
    public IReadOnlyList<WhenFile> When { get; init; } = [];

    /// <summary>Steps that must have ended first; null: not written.</summary>
    public IReadOnlyList<DependencyFile>? DependsOn { get; init; }

    /// <summary>Old way to run steps at the same time.</summary>
    public string? Group { get; init; }

    /// <summary>What its failure does.</summary>
    public FailureMode Failure { get; init; }

    /// <summary>Runs beside the others.</summary>
    public bool Detach { get; init; }

    /// <summary>Ask the registry each time.</summary>
    public bool Pull { get; init; }

    /// <summary>Asks for all rights.</summary>
    public bool Privileged { get; init; }

    /// <summary>Limit of one attempt.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>New attempts.</summary>
    public RetryPlan Retry { get; init; } = RetryPlan.None;

    /// <summary>Patterns of test reports.</summary>
    public IReadOnlyList<string> TestReports { get; init; } = [];

    /// <summary>Working directory.</summary>
    public TextFile? Directory { get; init; }

    /// <summary>User of the container.</summary>
    public string? User { get; init; }

    /// <summary>Host folders.</summary>
    public IReadOnlyList<TextFile> Volumes { get; init; } = [];

    /// <summary>Devices of the host.</summary>
    public IReadOnlyList<TextFile> Devices { get; init; } = [];

    /// <summary>Name servers.</summary>
    public IReadOnlyList<TextFile> Dns { get; init; } = [];

    /// <summary>Search domains.</summary>
    public IReadOnlyList<TextFile> DnsSearch { get; init; } = [];

    /// <summary>More names.</summary>
    public IReadOnlyList<TextFile> ExtraHosts { get; init; } = [];

    /// <summary>Ports of a service.</summary>
    public IReadOnlyList<TextFile> Ports { get; init; } = [];

    /// <summary>Limits.</summary>
    public ResourcePlan Resources { get; init; } = ResourcePlan.None;

    /// <summary>Has the workflow's network.</summary>
    public bool Networked { get; init; } = true;

    /// <summary>Exit codes that count as success.</summary>
    public IReadOnlySet<int> AllowedExitCodes { get; init; } = new HashSet<int>();

    /// <summary>Names of outputs; null: not written, any name will do.</summary>
    public IReadOnlyList<string>? Outputs { get; init; }

    /// <summary>Gets no secret.</summary>
    public bool WithoutSecrets { get; init; }

    /// <summary>How to find out that a service is ready.</summary>
    public HealthCheckFile? HealthCheck { get; init; }

    /// <summary>True: runs the image as it is (Woodpecker's rule): neither commands, entry point nor environment.</summary>
    public bool IsPlugin => Commands.Count == 0 && Entrypoint.Count == 0 && Environment.Count == 0;
}

/// <summary>A dependency as written.</summary>
/// <param name="Name">Of a step or workflow.</param>
/// <param name="Optional">No obstacle if it is not part of the run.</param>
/// <param name="Location">Its place.</param>
internal sealed record DependencyFile(string Name, bool Optional, SourceLocation Location);

/// <summary>A health check as written.</summary>
/// <param name="Test">Command and arguments, not substituted yet.</param>
/// <param name="IsShell">True: <paramref name="Test"/> is one text for the shell.</param>
/// <param name="Plan">The rest.</param>
internal sealed record HealthCheckFile(IReadOnlyList<TextFile> Test, bool IsShell, HealthCheckPlan Plan);

/// <summary>Patterns as written.</summary>
/// <param name="Include">One must match; empty: all do.</param>
/// <param name="Exclude">None may match.</param>
internal sealed record PatternsFile(IReadOnlyList<string> Include, IReadOnlyList<string> Exclude);

/// <summary>A condition as written; null: not looked at.</summary>
internal sealed record WhenFile
{
    /// <summary>Where it begins.</summary>
    public required SourceLocation Location { get; init; }

    /// <summary>Events.</summary>
    public PatternsFile? Event { get; init; }

    /// <summary>Branches.</summary>
    public PatternsFile? Branch { get; init; }

    /// <summary>Refs.</summary>
    public PatternsFile? Ref { get; init; }

    /// <summary>Repositories.</summary>
    public PatternsFile? Repo { get; init; }

    /// <summary>Schedules.</summary>
    public PatternsFile? Cron { get; init; }

    /// <summary>Platforms.</summary>
    public PatternsFile? Platform { get; init; }

    /// <summary>Host names.</summary>
    public PatternsFile? Instance { get; init; }

    /// <summary>Changed files.</summary>
    public PathsFile? Path { get; init; }

    /// <summary>States of the workflow; empty: success.</summary>
    public IReadOnlyList<string> Status { get; init; } = [];

    /// <summary>Patterns for matrix values, by axis.</summary>
    public IReadOnlyDictionary<string, string> Matrix { get; init; } = new Dictionary<string, string>();

    /// <summary>An expression, not substituted yet.</summary>
    public TextFile? Evaluate { get; init; }
}

/// <summary>A path condition as written.</summary>
/// <param name="Patterns">Include and exclude.</param>
/// <param name="IgnoreMessage">Text in the commit message that makes the condition hold; empty: none.</param>
/// <param name="OnEmpty">Whether it holds without changed files.</param>
internal sealed record PathsFile(PatternsFile Patterns, string IgnoreMessage, bool OnEmpty);
