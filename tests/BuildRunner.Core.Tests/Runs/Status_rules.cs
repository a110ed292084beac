using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;

namespace BuildRunner.Core.Tests.Runs;

/// <summary>Which steps run, depending on how others ended.</summary>
public sealed class Status_rules
{
    [Theory]
    [InlineData("success", 0, "first=success second=success", "success")]
    [InlineData("success", 1, "first=failure second=skipped", "failure")]
    [InlineData("failure", 0, "first=success second=skipped", "success")]
    [InlineData("failure", 1, "first=failure second=success", "failure")]
    [InlineData("success failure", 0, "first=success second=success", "success")]
    [InlineData("success failure", 1, "first=failure second=success", "failure")]
    [InlineData("cancelled", 0, "first=success second=skipped", "success")]
    [InlineData("cancelled", 1, "first=failure second=skipped", "failure")]
    public void A_step_runs_under_the_status_that_it_names(string status, int exit, string outcomes, string result)
    {
        var run = Play(Plans.Run(Plans.Step("first"), Plans.Step("second", "first").On(status.Split(' '))), ("first", exit));
        Assert.Equal(outcomes, run.Outcomes);
        Assert.Equal(result, run.State.Result!.Outcome.Word);
    }

    [Theory]
    [InlineData(FailureMode.Fail, "failure", "skipped")]
    [InlineData(FailureMode.Ignore, "success", "success")]
    [InlineData(FailureMode.Cancel, "failure", "skipped")]
    public void A_failure_counts_as_its_step_says(FailureMode mode, string result, string next)
    {
        var run = Play(Plans.Run(Plans.Step("first") with { Failure = mode }, Plans.Step("second", "first")), ("first", 3));
        Assert.Equal($"first=failure second={next}", run.Outcomes);
        Assert.Equal(mode == FailureMode.Ignore ? "success" : "failure", run.Done("first").Conclusion.Word);
        Assert.Equal(result, run.State.Result!.Outcome.Word);
    }

    [Fact]
    public void The_outcome_stays_beside_the_conclusion()
    {
        var run = Play(Plans.Run(Plans.Step("a") with { Failure = FailureMode.Ignore }), ("a", 3));
        Assert.Equal(new Outcome.Failure(new FailureReason.ExitCode(3)), run.Done("a").Outcome);
        Assert.Equal(new Outcome.Success(null), run.Done("a").Conclusion);
    }

    [Fact]
    public void An_allowed_exit_code_is_a_success_with_a_warning()
    {
        var run = Play(Plans.Run(Plans.Step("a") with { AllowedExitCodes = new HashSet<int> { 3 } }), ("a", 3));
        Assert.Equal(new Outcome.Success(3), run.Done("a").Outcome);
        Assert.Equal("exit 3 is allowed", run.Done("a").Warning);
        Assert.Equal("success", run.State.Result!.Outcome.Word);
    }

    [Fact]
    public void Another_exit_code_than_the_allowed_one_fails()
    {
        var run = Play(Plans.Run(Plans.Step("a") with { AllowedExitCodes = new HashSet<int> { 3 } }), ("a", 4));
        Assert.Equal("a=failure", run.Outcomes);
    }

    [Fact]
    public void A_skipped_step_says_why()
    {
        var run = Play(Plans.Run(Plans.Step("build"), Plans.Step("deploy", "build"), Plans.Step("tell", "build").On("failure")), ("build", 1));
        Assert.Equal(new Outcome.Skipped("'build' ended with failure"), run.Done("deploy").Outcome);
        var passed = Play(Plans.Run(Plans.Step("build"), Plans.Step("tell", "build").On("failure")));
        Assert.Equal(new Outcome.Skipped("nothing has failed"), passed.Done("tell").Outcome);
    }

    [Fact]
    public void What_the_event_rules_out_is_skipped_with_the_plans_reason_and_so_is_what_depends_on_it()
    {
        var run = Play(Plans.Run(
            Plans.Step("build"),
            Plans.Step("deploy", "build") with { SkipReason = "branch is not release/*" },
            Plans.Step("announce", "deploy"),
            Plans.Step("report") with { DependsOn = [new PlanDependency("deploy", Optional: true)] }));
        Assert.Equal("build=success deploy=skipped announce=skipped report=success", run.Outcomes);
        Assert.Equal(new Outcome.Skipped("branch is not release/*"), run.Done("deploy").Outcome);
        Assert.Equal(new Outcome.Skipped("it depends on 'deploy', which does not run: branch is not release/*"), run.Done("announce").Outcome);
    }

    [Fact]
    public void A_dependency_that_is_not_part_of_the_run_is_an_obstacle_unless_it_is_optional()
    {
        var run = Play(Plans.Run(Plans.Step("a", "gone"), Plans.Step("b") with { DependsOn = [new PlanDependency("gone", Optional: true)] }));
        Assert.Equal("a=skipped b=success", run.Outcomes);
    }

    [Fact]
    public void Failure_cancel_ends_what_runs_beside_it()
    {
        var run = new Simulation(Plans.Run(Plans.Step("bad") with { Failure = FailureMode.Cancel }, Plans.Step("slow"), Plans.Step("tell", "bad", "slow").On("failure")))
        {
            Ends = (step, _) => Simulation.Exit(step == "bad" ? 1 : 0),
        };
        run.Say(new RunFact.Begin());
        run.Say(new RunFact.WorkflowTaken("ci"));
        run.Say(new RunFact.WorkflowReady("ci"));
        run.Say(new RunFact.StepTaken("ci", "slow", 1));
        run.Say(new RunFact.StepStarting("ci", "slow", 1, "busybox@sha256:0"));
        run.Say(new RunFact.StepTaken("ci", "bad", 1));
        run.Say(new RunFact.StepStarting("ci", "bad", 1, "busybox@sha256:0"));
        run.Say(run.Possible.OfType<RunFact.StepEnded>().Single(e => e.Step == "bad"));
        while (run.Possible.Count > 0)
        {
            run.Say(run.Possible[0]);
        }

        Assert.Equal("bad=failure slow=cancelled tell=success", run.Outcomes);
        Assert.Equal(new Outcome.Cancelled("'bad' ended with failure"), run.Done("slow").Outcome);
        Assert.Equal("failure", run.State.Result!.Outcome.Word);
    }

    [Fact]
    public void What_broke_the_run_first_names_it()
    {
        var run = Play(Plans.Run(Plans.Step("build"), Plans.Step("tell", "build").On("failure")), ("build", 1), ("tell", -1));
        Assert.Equal("build=failure tell=error", run.Outcomes);
        Assert.Equal("failure", run.State.Result!.Outcome.Word);
    }

    [Theory]
    [InlineData("error", "error")]
    [InlineData("lost", "lost")]
    [InlineData("timed_out", "timed_out")]
    [InlineData("failure", "failure")]
    public void The_run_ends_with_the_word_of_what_broke_it(string word, string result)
    {
        var run = new Simulation(Plans.Run(Plans.Step("a"))) { Ends = (_, _) => Of(word) }.Play();
        Assert.Equal(result, run.State.Result!.Outcome.Word);
    }

    [Fact]
    public void A_detached_step_lets_the_others_go_on_and_ends_with_its_workflow()
    {
        var run = Play(Plans.Run(Plans.Step("server") with { Detached = true }, Plans.Step("test", "server")));
        Assert.Equal("server=success test=success", run.Outcomes);
        Assert.Contains(run.Effects, e => e is Effect.StopStep { Step: "server", Reason: StopReason.WorkflowOver });
    }

    [Fact]
    public void A_detached_step_that_ends_by_itself_with_a_failure_decides_nothing()
    {
        var run = new Simulation(Plans.Run(Plans.Step("server") with { Detached = true }, Plans.Step("test", "server")));
        run.Say(new RunFact.Begin());
        run.Say(new RunFact.WorkflowTaken("ci"));
        run.Say(new RunFact.WorkflowReady("ci"));
        run.Say(new RunFact.StepTaken("ci", "server", 1));
        run.Say(new RunFact.StepStarting("ci", "server", 1, null));
        run.Say(new RunFact.StepEnded("ci", "server", 1, new StepReport { Outcome = Simulation.Exit(7) }));
        while (run.Possible.Count > 0)
        {
            run.Say(run.Possible[0]);
        }

        Assert.Equal("server=failure test=success", run.Outcomes);
        Assert.Equal("success", run.State.Result!.Outcome.Word);
    }

    [Fact]
    public void A_run_in_which_nothing_ran_is_skipped()
    {
        var run = Play(Plans.Run(Plans.Step("a") with { SkipReason = "event is push" }));
        Assert.Equal("skipped", run.State.Result!.Outcome.Word);
        Assert.DoesNotContain(run.Effects, e => e is Effect.StartWorkflow);
    }

    private static Simulation Play(RunPlan plan, params (string Step, int Exit)[] exits) => new Simulation(plan)
    {
        Ends = (step, _) => exits.FirstOrDefault(e => e.Step == step).Exit is var code && code < 0 ? Of("error") : Simulation.Exit(code),
    }.Play();

    private static Outcome Of(string word) => word switch
    {
        "error" => new Outcome.Error("image_not_found", "there is no such image"),
        "lost" => new Outcome.Lost("the agent is gone"),
        "timed_out" => new Outcome.TimedOut(TimeSpan.FromMinutes(1)),
        _ => Simulation.Exit(1),
    };
}
