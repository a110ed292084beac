using System.Text.Json.Serialization;
using BuildRunner.Core.Pipelines;

namespace BuildRunner.Core.Planning;

/// <summary>What a run will do: validated, immutable, fully resolved. Made by <see cref="Planner"/>, executed without looking at the files again.</summary>
/// <param name="Workflows">In the order of their files, matrix cells in the order of their axes.</param>
/// <param name="Event">What the run is for.</param>
public sealed record RunPlan(IReadOnlyList<WorkflowPlan> Workflows, RunEvent Event);

/// <summary>One file, or one matrix cell of it: one workspace, one agent, its own steps and services.</summary>
public sealed record WorkflowPlan
{
    /// <summary>Unique in the run: the file's name without extension; a matrix cell adds its number (<c>build/2</c>).</summary>
    public required string Name { get; init; }

    /// <summary>The file's path.</summary>
    public required string File { get; init; }

    /// <summary>The values of this matrix cell; empty without a matrix.</summary>
    public IReadOnlyDictionary<string, string> Matrix { get; init; } = new Dictionary<string, string>();

    /// <summary>How people read it (<see cref="CellLabel"/>).</summary>
    [JsonIgnore]
    public string Label => CellLabel.Of(Name, Matrix);

    /// <summary>Steps in file order, the implicit clone step first if there is one. A name occurs once.</summary>
    public required IReadOnlyList<StepPlan> Steps { get; init; }

    /// <summary>Services in file order.</summary>
    public IReadOnlyList<StepPlan> Services { get; init; } = [];

    /// <summary>Workflows that must have ended first.</summary>
    public IReadOnlyList<PlanDependency> DependsOn { get; init; } = [];

    /// <summary>Results of the workflows it depends on under which it runs (Woodpecker: <c>runs_on</c>): <c>success</c>, <c>failure</c>.</summary>
    public IReadOnlySet<string> RunsOn { get; init; } = new HashSet<string> { "success" };

    /// <summary>What an agent must have.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>Where the shared volume is mounted.</summary>
    public required string WorkspaceBase { get; init; }

    /// <summary>The working tree, absolute, at or below <see cref="WorkspaceBase"/>.</summary>
    public required string WorkspaceTree { get; init; }

    /// <summary>Wall-clock limit of the workflow; null: the server's or command line's.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Limits of all steps together.</summary>
    public ResourcePlan Resources { get; init; } = ResourcePlan.None;

    /// <summary>How many runs of this group may be active; null: no limit.</summary>
    public ConcurrencyPlan? Concurrency { get; init; }

    /// <summary>The group whose workflows count together, the repository's own: what the file names, or the workflow, all its matrix cells together; null: no limit.</summary>
    [JsonIgnore]
    public string? ConcurrencyGroup => Concurrency is null ? null : Concurrency.Group ?? MatrixRules?.Workflow ?? Name;

    /// <summary>Why the workflow does not run for this event, as a sentence; null if it runs.</summary>
    public string? SkipReason { get; init; }

    /// <summary>What each condition of <c>when</c> came to; empty without <c>when</c>.</summary>
    public IReadOnlyList<ConditionVerdict> Conditions { get; init; } = [];

    /// <summary>How the cells of this workflow's matrix run; null without a matrix.</summary>
    public MatrixPlan? MatrixRules { get; init; }
}

/// <summary>One container: a step or a service.</summary>
public sealed record StepPlan
{
    /// <summary>Unique in its workflow.</summary>
    public required string Name { get; init; }

    /// <summary>What it is.</summary>
    public required StepKind Kind { get; init; }

    /// <summary>What was written after <c>image:</c>, substituted; <c>build:FOLDER</c> if it is to be built.</summary>
    public required string Image { get; init; }

    /// <summary>How the image is built before the step runs; null if it is not.</summary>
    public ImageBuildPlan? Build { get; init; }

    /// <summary>Where the step is in its file, for messages.</summary>
    public required SourceLocation Location { get; init; }

    /// <summary>True: the clone step of a file that has none; nobody wrote it, so it can be trusted with what opens the repository.</summary>
    public bool Implied { get; init; }

    /// <summary>Shell commands in order; empty for a plugin or a step with only an entry point.</summary>
    public IReadOnlyList<string> Commands { get; init; } = [];

    /// <summary>Replaces the image's entry point; null keeps it. Together with <see cref="Commands"/> it gets the script in <c>CI_SCRIPT</c>, as in Woodpecker.</summary>
    public IReadOnlyList<string>? Entrypoint { get; init; }

    /// <summary>Environment of the step, complete: file, matrix, event (<c>CI_*</c>), settings (<c>PLUGIN_*</c>).</summary>
    public IReadOnlyDictionary<string, PlanValue> Environment { get; init; } = new Dictionary<string, PlanValue>();

    /// <summary>Steps of the same workflow that must have ended first. Without any <c>depends_on</c> in the workflow: the step before it.</summary>
    public IReadOnlyList<PlanDependency> DependsOn { get; init; } = [];

    /// <summary>What its failure does to the workflow.</summary>
    public FailureMode Failure { get; init; } = FailureMode.Fail;

    /// <summary>Under which state of the workflow it runs: <c>success</c>, <c>failure</c>, <c>cancelled</c>.</summary>
    public IReadOnlySet<string> RunsOnStatus { get; init; } = new HashSet<string> { "success" };

    /// <summary>Why the step does not run for this event, as a sentence; null if it runs.</summary>
    public string? SkipReason { get; init; }

    /// <summary>What each condition of <c>when</c> came to; empty without <c>when</c>.</summary>
    public IReadOnlyList<ConditionVerdict> Conditions { get; init; } = [];

    /// <summary>A condition over outputs of earlier steps, evaluated when the step is due; null if there is none.</summary>
    public string? LateCondition { get; init; }

    /// <summary>True: the workflow goes on at once, and the step ends with it.</summary>
    public bool Detached { get; init; }

    /// <summary>True: ask the registry each time.</summary>
    public bool AlwaysPull { get; init; }

    /// <summary>Wall-clock limit of one attempt.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>New attempts.</summary>
    public RetryPlan Retry { get; init; } = RetryPlan.None;

    /// <summary>Working directory, absolute; null: the workspace's tree.</summary>
    public string? Directory { get; init; }

    /// <summary><c>user[:group]</c> (<c>backend_options.docker.user</c>).</summary>
    public string? User { get; init; }

    /// <summary>Asked for, and refused unless an administrator allows it.</summary>
    public bool Privileged { get; init; }

    /// <summary>Host volumes <c>source:target[:ro]</c>, refused unless allowed.</summary>
    public IReadOnlyList<string> Volumes { get; init; } = [];

    /// <summary>Devices of the host (<see cref="DeviceRequest"/>), refused unless allowed.</summary>
    public IReadOnlyList<string> Devices { get; init; } = [];

    /// <summary>Name servers.</summary>
    public IReadOnlyList<string> Dns { get; init; } = [];

    /// <summary>Search domains.</summary>
    public IReadOnlyList<string> DnsSearch { get; init; } = [];

    /// <summary><c>name:address</c>.</summary>
    public IReadOnlyList<string> ExtraHosts { get; init; } = [];

    /// <summary>Ports a service serves, for information.</summary>
    public IReadOnlyList<string> Ports { get; init; } = [];

    /// <summary>Limits.</summary>
    public ResourcePlan Resources { get; init; } = ResourcePlan.None;

    /// <summary>False: loopback only.</summary>
    public bool Networked { get; init; } = true;

    /// <summary>Exit codes other than 0 that count as success with a warning.</summary>
    public IReadOnlySet<int> AllowedExitCodes { get; init; } = new HashSet<int>();

    /// <summary>How to find out that a service is ready; null: the image's own check.</summary>
    public HealthCheckPlan? HealthCheck { get; init; }

    /// <summary>True: the step gets no secret, whatever it names.</summary>
    public bool WithoutSecrets { get; init; }

    /// <summary>Patterns of the test reports that it leaves in the working tree.</summary>
    public IReadOnlyList<string> TestReports { get; init => field = value ?? []; } = [];
}

/// <summary>What a container of a workflow is.</summary>
public enum StepKind
{
    /// <summary>Runs commands, or an entry point of its own.</summary>
    Commands,

    /// <summary>Runs the image as it is, with settings.</summary>
    Plugin,

    /// <summary>Puts the source into the workspace. A local run replaces it by the working tree.</summary>
    Clone,

    /// <summary>Lives as long as its workflow.</summary>
    Service,
}

/// <summary>What a step's failure does.</summary>
public enum FailureMode
{
    /// <summary>The workflow has failed; steps that run on failure still run.</summary>
    Fail,

    /// <summary>Noted, and otherwise as if it had succeeded.</summary>
    Ignore,

    /// <summary>The workflow has failed, and everything of it that runs is cancelled.</summary>
    Cancel,
}

/// <summary>Something that must have ended first.</summary>
/// <param name="Name">Name of the step or workflow.</param>
/// <param name="Optional">True: if it is not part of the run, that is no obstacle.</param>
public sealed record PlanDependency(string Name, bool Optional = false);

/// <summary>A value that is known, or only when the step starts. A closed hierarchy.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "is")]
[JsonDerivedType(typeof(Literal), "literal")]
[JsonDerivedType(typeof(Secret), "secret")]
[JsonDerivedType(typeof(Template), "template")]
[JsonDerivedType(typeof(Json), "json")]
public abstract record PlanValue
{
    private PlanValue()
    {
    }

    /// <summary>Known.</summary>
    /// <param name="Text">The value.</param>
    public sealed record Literal(string Text) : PlanValue;

    /// <summary>A secret's value, known to whoever starts the step.</summary>
    /// <param name="Name">The secret's name.</param>
    public sealed record Secret(string Name) : PlanValue;

    /// <summary>Holds <c>${steps.NAME.outputs.KEY}</c>, resolved when the step starts by <c>OutputTemplate.Resolve</c>.</summary>
    /// <param name="Text">The text with the references in it; a dollar that is none of them is written twice.</param>
    public sealed record Template(string Text) : PlanValue;

    /// <summary>A structure (plugin settings) with secrets or outputs in it: JSON in which each secret is <c>{"from_secret": NAME}</c> and each text with outputs
    /// <c>{"from_template": TEXT}</c>; resolved and written as JSON at the start.</summary>
    /// <param name="Text">The JSON text.</param>
    public sealed record Json(string Text) : PlanValue;
}

/// <summary>New attempts of a step, each in a fresh container.</summary>
/// <param name="Max">How many besides the first, 0 to 10.</param>
/// <param name="On">Outcomes that are tried again: <c>failure</c>, <c>timed_out</c>, <c>error</c>, <c>lost</c>.</param>
/// <param name="ExitCodes">Only these exit codes; empty: any.</param>
/// <param name="Delay">Time before each.</param>
public sealed record RetryPlan(int Max, IReadOnlySet<string> On, IReadOnlySet<int> ExitCodes, TimeSpan Delay)
{
    /// <summary>One attempt.</summary>
    public static RetryPlan None { get; } = new(0, new HashSet<string>(), new HashSet<int>(), TimeSpan.Zero);
}

/// <summary>Limits as written; null: none written.</summary>
/// <param name="MemoryBytes">Bytes.</param>
/// <param name="Cpus">Processors.</param>
/// <param name="Pids">Processes and threads.</param>
/// <param name="DiskBytes">What is written to the disk; of a workflow only.</param>
public sealed record ResourcePlan(
    long? MemoryBytes = null,
    double? Cpus = null,
    int? Pids = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] long? DiskBytes = null)
{
    /// <summary>No limit.</summary>
    public static ResourcePlan None { get; } = new();
}

/// <summary>What one condition of <c>when</c> came to.</summary>
/// <param name="Location">Where the condition is.</param>
/// <param name="Holds">Whether it holds, as far as it can be told before the run.</param>
/// <param name="Because">Why not; a sentence without a capital letter and full stop. Null if it holds.</param>
public sealed record ConditionVerdict(SourceLocation Location, bool Holds, string? Because);

/// <summary>How the cells of a matrix run.</summary>
/// <param name="Workflow">The workflow's name without a cell's number; the cells of one matrix share it.</param>
/// <param name="MaxParallel">How many may run at one time; null: no limit.</param>
/// <param name="FailFast">True: the first cell that fails cancels the others.</param>
public sealed record MatrixPlan(string Workflow, int? MaxParallel, bool FailFast);

/// <summary>A concurrency group.</summary>
/// <param name="Limit">How many at once.</param>
/// <param name="Group">Name of the group; null: the workflow's own.</param>
public sealed record ConcurrencyPlan(int Limit, string? Group);

/// <summary>How to find out that a service is ready.</summary>
/// <param name="Test">Command and arguments.</param>
/// <param name="Interval">Time between checks.</param>
/// <param name="Timeout">Longest time of one check.</param>
/// <param name="Retries">Failures in a row that make it unhealthy.</param>
/// <param name="StartPeriod">Time in which failures do not count.</param>
public sealed record HealthCheckPlan(IReadOnlyList<string> Test, TimeSpan Interval, TimeSpan Timeout, int Retries, TimeSpan StartPeriod);
