using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;

namespace BuildRunner.Core.Tests.Runs;

/// <summary>How workflows depend on each other.</summary>
public sealed class Workflows_of_a_run
{
    [Theory]
    [InlineData("success", 0, "success")]
    [InlineData("success", 1, "skipped")]
    [InlineData("failure", 0, "skipped")]
    [InlineData("failure", 1, "success")]
    [InlineData("success failure", 1, "success")]
    public void A_workflow_runs_on_the_results_that_it_names(string runsOn, int exit, string outcome)
    {
        var run = Play(exit, Plans.Workflow("build", Plans.Step("compile")), Plans.Workflow("after", Plans.Step("x")).After("build").RunsOn(runsOn.Split(' ')));
        Assert.Equal(outcome, Outcome(run, "after"));
    }

    [Fact]
    public void A_failure_reaches_workflows_behind_a_skipped_one()
    {
        var run = Play(1, Plans.Workflow("build", Plans.Step("compile")), Plans.Workflow("test", Plans.Step("x")).After("build"), Plans.Workflow("deploy", Plans.Step("y")).After("test"));
        Assert.Equal("skipped", Outcome(run, "deploy"));
        Assert.Equal("failure", run.State.Result!.Outcome.Word);
    }

    [Fact]
    public void A_workflow_that_the_event_rules_out_takes_those_with_it_that_need_it()
    {
        var run = Play(
            0,
            Plans.Workflow("build", Plans.Step("compile")) with { SkipReason = "event is push" },
            Plans.Workflow("deploy", Plans.Step("x")).After("build"),
            Plans.Workflow("report", Plans.Step("y")) with { DependsOn = [new PlanDependency("build", Optional: true)] });
        Assert.Equal("skipped", Outcome(run, "deploy"));
        Assert.Equal("success", Outcome(run, "report"));
    }

    [Fact]
    public void No_more_cells_of_a_matrix_run_at_once_than_it_says()
    {
        var cells = Enumerable.Range(1, 5).Select(n => Plans.Workflow($"ci/{n}", Plans.Step("x")) with { MatrixRules = new MatrixPlan("ci", 2, false) });
        var run = new Simulation(Plans.Run([.. cells]));
        run.Say(new RunFact.Begin());
        while (run.Possible.Count > 0)
        {
            Assert.True(run.State.Workflows.Count(w => w.Phase is not (WorkflowPhase.Waiting or WorkflowPhase.Done)) <= 2);
            run.Say(run.Possible[0]);
        }

        Assert.All(run.State.Workflows, w => Assert.Equal("success", Assert.IsType<WorkflowPhase.Done>(w.Phase).Outcome.Word));
    }

    [Fact]
    public void The_first_cell_that_fails_cancels_the_others_if_the_matrix_says_so()
    {
        var cells = Enumerable.Range(1, 4).Select(n => Plans.Workflow($"ci/{n}", Plans.Step("x")) with { MatrixRules = new MatrixPlan("ci", 2, true) });
        var run = new Simulation(Plans.Run([.. cells])) { Ends = (_, _) => Simulation.Exit(1) };
        run.Play();
        Assert.Equal("failure", run.State.Result!.Outcome.Word);
        Assert.Equal("failure", Outcome(run, "ci/1"));
        Assert.Equal("cancelled", Outcome(run, "ci/3"));
        Assert.Equal("cancelled", Outcome(run, "ci/4"));
    }

    private static Simulation Play(int exit, params WorkflowPlan[] workflows) =>
        new Simulation(Plans.Run(workflows)) { Ends = (step, _) => Simulation.Exit(step == "compile" ? exit : 0) }.Play();

    private static string Outcome(Simulation run, string workflow) => Assert.IsType<WorkflowPhase.Done>(run.State.Workflow(workflow).Phase).Outcome.Word;
}
