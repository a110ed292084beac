using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;

namespace BuildRunner.Core.Tests.Runs;

/// <summary>Plays a run against the machine: carries effects out as an agent would, in an order and with ends that the test chooses.</summary>
internal sealed class Simulation
{
    private readonly RunMachine machine;
    private readonly List<RunFact> possible = [];

    public Simulation(RunPlan plan)
    {
        Plan = plan;
        machine = new RunMachine(plan);
        State = machine.Create(new RunId(Guid.Empty), Now);
    }

    public RunPlan Plan { get; }

    public RunState State { get; private set; }

    public DateTimeOffset Now { get; private set; } = new(2027, 3, 1, 12, 0, 0, TimeSpan.Zero);

    /// <summary>Every fact that was taken, in order.</summary>
    public List<RunFact> Taken { get; } = [];

    /// <summary>When each of them was.</summary>
    public List<DateTimeOffset> TakenAt { get; } = [];

    /// <summary>Everything that was to be done, in order.</summary>
    public List<Effect> Effects { get; } = [];

    /// <summary>What can happen next.</summary>
    public IReadOnlyList<RunFact> Possible => possible;

    /// <summary>How attempts end: by step and attempt. Success if there is nothing for them.</summary>
    public Func<string, int, Outcome> Ends { get; init; } = (_, _) => new Outcome.Success();

    public static Outcome Exit(int code) => code == 0 ? new Outcome.Success() : new Outcome.Failure(new FailureReason.ExitCode(code));

    /// <summary>Lets what happens happen in order until nothing can.</summary>
    public Simulation Play()
    {
        Say(new RunFact.Begin());
        while (possible.Count > 0)
        {
            Say(possible[0]);
        }

        return this;
    }

    public void Pass(TimeSpan time) => Now += time;

    /// <summary>Says a fact; returns why it was refused, or null.</summary>
    public string? Say(RunFact fact)
    {
        possible.Remove(fact);
        var transition = machine.Apply(State, fact, Now);
        if (transition.Refusal is not null)
        {
            Refused(fact);
            return transition.Refusal;
        }

        Taken.Add(fact);
        TakenAt.Add(Now);
        State = transition.State;
        Follow(fact);
        Effects.AddRange(transition.Effects);
        foreach (var effect in transition.Effects)
        {
            Follow(effect);
        }

        return null;
    }

    public StepPhase.Done Done(string step, string workflow = "ci") => Assert.IsType<StepPhase.Done>(State.Workflow(workflow).Step(step).Phase);

    /// <summary><c>build=success test=failure…</c></summary>
    public string Outcomes => string.Join(' ', State.Workflows.SelectMany(w => w.Steps).Select(s => $"{s.Name}={(s.Phase as StepPhase.Done)?.Outcome.Word}"));

    private void Follow(RunFact fact)
    {
        switch (fact)
        {
            case RunFact.WorkflowTaken(var workflow):
                possible.Add(new RunFact.WorkflowReady(workflow));
                break;
            case RunFact.StepTaken(var workflow, var step, var attempt):
                possible.Add(new RunFact.StepStarting(workflow, step, attempt, "busybox@sha256:0"));
                break;
            case RunFact.StepStarting(var workflow, var step, var attempt, _):
                var detached = Plan.Workflows.First(w => w.Name == workflow).Steps.First(s => s.Name == step).Detached;
                if (!detached)
                {
                    possible.Add(End(workflow, step, attempt, Ends(step, attempt)));
                }

                break;
        }
    }

    private void Follow(Effect effect)
    {
        switch (effect)
        {
            case Effect.StartWorkflow(var workflow):
                possible.Add(new RunFact.WorkflowTaken(workflow));
                break;
            case Effect.DispatchStep(var workflow, var step, var attempt, _, _):
                possible.Add(new RunFact.StepTaken(workflow, step, attempt));
                break;
            case Effect.StopStep(var workflow, var step, var attempt, _):
                var running = possible.RemoveAll(f => f is RunFact.StepEnded e && (e.Workflow, e.Step, e.Attempt) == (workflow, step, attempt)) > 0
                    || !possible.Any(f => f is RunFact.StepStarting s && (s.Workflow, s.Step, s.Attempt) == (workflow, step, attempt));
                if (running)
                {
                    possible.Add(End(workflow, step, attempt, new Outcome.Cancelled("it was stopped")));
                }

                break;
            case Effect.ReleaseWorkflow(var workflow):
                possible.Add(new RunFact.WorkflowReleased(workflow));
                break;
        }
    }

    // An attempt whose start is refused is reported as stopped.
    private void Refused(RunFact fact)
    {
        if (fact is RunFact.StepStarting(var workflow, var step, var attempt, _))
        {
            possible.Add(End(workflow, step, attempt, new Outcome.Cancelled("it was stopped before it started")));
        }
    }

    private static RunFact.StepEnded End(string workflow, string step, int attempt, Outcome outcome) =>
        new(workflow, step, attempt, new StepReport { Outcome = outcome, Image = "busybox@sha256:0" });
}
