using System.Text.Json;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;
using CsCheck;

namespace BuildRunner.Core.Tests.Runs;

/// <summary>What holds for every plan, in whatever order things happen, with a cancel or a passed deadline at any moment.</summary>
public sealed class Run_properties
{
    private static readonly string[] Statuses = ["success", "failure", "cancelled"];

    private static readonly Gen<RunPlan> AnyPlan = Gen.Select(Gen.Int[1, 3], Gen.Int[1, 5], Gen.Int[0, int.MaxValue]).Select(PlanOf);

    private static readonly Gen<(RunPlan Plan, int Seed)> AnyRun = Gen.Select(AnyPlan, Gen.Int[0, int.MaxValue]).Select((plan, seed) => (plan, seed));

    [Fact]
    public void Every_run_ends_with_one_outcome_for_every_step() => AnyRun.Sample(
        (plan, seed) =>
        {
            var run = Play(plan, seed, _ => { });
            Assert.NotNull(run.State.Result);
            Assert.All(run.State.Workflows, w => Assert.IsType<WorkflowPhase.Done>(w.Phase));
            Assert.All(run.State.Workflows.SelectMany(w => w.Steps), s => Assert.IsType<StepPhase.Done>(s.Phase));
            Assert.Single(run.Effects.OfType<Effect.RunFinished>());
        },
        iter: 2000);

    [Fact]
    public void What_has_ended_never_changes() => AnyRun.Sample(
        (plan, seed) =>
        {
            var ended = new Dictionary<(string, string), StepPhase>();
            Play(plan, seed, run =>
            {
                foreach (var (workflow, step) in run.State.Workflows.SelectMany(w => w.Steps.Select(s => (w.Name, s))))
                {
                    if (ended.TryGetValue((workflow, step.Name), out var before))
                    {
                        Assert.Same(before, step.Phase);
                    }
                    else if (step.Phase is StepPhase.Done)
                    {
                        ended.Add((workflow, step.Name), step.Phase);
                    }
                }
            });
        },
        iter: 1000);

    [Fact]
    public void No_step_starts_before_its_dependencies_have_ended() => AnyRun.Sample(
        (plan, seed) => Play(plan, seed, run =>
        {
            if (run.Taken.LastOrDefault() is RunFact.StepStarting starting)
            {
                var planned = plan.Workflows.First(w => w.Name == starting.Workflow);
                foreach (var dependency in planned.Steps.First(s => s.Name == starting.Step).DependsOn)
                {
                    var phase = run.State.Workflow(starting.Workflow).Step(dependency.Name).Phase;
                    var detached = planned.Steps.First(s => s.Name == dependency.Name).Detached;
                    Assert.True(phase is StepPhase.Done || (detached && phase is StepPhase.Running), $"{starting.Step} started while {dependency.Name} was {phase}");
                }
            }
        }),
        iter: 1000);

    [Fact]
    public void No_more_workflows_of_a_group_run_at_once_than_the_limit_of_the_one_that_starts() => AnyRun.Sample(
        (plan, seed) =>
        {
            var active = 0;
            Play(plan, seed, run =>
            {
                var now = Enumerable.Range(0, plan.Workflows.Count).Where(at => plan.Workflows[at].Concurrency is not null && run.State.Workflows[at].Phase is not (WorkflowPhase.Waiting or WorkflowPhase.Done)).ToList();
                Assert.True(now.Count <= active || now.Count <= now.Max(at => plan.Workflows[at].Concurrency!.Limit), $"{now.Count} run at once");
                active = now.Count;
            });
        },
        iter: 1000);

    [Fact]
    public void When_a_step_that_cancels_has_failed_no_step_of_another_workflow_starts_but_what_is_there_for_failures() => AnyRun.Sample(
        (plan, seed) =>
        {
            var stopped = -1;
            Play(plan, seed, run =>
            {
                if (stopped >= 0)
                {
                    Assert.DoesNotContain(
                        Enumerable.Range(0, plan.Workflows.Count),
                        at => at != stopped && !plan.Workflows[at].RunsOn.Contains("failure") && run.State.Workflows[at].Phase is WorkflowPhase.Running && run.State.Workflows[at].Halt is null);
                }
                else
                {
                    stopped = Enumerable.Range(0, plan.Workflows.Count).FirstOrDefault(
                        at => plan.Workflows[at].Steps.Where((step, i) => step.Failure == FailureMode.Cancel && run.State.Workflows[at].Steps[i].Phase is StepPhase.Done { Conclusion: Outcome.Failure or Outcome.TimedOut or Outcome.Error }).Any(), -1);
                }
            });
        },
        iter: 1000);

    [Fact]
    public void After_a_cancel_nothing_starts_but_what_runs_at_cancellation() => AnyRun.Sample(
        (plan, seed) => Play(plan, seed, run =>
        {
            if (run.State.Cancel is not null && run.Taken[^1] is RunFact.StepStarting starting)
            {
                Assert.Contains("cancelled", plan.Workflows.First(w => w.Name == starting.Workflow).Steps.First(s => s.Name == starting.Step).RunsOnStatus);
            }
        }),
        iter: 2000);

    [Fact]
    public void No_step_starts_more_often_than_its_retries_allow() => AnyRun.Sample(
        (plan, seed) =>
        {
            var starts = Play(plan, seed, _ => { }).Taken.OfType<RunFact.StepStarting>().ToLookup(f => (f.Workflow, f.Step));
            foreach (var workflow in plan.Workflows)
            {
                Assert.All(workflow.Steps, s => Assert.True(starts[(workflow.Name, s.Name)].Count() <= 1 + s.Retry.Max));
            }
        },
        iter: 500);

    [Fact]
    public void A_state_survives_being_written_and_read() => AnyRun.Sample(
        (plan, seed) => Play(plan, seed, run =>
        {
            var text = JsonSerializer.Serialize(run.State, RunJson.Default.RunState);
            var read = JsonSerializer.Deserialize(text, RunJson.Default.RunState)!;
            Assert.Equal(text, JsonSerializer.Serialize(read, RunJson.Default.RunState));
        }),
        iter: 50);

    [Fact]
    public void A_run_goes_on_alike_from_a_state_and_plan_that_were_written_and_read() => AnyRun.Sample(
        (plan, seed) =>
        {
            var readPlan = JsonSerializer.Deserialize(JsonSerializer.Serialize(plan, RunJson.Default.RunPlan), RunJson.Default.RunPlan)!;
            var run = Play(plan, seed, _ => { });
            var machine = new RunMachine(readPlan);
            var state = machine.Create(run.State.Id, run.State.CreatedAt);
            foreach (var (fact, at) in run.Taken.Zip(run.TakenAt))
            {
                var text = JsonSerializer.Serialize(machine.Apply(state, fact, at).State, RunJson.Default.RunState);
                state = JsonSerializer.Deserialize(text, RunJson.Default.RunState)!;
            }

            Assert.Equal(Words(run.State), Words(state));
        },
        iter: 50);

    private static string Words(RunState state) => string.Join(' ', state.Workflows.SelectMany(w => w.Steps).Select(s => s.Phase is StepPhase.Done d ? d.Outcome.Word : "?")) + " " + state.Result?.Outcome.Word;

    // Lets one of the things that can happen happen, until nothing can; sometimes a stale fact, a cancel, or a deadline comes between.
    private static Simulation Play(RunPlan plan, int seed, Action<Simulation> check)
    {
        var random = new Random(seed);
        var run = new Simulation(plan) { Ends = EndsOf(seed) };
        run.Say(new RunFact.Begin());
        check(run);
        for (var turns = 0; run.Possible.Count > 0; turns++)
        {
            Assert.True(turns < 5000, "the run does not end");
            var before = run.Taken.Count;
            run.Say(random.Next(40) switch
            {
                0 => new RunFact.CancelRequested("somebody wants it"),
                1 => new RunFact.TimePassed(),
                2 => run.Taken[random.Next(run.Taken.Count)],
                _ => run.Possible[random.Next(run.Possible.Count)],
            });
            run.Pass(TimeSpan.FromSeconds(random.Next(3)));
            if (run.Taken.Count > before)
            {
                check(run);
            }
        }

        return run;
    }

    private static Func<string, int, Outcome> EndsOf(int seed) => (step, attempt) => (((seed / 8) + (step.Length * 7) + (attempt * 3)) % 8) switch
    {
        0 => Simulation.Exit(1),
        1 => Simulation.Exit(75),
        2 => new Outcome.TimedOut(TimeSpan.FromSeconds(1)),
        3 => new Outcome.Error("image_not_found", "there is no such image"),
        _ => new Outcome.Success(),
    };

    private static RunPlan PlanOf(int workflows, int steps, int seed)
    {
        var random = new Random(seed);
        return Plans.Run([.. Enumerable.Range(0, workflows).Select(w => WorkflowOf($"w{w}", w, steps, random))]);
    }

    private static WorkflowPlan WorkflowOf(string name, int number, int steps, Random random) => Plans.Workflow(
        name,
        [.. Enumerable.Range(0, steps).Select(s => StepOf(s, random))]) with
    {
        DependsOn = [.. Enumerable.Range(0, number).Where(_ => random.Next(2) == 0).Select(w => new PlanDependency($"w{w}", random.Next(3) == 0))],
        RunsOn = Some(random, "success", "failure"),
        Timeout = random.Next(3) == 0 ? TimeSpan.FromSeconds(random.Next(1, 20)) : null,
        SkipReason = random.Next(8) == 0 ? "event is push" : null,
        MatrixRules = random.Next(6) == 0 ? new MatrixPlan("m", random.Next(1, 3), random.Next(2) == 0) : null,
        Concurrency = random.Next(2) == 0 ? new ConcurrencyPlan(random.Next(1, 3), "g") : null,
    };

    private static StepPlan StepOf(int number, Random random) => Plans.Step(new string('s', number + 1)) with
    {
        DependsOn = [.. Enumerable.Range(0, number).Where(_ => random.Next(2) == 0).Select(s => new PlanDependency(new string('s', s + 1), random.Next(3) == 0))],
        RunsOnStatus = Some(random, Statuses),
        Failure = (FailureMode)random.Next(3),
        Detached = random.Next(6) == 0,
        SkipReason = random.Next(8) == 0 ? "branch is main" : null,
        Retry = new RetryPlan(random.Next(3), Some(random, "failure", "timed_out", "error"), random.Next(2) == 0 ? new HashSet<int> { 75 } : new HashSet<int>(), TimeSpan.FromSeconds(random.Next(2))),
        AllowedExitCodes = random.Next(4) == 0 ? new HashSet<int> { 1 } : new HashSet<int>(),
    };

    private static HashSet<string> Some(Random random, params string[] of)
    {
        var some = of.Where(_ => random.Next(2) == 0).ToHashSet();
        return some.Count > 0 ? some : [of[0]];
    }
}
