using System.Collections.Immutable;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Runs;

namespace BuildRunner.Server.Tests.Dispatch;

/// <summary>What dispatch promises, whatever stores and carries it. Four classes below run it.</summary>
public abstract partial class Dispatch_conformance(SharedServers servers) : IAsyncLifetime
{
    private static readonly TimeSpan GiveAway = TimeSpan.FromSeconds(75.1);
    private Installation? installation;

    protected SharedServers Servers => servers;

    private Installation Server => installation!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    internal abstract Task<InstallationSpec> SpecAsync();

    public async ValueTask InitializeAsync() => installation = await Installation.StartAsync(await SpecAsync());

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await (installation?.DisposeAsync() ?? ValueTask.CompletedTask);
    }

    [Fact]
    public async Task A_run_goes_through_the_queue_to_its_end()
    {
        var run = await Server.RunAsync(TestPlans.Steps("build", "test"));
        var agent = await Server.AgentAsync();
        Assert.Equal(["ci", "ci/build", "ci/test"], await agent.DoAllAsync());
        Assert.Equal("success", (await Server.StateAsync(run)).Result?.Outcome.Word);
    }

    [Fact]
    public async Task Of_many_who_claim_at_once_exactly_one_gets_each_piece_of_work()
    {
        var runs = new List<Guid>();
        for (var i = 0; i < 24; i++)
        {
            runs.Add(await Server.RunAsync(TestPlans.Steps("build")));
        }

        var agents = new List<TestAgent>();
        for (var i = 0; i < 8; i++)
        {
            agents.Add(await Server.AgentAsync());
        }

        var done = await Task.WhenAll(agents.Select(a => Task.Run(a.DoAllAsync)));
        Assert.Equal(24, done.Sum(d => d.Count(s => s == "ci")));
        Assert.Equal(24, done.Sum(d => d.Count(s => s == "ci/build")));
        foreach (var run in runs)
        {
            Assert.Equal("success", (await Server.StateAsync(run)).Result?.Outcome.Word);
        }
    }

    [Fact]
    public async Task A_claim_whose_answer_was_lost_is_answered_with_the_same_work()
    {
        await Server.RunAsync(TestPlans.Steps("build"));
        await Server.RunAsync(TestPlans.Steps("build"));
        var agent = await Server.AgentAsync();
        var claim = Guid.NewGuid();
        var first = Assert.Single((await agent.ClaimAsync(claim: claim)).Work);
        var again = Assert.Single((await agent.ClaimAsync(claim: claim)).Work);
        Assert.Equal((first.Id, first.Fence), (again.Id, again.Fence));
    }

    [Fact]
    public async Task What_another_agent_or_an_old_fence_says_is_refused()
    {
        await Server.RunAsync(TestPlans.Steps("build"));
        var agent = await Server.AgentAsync();
        var other = await Server.AgentAsync();
        var step = await agent.TakeFirstStepAsync();
        Assert.Equal(AgentProblems.Stale, await other.IntendAsync(step));
        Assert.Equal(AgentProblems.Stale, await agent.IntendAsync(step, step.Fence - 1));
        Assert.Equal(AgentProblems.Stale, await other.ReportAsync(step, TestAgent.Ended(new Outcome.Success())));
        Assert.Null(await agent.IntendAsync(step));
    }

    [Fact]
    public async Task A_result_said_twice_is_one_result_and_another_one_is_refused()
    {
        var run = await Server.RunAsync(TestPlans.Steps("build"));
        var agent = await Server.AgentAsync();
        var step = await agent.TakeFirstStepAsync();
        Assert.Null(await agent.IntendAsync(step));
        Assert.Null(await agent.IntendAsync(step));
        var failed = TestAgent.Ended(new Outcome.Failure(new FailureReason.ExitCode(1)));
        Assert.Null(await agent.ReportAsync(step, failed));
        Assert.Null(await agent.ReportAsync(step, failed));
        Assert.Equal(AgentProblems.Ended, await agent.ReportAsync(step, TestAgent.Ended(new Outcome.Success())));
        Assert.Single((await Server.StateAsync(run)).Workflow("ci").Step("build").Attempts);
    }

    [Fact]
    public async Task The_same_trigger_many_times_at_once_is_one_run()
    {
        var stored = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() =>
            Server.RunAsync(TestPlans.Steps("build"), run => run with { Delivery = ("api", "key-1") }))));
        Assert.Single(stored.Distinct());
        Assert.Single((await (await Server.AgentAsync()).DoAllAsync()), "ci");
    }

    [Fact]
    public async Task A_step_in_the_background_takes_no_slot()
    {
        var plan = TestPlans.Steps("watch", "build");
        var steps = plan.Workflows[0].Steps;
        plan = TestPlans.Of(plan.Workflows[0] with { Steps = [steps[0] with { Detached = true }, steps[1] with { DependsOn = [] }] });
        await Server.RunAsync(plan);
        var agent = await Server.AgentAsync(slots: 1);
        await agent.SayAsync(await agent.TakeAsync(), new WorkResult.Ready());
        Assert.Equal(["watch", "build"], (await agent.ClaimAsync()).Work.Select(w => ((WorkTask.Step)w.Task).Plan.Name));
    }

    [Fact]
    public async Task An_agent_gets_no_more_than_it_has_slots_for()
    {
        await Server.RunAsync(TestPlans.Steps("build"));
        await Server.RunAsync(TestPlans.Steps("build"));
        var agent = await Server.AgentAsync(slots: 1);
        await agent.TakeAsync();
        Assert.Empty((await agent.ClaimAsync(free: 4)).Work);
    }

    [Fact]
    public async Task A_step_is_given_what_it_needs_and_no_more()
    {
        var plan = TestPlans.Steps("build", "test");
        await Server.RunAsync(plan);
        var agent = await Server.AgentAsync();
        var build = await agent.TakeFirstStepAsync();
        Assert.Null(await agent.IntendAsync(build));
        var report = new StepReport { Outcome = new Outcome.Success(), Outputs = new Dictionary<string, string> { ["version"] = "1.2" }.ToImmutableDictionary() };
        await agent.SayAsync(build, new WorkResult.Ended(report));
        var test = await agent.TakeAsync();
        var task = Assert.IsType<WorkTask.Step>(test.Task);
        Assert.Equal("1.2", task.Outputs["build"]["version"]);
        Assert.Equal(("acme/shop#1", build.Start, 1), (test.RunName, test.Start, task.Attempt));
        Assert.Equal(WorkGrants.None, task.Grants);
    }
}
