using System.Collections.Immutable;
using BuildRunner.Core.Expressions.Conditions;
using BuildRunner.Core.Planning;

namespace BuildRunner.Core.Runs;

/// <summary>The rules of a run as a pure function: (state, fact, now) → (state, effects). The same for a local run and for a server.</summary>
/// <remarks>
/// <para>1. The fact is taken into the state, or refused. 2. The state is settled: everything that this makes due becomes due, until nothing
/// changes. 3. The effects are handed back, in the order in which they arose; they are carried out after the state was saved.</para>
/// <para>What holds: every run ends when every dispatched attempt is reported and every workflow released; a step gets one outcome, once; no
/// step starts before its dependencies have ended; after a cancel nothing starts but steps with <c>when.status: cancelled</c>.</para>
/// </remarks>
public sealed class RunMachine
{
    private readonly PlanIndex plan;

    /// <summary>Creates the machine of one plan.</summary>
    /// <param name="plan">A plan without errors.</param>
    /// <param name="evaluate">Judges late conditions; null: the language of <c>when.evaluate</c> does.</param>
    public RunMachine(RunPlan plan, LateConditionJudge? evaluate = null)
    {
        ArgumentNullException.ThrowIfNull(plan);
        this.plan = new PlanIndex(plan, evaluate);
    }

    /// <summary>The state of a run that has not begun.</summary>
    public RunState Create(RunId id, DateTimeOffset now) => new()
    {
        Id = id,
        CreatedAt = now,
        Workflows = [.. plan.Plan.Workflows.Select(Fresh)],
    };

    /// <summary>Applies one fact.</summary>
    public Transition Apply(RunState state, RunFact fact, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(fact);
        if (state.Result is not null)
        {
            return Transition.Refused(state, "the run has ended");
        }

        var turn = new MachineTurn(plan, state, now);
        if (turn.Take(fact) is { } refusal)
        {
            return Transition.Refused(state, refusal);
        }

        turn.Settle();
        return new Transition(turn.State, [.. turn.Effects], null);
    }

    /// <summary>When <see cref="RunFact.TimePassed"/> has to be said at the latest; null: never.</summary>
    public static DateTimeOffset? NextDeadline(RunState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return state.Workflows.Min(WorkflowRules.Deadline);
    }

    private static WorkflowState Fresh(WorkflowPlan workflow) => new()
    {
        Name = workflow.Name,
        Phase = new WorkflowPhase.Waiting(),
        Steps = [.. workflow.Steps.Select(Fresh)],
        Services = [.. workflow.Services.Select(Fresh)],
    };

    private static StepState Fresh(StepPlan step) => new() { Name = step.Name, Phase = new StepPhase.Waiting() };
}

/// <summary>What one fact did.</summary>
/// <param name="State">The state afterwards; the same object if the fact was refused.</param>
/// <param name="Effects">What to do now.</param>
/// <param name="Refusal">Why the fact was refused; null if it was taken.</param>
public sealed record Transition(RunState State, ImmutableArray<Effect> Effects, string? Refusal)
{
    internal static Transition Refused(RunState state, string why) => new(state, [], why);
}

/// <summary>Judges a condition that depends on outputs of earlier steps.</summary>
/// <param name="condition">The step's <see cref="StepPlan.LateCondition"/>.</param>
/// <param name="status">The workflow's status: <c>success</c>, <c>failure</c> or <c>cancelled</c>.</param>
/// <param name="state">The workflow, with the outputs.</param>
/// <param name="problem">Why it cannot be told, if null is returned; a sentence.</param>
/// <returns>Whether the step runs; null: it cannot be told, and the step is an error.</returns>
public delegate bool? LateConditionJudge(string condition, string status, WorkflowState state, out string? problem);

/// <summary>The judge of every run: the language of <c>when.evaluate</c>.</summary>
internal static class LateConditions
{
    public static bool? Judge(string condition, string status, WorkflowState state, out string? problem) => LateCondition.Holds(
        condition,
        status,
        (step, key) => state.Steps.FirstOrDefault(s => s.Name == step)?.Outputs.GetValueOrDefault(key),
        out problem);
}
