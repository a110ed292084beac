using System.Collections.Immutable;

namespace BuildRunner.Core.Runs;

/// <summary>Something that happened to a run. Facts go into <see cref="RunMachine"/>, effects come out. A closed hierarchy.</summary>
/// <remarks>A fact that comes late or twice is refused, which changes nothing; whoever sent it must then not go on with what it announced.</remarks>
public abstract record RunFact
{
    private RunFact()
    {
    }

    /// <summary>The run may begin.</summary>
    public sealed record Begin : RunFact;

    /// <summary>Somebody takes a workflow to make it. Refused: it must not be touched.</summary>
    public sealed record WorkflowTaken(string Workflow) : RunFact;

    /// <summary>Who took it gives it back, and no step of it was ever started: it is due again.</summary>
    public sealed record WorkflowReturned(string Workflow) : RunFact;

    /// <summary>Network, workspace and services of a workflow are there.</summary>
    public sealed record WorkflowReady(string Workflow) : RunFact;

    /// <summary>They could not be made, or are gone before every step has ended.</summary>
    public sealed record WorkflowBroken(string Workflow, Outcome.Error Error) : RunFact;

    /// <summary>Nothing of a workflow is left on its host.</summary>
    public sealed record WorkflowReleased(string Workflow) : RunFact;

    /// <summary>A service was started.</summary>
    public sealed record ServiceStarted(string Workflow, string Service, string? Image) : RunFact;

    /// <summary>A service has ended, by itself or with its workflow.</summary>
    public sealed record ServiceEnded(string Workflow, string Service, Outcome Outcome) : RunFact;

    /// <summary>Somebody takes an attempt to run it. Refused: it must not be touched.</summary>
    public sealed record StepTaken(string Workflow, string Step, int Attempt) : RunFact;

    /// <summary>Who took an attempt gives it back, and provably executed nothing of it: it is due again (promise G3), also if its intent was stored.</summary>
    public sealed record StepReturned(string Workflow, string Step, int Attempt) : RunFact;

    /// <summary>The intent to start an attempt (promise G2). Refused: it must not be started, and its end must be reported.</summary>
    public sealed record StepStarting(string Workflow, string Step, int Attempt, string? Image) : RunFact;

    /// <summary>An attempt has ended, and nothing of it is running.</summary>
    public sealed record StepEnded(string Workflow, string Step, int Attempt, StepReport Report) : RunFact;

    /// <summary>Somebody wants the run to end.</summary>
    /// <param name="Why">Who or what; a sentence.</param>
    public sealed record CancelRequested(string Why) : RunFact;

    /// <summary>A deadline may have passed (<see cref="RunMachine.NextDeadline"/>).</summary>
    public sealed record TimePassed : RunFact;
}

/// <summary>The one final report of an attempt.</summary>
public sealed record StepReport
{
    /// <summary>What happened, as seen by who ran it: an exit code is not yet judged. <see cref="Outcome.Cancelled"/> if it was stopped on demand.</summary>
    public required Outcome Outcome { get; init; }

    /// <summary>The image, with digest where it has one; null if it was never known.</summary>
    public string? Image { get; init; }

    /// <summary>Where the time went.</summary>
    /// <remarks>Whoever leaves it out, as an older agent may, has told no times.</remarks>
    public PhaseTimes Phases { get; init => field = value ?? PhaseTimes.Zero; } = PhaseTimes.Zero;

    /// <summary>What it wrote to its outputs file.</summary>
    public ImmutableDictionary<string, string> Outputs { get; init; } = ImmutableDictionary<string, string>.Empty;
}
