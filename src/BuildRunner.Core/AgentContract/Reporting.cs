using System.Text.Json.Serialization;
using BuildRunner.Core.Runs;

namespace BuildRunner.Core.AgentContract;

/// <summary>An attempt is about to be started (promise G2): only after the answer is a process of it executed.</summary>
public sealed record IntentRequest
{
    /// <summary>The fence of the claim.</summary>
    public required long Fence { get; init; }

    /// <summary>The image, with digest where it has one.</summary>
    public string? Image { get; init; }

    /// <summary>The digest alone, to be used whenever the run names that image again; null if it has none.</summary>
    public string? Digest { get; init; }
}

/// <summary>The one report of a piece of work.</summary>
public sealed record ResultRequest
{
    /// <summary>The fence of the claim.</summary>
    public required long Fence { get; init; }

    /// <summary>What came out.</summary>
    public required WorkResult Result { get; init; }
}

/// <summary>What came out of a piece of work. A closed hierarchy, one case or two per <see cref="WorkKind"/>.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "is")]
[JsonDerivedType(typeof(Ready), "ready")]
[JsonDerivedType(typeof(Broken), "broken")]
[JsonDerivedType(typeof(Ended), "ended")]
[JsonDerivedType(typeof(Released), "released")]
public abstract record WorkResult
{
    private WorkResult()
    {
    }

    /// <summary>Of a start: workspace, network and services are there.</summary>
    public sealed record Ready : WorkResult;

    /// <summary>Of a start: they could not be made.</summary>
    /// <param name="Error">Why.</param>
    public sealed record Broken(Outcome.Error Error) : WorkResult;

    /// <summary>Of a step: the attempt has ended, and nothing of it is running.</summary>
    /// <param name="Report">How.</param>
    public sealed record Ended(StepReport Report) : WorkResult;

    /// <summary>Of a release: nothing of the workflow is left.</summary>
    public sealed record Released : WorkResult;
}

/// <summary>Work that provably did not start and is given back: it is queued again at once, three times at most.</summary>
public sealed record ReturnRequest
{
    /// <summary>The fence of the claim.</summary>
    public required long Fence { get; init; }

    /// <summary>Why, as a clause for people.</summary>
    public required string Why { get; init; }

    /// <summary>True: the agent knows that no instruction of it was executed, although its intent may be stored. False, as older agents have it: one whose intent is
    /// stored cannot come back.</summary>
    public bool NothingRan { get; init; }
}

/// <summary>A service was started, or has ended.</summary>
public sealed record ServiceRequest
{
    /// <summary>The fence of the claim that made the workflow.</summary>
    public required long Fence { get; init; }

    /// <summary>The service's name.</summary>
    public required string Service { get; init; }

    /// <summary>The image, with digest where it has one.</summary>
    public string? Image { get; init; }

    /// <summary>How it ended; null: it was started.</summary>
    public Outcome? Outcome { get; init; }
}

/// <summary>An agent that was started anew wants to go on with a workflow whose workspace it still has.</summary>
public sealed record ResumeRequest
{
    /// <summary>The fence of the claim that made the workflow.</summary>
    public required long Fence { get; init; }
}

/// <summary>The workflow, as its claim had brought it.</summary>
/// <param name="Item">The work that made it.</param>
/// <param name="Ended">Steps of it that have ended.</param>
public sealed record ResumeResponse(WorkItem Item, IReadOnlyList<string> Ended);

/// <summary>Workspace, network or services of a workflow are gone, after a crash for example: no step of it can run here.</summary>
/// <remarks>If no step of it was ever started the workflow is made again, by any agent; otherwise it ends with an error.</remarks>
public sealed record WorkflowLostRequest
{
    /// <summary>The fence of the claim that made the workflow.</summary>
    public required long Fence { get; init; }

    /// <summary>What happened, as a sentence.</summary>
    public required string Why { get; init; }
}

/// <summary>Where a log stands at the server.</summary>
/// <param name="Offset">Bytes that are stored for good; the next upload begins there.</param>
/// <param name="Ended">True: its end is stored too.</param>
public sealed record LogPosition(long Offset, bool Ended);

/// <summary>The names of log streams of a piece of work.</summary>
public static class LogStreams
{
    /// <summary>The output of a step: frames by <see cref="LogFrame"/>.</summary>
    public const string Output = "output";

    /// <summary>What a step's test reports say: one frame by <see cref="LogFrame"/>, with a <see cref="TestReport"/> as JSON.</summary>
    public const string Tests = "tests";

    /// <summary>The output of a service, of the work that made the workflow: frames by <see cref="LogFrame"/>.</summary>
    public static string Service(string name) => "service." + name;
}
