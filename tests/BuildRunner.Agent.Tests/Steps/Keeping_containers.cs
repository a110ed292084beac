using System.Collections.Immutable;
using BuildRunner.Agent.Steps;
using BuildRunner.Containers.Engine;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;

namespace BuildRunner.Agent.Tests.Steps;

public sealed class Keeping_containers : IAsyncDisposable
{
    private readonly ScriptedEngine engine = new();

    public ValueTask DisposeAsync() => engine.DisposeAsync();

    [Fact]
    public async Task The_container_of_a_step_that_fails_is_kept_before_it_is_disposed_and_before_its_end_is_told()
    {
        engine.Behaviours["bad"] = Exits(3);
        var seen = "";
        await using var run = new AgentRun(engine, AgentRun.Workflow(AgentRun.Step("good"), AgentRun.Step("bad", "good")), change: j => j with
        {
            Keep = new KeepRule(Failed: true, ImmutableHashSet<string>.Empty),
            Kept = (step, _) =>
            {
                seen = $"{step.Step.Name} {step.Kept.Id} {string.Join(' ', engine.Disposed)}";
                return Task.CompletedTask;
            },
        });
        await run.PlayAsync();
        Assert.Equal(("bad", 1, "exit 3"), engine.Kept.Select(k => (k.Step, k.Attempt, k.Outcome)).Single());
        Assert.Equal("bad 12345678 good", seen);
    }

    [Fact]
    public async Task Nothing_is_kept_of_a_step_that_is_tried_again_or_whose_failure_counts_for_nothing()
    {
        engine.Behaviours["retried"] = Exits(3);
        engine.Behaviours["ignored"] = Exits(3);
        engine.Behaviours["allowed"] = Exits(3);
        var retry = new RetryPlan(2, new HashSet<string> { "failure" }, new HashSet<int>(), TimeSpan.Zero);
        await using var run = new AgentRun(
            engine,
            AgentRun.Workflow(
                AgentRun.Step("ignored") with { Failure = FailureMode.Ignore },
                AgentRun.Step("allowed", "ignored") with { AllowedExitCodes = new HashSet<int> { 3 } },
                AgentRun.Step("retried", "allowed") with { Retry = retry }),
            change: j => j with { Keep = new KeepRule(Failed: true, ImmutableHashSet<string>.Empty) });
        await run.PlayAsync();
        Assert.Equal(("retried", 3), engine.Kept.Select(k => (k.Step, k.Attempt)).Single());
    }

    [Fact]
    public async Task A_step_that_was_named_is_kept_however_it_ends_and_others_are_not_prepared_for_it()
    {
        await using var run = new AgentRun(engine, AgentRun.Workflow(AgentRun.Step("a"), AgentRun.Step("b", "a")), change: j => j with { Keep = new KeepRule(Failed: false, ImmutableHashSet.Create("b")) });
        await run.PlayAsync();
        Assert.Equal(("b", "success"), engine.Kept.Select(k => (k.Step, k.Outcome)).Single());
        Assert.Equal([false, true], engine.Prepared.Select(p => p.MayBeKept));
    }

    [Fact]
    public async Task A_shell_in_what_was_kept_has_the_environment_of_the_step_and_its_own_command()
    {
        engine.Behaviours["bad"] = Exits(3);
        var step = AgentRun.Step("bad") with { Environment = new Dictionary<string, PlanValue> { ["A"] = new PlanValue.Literal("1"), ["B"] = new PlanValue.Secret("s") } };
        await using var run = new AgentRun(engine, AgentRun.Workflow(step), change: j => j with
        {
            Secrets = new Dictionary<string, string> { ["s"] = "hunter2hunter2" },
            Keep = new KeepRule(Failed: true, ImmutableHashSet<string>.Empty),
            Kept = async (kept, stop) =>
            {
                var attempt = new StepAttempt(kept.Step, 1, DateTimeOffset.UnixEpoch, null, WorkflowStatus.Failure, StepAttempt.NoOutputs);
                var shell = new ShellSpec(["sh", "-i"], null, kept.Kept) { Environment = new Dictionary<string, string> { ["TERM"] = "dumb" } };
                Assert.Equal(new ContainerExit.Exited(0), await kept.Shell.RunAsync(attempt, shell, NoOutput.Sink, stop));
            },
        });
        await run.PlayAsync();
        var (spec, start) = engine.Started.Last();
        Assert.Equal(("bad-shell", "12345678"), (spec.Name, spec.From?.Id));
        Assert.Equal(["sh", "-i"], start.Arguments!);
        Assert.Equal(("1", "hunter2hunter2", "dumb"), (start.Environment["A"], start.Environment["B"], start.Environment["TERM"]));
        Assert.Contains("bad-shell", engine.Disposed);
    }

    [Fact]
    public async Task What_a_step_writes_for_people_is_told_with_its_secrets_masked()
    {
        var summaries = new List<StepSummary>();
        engine.Behaviours["a"] = async (spec, start, _, stop) =>
        {
            Assert.Equal("/.buildrunner.summary", start.Environment["BUILDRUNNER_SUMMARY"]);
            await File.AppendAllTextAsync(spec.HostMounts.Single(m => m.Target == "/.buildrunner.summary").Source, "# Done\nwith hunter2hunter2\n", stop);
            return new ContainerExit.Exited(0);
        };
        await using var run = new AgentRun(engine, AgentRun.Workflow(AgentRun.Step("a"), AgentRun.Step("b", "a")), change: j => j with
        {
            Secrets = new Dictionary<string, string> { ["s"] = "hunter2hunter2" },
            Summary = summaries.Add,
        });
        await run.PlayAsync();
        Assert.Equal([new StepSummary("ci", "a", 1, "# Done\nwith ********\n")], summaries);
    }

    [Fact]
    public async Task A_summary_that_is_too_long_is_cut_and_that_is_said()
    {
        var summaries = new List<StepSummary>();
        engine.Behaviours["a"] = async (spec, _, _, stop) =>
        {
            await File.AppendAllTextAsync(spec.HostMounts.Single(m => m.Target == "/.buildrunner.summary").Source, new string('x', SummaryFile.MaxBytes + 1), stop);
            return new ContainerExit.Exited(0);
        };
        await using var run = new AgentRun(engine, AgentRun.Workflow(AgentRun.Step("a")), change: j => j with { Summary = summaries.Add });
        await run.PlayAsync();
        Assert.Equal(SummaryFile.MaxBytes, Assert.Single(summaries).Text.Length);
        Assert.Equal($"a: the summary is cut: the file has {SummaryFile.MaxBytes + 1} bytes, allowed are {SummaryFile.MaxBytes}", Assert.Single(run.Lines));
    }

    private static Behaviour Exits(int code) => (_, _, _, _) => Task.FromResult<ContainerExit>(new ContainerExit.Exited(code));

    private sealed class NoOutput : IOutputSink
    {
        public static NoOutput Sink { get; } = new();

        public ValueTask WriteAsync(OutputStream stream, ReadOnlyMemory<byte> bytes, DateTimeOffset at, CancellationToken cancellationToken) => ValueTask.CompletedTask;
    }
}
