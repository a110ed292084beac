using BuildRunner.Core.Runs;

namespace BuildRunner.Core.Tests.Runs;

/// <summary>New attempts, time limits, cancelling.</summary>
public sealed class Retries_and_limits
{
    [Theory]
    [InlineData(2, "failure", 2, "success", 3)]
    [InlineData(1, "failure", 2, "failure", 2)]
    [InlineData(2, "timed_out", 2, "failure", 1)]
    [InlineData(0, "failure", 2, "failure", 1)]
    public void A_step_is_tried_again_as_often_as_it_says_and_for_what_it_says(int max, string on, int failures, string outcome, int attempts)
    {
        var run = new Simulation(Plans.Run(Plans.Step("a").Retry(max, [on]))) { Ends = (_, attempt) => Simulation.Exit(attempt <= failures ? 1 : 0) }.Play();
        Assert.Equal($"a={outcome}", run.Outcomes);
        Assert.Equal(attempts, run.State.Workflow("ci").Step("a").Attempts.Length);
        Assert.Equal(Enumerable.Range(1, attempts), run.State.Workflow("ci").Step("a").Attempts.Select(t => t.Number));
    }

    [Theory]
    [InlineData(75, 2)]
    [InlineData(1, 1)]
    public void Only_the_exit_codes_that_it_names_are_tried_again(int code, int attempts)
    {
        var run = new Simulation(Plans.Run(Plans.Step("a").Retry(1, ["failure"], [75]))) { Ends = (_, _) => Simulation.Exit(code) }.Play();
        Assert.Equal(attempts, run.State.Workflow("ci").Step("a").Attempts.Length);
    }

    [Fact]
    public void A_retry_waits_for_its_delay()
    {
        var run = new Simulation(Plans.Run(Plans.Step("a").Retry(1, ["failure"], delay: TimeSpan.FromMinutes(1)))) { Ends = (_, n) => Simulation.Exit(n == 1 ? 1 : 0) }.Play();
        var second = run.Effects.OfType<Effect.DispatchStep>().Single(d => d.Attempt == 2);
        Assert.Equal(run.Now + TimeSpan.FromMinutes(1), second.NotBefore);
    }

    [Fact]
    public void The_workflows_time_ends_what_runs_and_skips_what_waits()
    {
        var workflow = Plans.Workflow("ci", Plans.Step("slow"), Plans.Step("next", "slow"), Plans.Step("tell", "slow").On("failure")) with { Timeout = TimeSpan.FromMinutes(10) };
        var run = Started(new Simulation(Plans.Run(workflow)), "slow");
        Assert.Equal(run.Now.AddMinutes(10), RunMachine.NextDeadline(run.State));

        run.Pass(TimeSpan.FromMinutes(9));
        run.Say(new RunFact.TimePassed());
        Assert.DoesNotContain(run.Effects, e => e is Effect.StopStep);
        run.Pass(TimeSpan.FromMinutes(1));
        run.Say(new RunFact.TimePassed());
        Assert.Contains(run.Effects, e => e is Effect.StopStep { Step: "slow", Reason: StopReason.TimeUp });
        End(run);

        Assert.Equal("slow=timed_out next=skipped tell=skipped", run.Outcomes);
        Assert.Equal(new Outcome.Skipped("the workflow's time of 10m 00s was up"), run.Done("next").Outcome);
        Assert.Equal("timed_out", run.State.Result!.Outcome.Word);
    }

    [Fact]
    public void A_cancel_ends_what_runs_skips_what_waits_and_runs_what_runs_at_cancellation()
    {
        var run = Started(new Simulation(Plans.Run(Plans.Step("slow"), Plans.Step("next", "slow"), Plans.Step("clean", "slow").On("cancelled"))), "slow");
        run.Say(new RunFact.CancelRequested("kim wants it"));
        End(run);
        Assert.Equal("slow=cancelled next=skipped clean=success", run.Outcomes);
        Assert.Equal(new Outcome.Cancelled("kim wants it"), run.Done("slow").Outcome);
        Assert.Equal(new Outcome.Cancelled("kim wants it"), run.State.Result!.Outcome);
    }

    [Fact]
    public void A_cancel_that_comes_when_every_step_has_ended_changes_nothing()
    {
        var run = Started(new Simulation(Plans.Run(Plans.Step("a"))), "a");
        run.Say(run.Possible.OfType<RunFact.StepEnded>().Single());
        run.Say(new RunFact.CancelRequested("too late"));
        End(run);
        Assert.Equal("success", run.State.Result!.Outcome.Word);
    }

    [Fact]
    public void A_step_that_has_ended_by_itself_when_it_is_stopped_keeps_its_own_end()
    {
        var run = Started(new Simulation(Plans.Run(Plans.Step("a"), Plans.Step("b", "a"))), "a");
        run.Say(new RunFact.CancelRequested("kim wants it"));
        run.Say(new RunFact.StepEnded("ci", "a", 1, new StepReport { Outcome = Simulation.Exit(0) }));
        Assert.Equal("success", run.Done("a").Outcome.Word);
        End(run);
        Assert.Equal("cancelled", run.State.Result!.Outcome.Word);
    }

    [Theory]
    [InlineData(0, "success")]
    [InlineData(1, "failure")]
    public void A_cancel_that_kept_nothing_from_running_and_ended_nothing_leaves_the_run_the_end_of_its_steps(int exit, string end)
    {
        var run = Started(new Simulation(Plans.Run(Plans.Step("a").Retry(3, ["failure"]))), "a");
        run.Say(new RunFact.CancelRequested("kim wants it"));
        run.Say(new RunFact.StepEnded("ci", "a", 1, new StepReport { Outcome = Simulation.Exit(exit) }));
        Assert.Equal(end, run.Done("a").Outcome.Word);
        Assert.DoesNotContain(run.Effects, e => e is Effect.DispatchStep { Attempt: 2 });
        End(run);
        Assert.Equal(end, run.State.Result!.Outcome.Word);
    }

    [Fact]
    public void Reports_that_are_late_or_come_twice_are_refused()
    {
        var run = Started(new Simulation(Plans.Run(Plans.Step("a").Retry(1, ["failure"]))), "a");
        var report = new RunFact.StepEnded("ci", "a", 1, new StepReport { Outcome = Simulation.Exit(1) });
        Assert.Null(run.Say(report));
        Assert.NotNull(run.Say(report));
        Assert.NotNull(run.Say(new RunFact.StepStarting("ci", "a", 1, null)));
        Assert.NotNull(run.Say(new RunFact.StepTaken("ci", "nobody", 1)));
        Assert.NotNull(run.Say(new RunFact.WorkflowReady("ci")));
    }

    [Fact]
    public void A_workflow_that_cannot_be_started_ends_in_its_error()
    {
        var run = new Simulation(Plans.Run(Plans.Step("a")));
        run.Say(new RunFact.Begin());
        run.Say(new RunFact.WorkflowTaken("ci"));
        run.Say(new RunFact.WorkflowBroken("ci", new Outcome.Error("unhealthy", "service 'db' did not become healthy")));
        End(run);
        Assert.Equal("a=skipped", run.Outcomes);

        // Why, is told once and not again at each of its steps.
        Assert.Equal(new Outcome.Skipped("the workflow could not go on"), ((StepPhase.Done)run.State.Workflow("ci").Step("a").Phase).Outcome);
        Assert.Equal(new Outcome.Error("unhealthy", "service 'db' did not become healthy"), run.State.Result!.Outcome);
    }

    private static Simulation Started(Simulation run, string step)
    {
        run.Say(new RunFact.Begin());
        run.Say(new RunFact.WorkflowTaken("ci"));
        run.Say(new RunFact.WorkflowReady("ci"));
        run.Say(new RunFact.StepTaken("ci", step, 1));
        run.Say(new RunFact.StepStarting("ci", step, 1, "busybox@sha256:0"));
        return run;
    }

    private static void End(Simulation run)
    {
        while (run.Possible.Count > 0)
        {
            run.Say(run.Possible[0]);
        }
    }
}
