using BuildRunner.Containers.Engine;
using BuildRunner.Agent.Output;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;

namespace BuildRunner.Agent.Steps;

/// <summary>One workflow to execute, with everything that is not in its plan.</summary>
public sealed record WorkflowJob
{
    /// <summary>The run that it belongs to.</summary>
    public required RunId Run { get; init; }

    /// <summary>What to do.</summary>
    public required WorkflowPlan Plan { get; init; }

    /// <summary>Unique on this host (<see cref="GroupSpec.Id"/>).</summary>
    public required string GroupId { get; init; }

    /// <summary>Whose it is (<see cref="GroupSpec.Owner"/>).</summary>
    public required string Owner { get; init; }

    /// <summary>The workspace.</summary>
    public required WorkspaceSpec Workspace { get; init; }

    /// <summary>A directory for files of this workflow that steps do not see; exists, and is removed by whoever made it.</summary>
    public required string ScratchDirectory { get; init; }

    /// <summary>When the run began, for <c>CI_PIPELINE_STARTED</c>.</summary>
    public required DateTimeOffset RunStartedAt { get; init; }

    /// <summary>Secrets by name. All of them are hidden in every output.</summary>
    public IReadOnlyDictionary<string, string> Secrets { get; init; } = new Dictionary<string, string>();

    /// <summary>Secrets that are named and not given, by name: why, as a sentence.</summary>
    public IReadOnlyDictionary<string, string> SecretsWithheld { get; init; } = new Dictionary<string, string>();

    /// <summary>What to do about a secret that nobody knows, with <c>{0}</c> for its name.</summary>
    public string SecretHint { get; init; } = "it is not known; for a local run give --secret {0} (from the environment), --secret {0}=VALUE or --secret-file FILE";

    /// <summary>Gets the source when a clone step does not name an image for it; null: a clone step is a step as any other.</summary>
    public ICheckout? Checkout { get; init; }

    /// <summary>Keeps output and end of containers for a caller that comes back; null: they are gone with this process.</summary>
    internal ContainerRecords? Records { get; init; }

    /// <summary>Added to the environment of every step, and stronger than the plan's.</summary>
    public IReadOnlyDictionary<string, string> ExtraEnvironment { get; init; } = new Dictionary<string, string>();

    /// <summary>True: tools are told to colour their output.</summary>
    public bool Colour { get; init; }

    /// <summary>What steps may ask for.</summary>
    public StepPolicy Policy { get; init; } = StepPolicy.Strict;

    /// <summary>Time between TERM and KILL.</summary>
    public TimeSpan StopGrace { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Called when every step has ended and before the workspace goes, with the directory that shows it; null if the engine has none.</summary>
    public Func<string?, CancellationToken, Task>? BeforeRelease { get; init; }

    /// <summary>Which containers are kept when they have ended.</summary>
    public KeepRule Keep { get; init; } = KeepRule.Nothing;

    /// <summary>Told of each container that was kept, before the end of its step is reported; what it does, the step's end waits for.</summary>
    public Func<KeptStep, CancellationToken, Task>? Kept { get; init; }

    /// <summary>Told what a step wrote for people to read, before its end is reported.</summary>
    public Action<StepSummary>? Summary { get; init; }

    /// <summary>Told, with step and attempt, what its test reports say, before its end is reported; null: they are not read.</summary>
    public Action<string, int, TestReport>? Tests { get; init; }

    /// <summary>Limits of a step that names none.</summary>
    public ResourceLimits DefaultLimits { get; init; } = ResourceLimits.None;

    /// <summary>True: its containers have the profile <c>hardened</c> (<see cref="GroupSpec.Hardened"/>).</summary>
    public bool Hardened { get; init; }

    /// <summary>What the workflow may write to the disk: if it asks for nothing, and at most. Null: as it asks.</summary>
    public long? MostDiskBytes { get; init; }
}

/// <summary>What steps may ask for.</summary>
/// <param name="AllowPrivileged">Whether <c>privileged: true</c> is obeyed.</param>
/// <param name="AllowedVolumes">Host directories below which <c>volumes</c> may lie; <c>/</c> allows all.</param>
/// <param name="AllowedRootFileSystems">Directories that <c>rootfs:</c> may name, and that image archives and layouts may lie in; <c>*</c> allows all.</param>
public sealed record StepPolicy(bool AllowPrivileged, IReadOnlyList<string> AllowedVolumes, IReadOnlyList<string> AllowedRootFileSystems)
{
    /// <summary>True: images may be built. A builder's own commands run under its engine's isolation, not under ours.</summary>
    public bool AllowImageBuilds { get; init; }

    /// <summary>Why the server withholds <c>privileged</c>, whatever this machine allows, as the end of a sentence; null: it does not.</summary>
    public string? PrivilegedWithheld { get; init; }

    /// <summary>The same of <c>volumes</c>.</summary>
    public string? VolumesWithheld { get; init; }

    /// <summary>Devices of the host that <c>devices</c> may name: paths, with what lies below them, or patterns as <c>/dev/ttyUSB*</c>.</summary>
    public IReadOnlyList<string> AllowedDevices { get; init; } = [];

    /// <summary>The same of <c>devices</c>.</summary>
    public string? DevicesWithheld { get; init; }

    /// <summary>Nothing that reaches beyond the container.</summary>
    public static StepPolicy Strict { get; } = new(false, [], []);

    /// <summary>What an agent may use for its own containers.</summary>
    internal static StepPolicy OfAgent { get; } = new(false, [], ["*"]);
}

/// <summary>Tells the orchestrator what happened.</summary>
/// <returns>Null if it was taken; otherwise why not, and the sender must not go on with what it announced.</returns>
public delegate Task<string?> ReportFact(RunFact fact, CancellationToken cancellationToken);

/// <summary>What executors of one host share.</summary>
/// <param name="Engine">Runs the containers.</param>
/// <param name="Images">Resolves images, once per run.</param>
/// <param name="Slots">How many steps may run at once.</param>
/// <param name="Report">Tells what happened.</param>
/// <param name="NewLog">Makes the log of an attempt or service.</param>
/// <param name="Time">The clock.</param>
/// <param name="Fault">Told of a defect of ours that no report can carry; the run cannot be trusted to end then.</param>
public sealed record AgentContext(
    IContainerEngine Engine,
    RunImages Images,
    SemaphoreSlim Slots,
    ReportFact Report,
    NewStepLog NewLog,
    TimeProvider Time,
    Action<Exception> Fault)
{
    /// <summary>Told of each container whose command is about to start; the result is disposed when it has ended. Null: nobody wants to know.</summary>
    public Func<ILeased, IDisposable>? Started { get; init; }
}
