using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Orchestration;

namespace BuildRunner.Server.Tests.Orchestration;

/// <summary>The clause beside a run in lists and on its page.</summary>
public sealed class Why_a_run_ended
{
    private static readonly DateTimeOffset Now = new(2027, 3, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Names_the_cell_of_a_matrix_by_its_values()
    {
        var plan = TestPlans.Of(Cell("build/1", "1.24"), Cell("build/2", "1.25"));
        var machine = new RunMachine(plan);
        var state = machine.Create(RunId.Create(TimeProvider.System), Now);
        Say(new RunFact.Begin());
        foreach (var (cell, outcome) in new (string, Outcome)[] { ("build/1", new Outcome.Success()), ("build/2", new Outcome.Failure(new FailureReason.ExitCode(7))) })
        {
            Say(new RunFact.WorkflowTaken(cell));
            Say(new RunFact.WorkflowReady(cell));
            Say(new RunFact.StepTaken(cell, "test", 1));
            Say(new RunFact.StepStarting(cell, "test", 1, null));
            Say(new RunFact.StepEnded(cell, "test", 1, new StepReport { Outcome = outcome }));
            Say(new RunFact.WorkflowReleased(cell));
        }

        Assert.Equal("build (GO=1.25)/test: exit 7", OutcomeWords.WhyEnded(plan, state));

        void Say(RunFact fact)
        {
            var transition = machine.Apply(state, fact, Now);
            Assert.Null(transition.Refusal);
            state = transition.State;
        }
    }

    private static WorkflowPlan Cell(string name, string go) => TestPlans.Workflow(name, "test") with { Matrix = new Dictionary<string, string> { ["GO"] = go } };
}
