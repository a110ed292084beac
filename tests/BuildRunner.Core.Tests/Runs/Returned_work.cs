using System.Collections.Immutable;
using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;

namespace BuildRunner.Core.Tests.Runs;

/// <summary>Work that was taken and comes back, as it does when an agent dies.</summary>
public sealed class Returned_work
{
    private static readonly DateTimeOffset Noon = new(2027, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private static readonly RunPlan Plan = new(
        [
            new WorkflowPlan
            {
                Name = "ci",
                File = "ci.yml",
                WorkspaceBase = "/woodpecker",
                WorkspaceTree = "/woodpecker/src",
                Timeout = TimeSpan.FromMinutes(10),
                Steps = [Step("build"), Step("test") with { DependsOn = [new PlanDependency("build")] }],
            },
        ],
        new RunEvent { Kind = "manual" });

    private readonly RunMachine machine = new(Plan);
    private RunState state;

    public Returned_work() => state = machine.Create(RunId.Create(TimeProvider.System), Noon);

    [Fact]
    public void A_workflow_waits_for_somebody_without_using_up_its_time()
    {
        Take(new RunFact.Begin());
        Assert.IsType<WorkflowPhase.Queued>(Workflow.Phase);
        Assert.Null(RunMachine.NextDeadline(state));

        Take(new RunFact.WorkflowTaken("ci"), Noon.AddHours(1));
        Assert.Equal(Noon.AddHours(1).AddMinutes(10), RunMachine.NextDeadline(state));
        Refuse(new RunFact.WorkflowTaken("ci"));
    }

    [Fact]
    public void A_workflow_that_nobody_has_taken_ends_at_once_when_the_run_is_cancelled()
    {
        Take(new RunFact.Begin());
        var effects = Take(new RunFact.CancelRequested("by kim"));
        Assert.Equal("cancelled", state.Result?.Outcome.Word);
        Assert.DoesNotContain(effects, e => e is Effect.ReleaseWorkflow);
    }

    [Fact]
    public void A_returned_attempt_is_due_again_with_the_same_number()
    {
        Running();
        Take(new RunFact.StepTaken("ci", "build", 1));
        var effects = Take(new RunFact.StepReturned("ci", "build", 1));
        Assert.Equal(1, Assert.Single(effects.OfType<Effect.DispatchStep>()).Attempt);
        Refuse(new RunFact.StepReturned("ci", "build", 1));
        Take(new RunFact.StepTaken("ci", "build", 1));
    }

    [Fact]
    public void An_attempt_whose_intent_is_stored_can_be_returned_but_not_another_one_and_not_when_it_has_ended()
    {
        Running();
        Take(new RunFact.StepTaken("ci", "build", 1));
        Take(new RunFact.StepStarting("ci", "build", 1, null));
        Refuse(new RunFact.StepReturned("ci", "build", 2));
        Assert.Equal(1, Assert.Single(Take(new RunFact.StepReturned("ci", "build", 1)).OfType<Effect.DispatchStep>()).Attempt);
        Take(new RunFact.StepTaken("ci", "build", 1));
        Take(new RunFact.StepStarting("ci", "build", 1, null));
        Take(new RunFact.StepEnded("ci", "build", 1, new StepReport { Outcome = new Outcome.Success() }));
        Refuse(new RunFact.StepReturned("ci", "build", 1));
    }

    [Fact]
    public void A_returned_attempt_that_was_to_be_stopped_ends_instead()
    {
        Running();
        Take(new RunFact.StepTaken("ci", "build", 1));
        Take(new RunFact.CancelRequested("by kim"));
        var effects = Take(new RunFact.StepReturned("ci", "build", 1));
        Assert.DoesNotContain(effects, e => e is Effect.DispatchStep);
        Assert.Equal("cancelled", Assert.IsType<StepPhase.Done>(Workflow.Step("build").Phase).Outcome.Word);
    }

    [Fact]
    public void A_workflow_of_which_no_step_was_started_is_due_again_as_a_whole()
    {
        Running();
        Assert.IsType<StepPhase.Queued>(Workflow.Step("build").Phase);
        var effects = Take(new RunFact.WorkflowReturned("ci"));
        Assert.Single(effects.OfType<Effect.StartWorkflow>());
        Assert.IsType<WorkflowPhase.Queued>(Workflow.Phase);
        Assert.IsType<StepPhase.Waiting>(Workflow.Step("build").Phase);
        Take(new RunFact.WorkflowTaken("ci"));
    }

    [Fact]
    public void A_workflow_that_has_worked_cannot_be_returned_and_breaks_instead()
    {
        Running();
        Take(new RunFact.StepTaken("ci", "build", 1));
        Take(new RunFact.StepStarting("ci", "build", 1, null));
        Take(new RunFact.StepEnded("ci", "build", 1, new StepReport { Outcome = new Outcome.Success() }));
        Refuse(new RunFact.WorkflowReturned("ci"));

        Take(new RunFact.WorkflowBroken("ci", new Outcome.Error("agent_lost", "agent 'a' is gone")));
        Assert.IsType<Outcome.Skipped>(Assert.IsType<StepPhase.Done>(Workflow.Step("test").Phase).Outcome);
        Take(new RunFact.WorkflowReleased("ci"));
        Assert.Equal(new Outcome.Error("agent_lost", "agent 'a' is gone"), state.Result?.Outcome);
    }

    private WorkflowState Workflow => state.Workflow("ci");

    private static StepPlan Step(string name) => new() { Name = name, Kind = StepKind.Commands, Image = "busybox", Location = new SourceLocation("ci.yml", 1, 1) };

    private void Running()
    {
        Take(new RunFact.Begin());
        Take(new RunFact.WorkflowTaken("ci"));
        Take(new RunFact.WorkflowReady("ci"));
    }

    private ImmutableArray<Effect> Take(RunFact fact, DateTimeOffset? at = null)
    {
        var transition = machine.Apply(state, fact, at ?? Noon);
        Assert.Null(transition.Refusal);
        state = transition.State;
        return transition.Effects;
    }

    private void Refuse(RunFact fact) => Assert.NotNull(machine.Apply(state, fact, Noon).Refusal);
}
