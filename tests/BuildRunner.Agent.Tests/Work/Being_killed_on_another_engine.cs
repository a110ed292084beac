using BuildRunner.Agent.Tests.Steps;
using BuildRunner.Core.AgentContract;
using BuildRunner.Testing.Docker;

namespace BuildRunner.Agent.Tests.Work;

/// <summary>kill -9 and SIGSTOP of an agent whose steps run on Docker or Podman: nothing runs on beside its successor, and no log is lost.</summary>
public sealed class Being_killed_on_another_engine
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(120), Pause = TimeSpan.FromMilliseconds(50);
    private readonly ScriptedServer server = new();

    [Theory]
    [InlineData("docker")]
    [InlineData("podman")]
    public async Task The_step_of_a_killed_agent_ends_and_is_lost_with_a_whole_log_and_that_of_a_frozen_one_ends_with_its_lease(string kind)
    {
        await using var engine = await StartAsync(kind);
        using var auditor = new EngineAuditor(engine);
        await using var agent = await AgentProcess.CreateAsync(server, engine);
        agent.Start();
        var killed = await BeginAsync(agent, "first");
        await server.SeesAsync(s => s.Text(killed).Contains("hello", StringComparison.Ordinal), "the first line");
        await agent.KillAsync();
        Assert.Empty(await auditor.RunningAfterAsync(Limit));
        agent.Start();
        await server.SeesAsync("result build lost");
        await server.SeesAsync(s => s.LogEnded(killed), "the log's end");
        Assert.Equal("hello\n#the agent's process was ended and started anew; this log is complete up to the end of the container\n", server.Text(killed));
        Assert.Equal("up\n", await File.ReadAllTextAsync(Path.Combine(agent.Witness, "first"), TestContext.Current.CancellationToken));

        // The next one is told shorter times when it greets.
        await agent.KillAsync();
        server.Times = server.Times with { FenceSelfAfter = TimeSpan.FromSeconds(3), Lease = TimeSpan.FromSeconds(4), GiveAwayAfter = TimeSpan.FromSeconds(5) };
        var greeted = server.Told.Count(t => t == "hello");
        agent.Start();

        // Before that a claim of the dead one may still be open, which would get the work.
        await server.SeesAsync(s => s.Told.Count(t => t == "hello") > greeted, "a greeting");
        var frozen = await BeginAsync(agent, "second");
        agent.Freeze();
        await EndsAsync(agent, "second");
        agent.Thaw();
        await server.SeesAsync(s => s.Ended(frozen) is not null, "an end");
        Assert.Equal("lost", server.Ended(frozen)!.Report.Outcome.Word);
        await agent.KillAsync();
        Assert.Empty(await auditor.FindingsAfterAsync(Limit, () =>
        {
            agent.StartOnce();
            return Task.CompletedTask;
        }));
    }

    private static async Task<ITestEngine> StartAsync(string kind) => kind == "docker" ? await DockerDaemon.StartAsync() : await PodmanService.StartAsync();

    private async Task<WorkId> BeginAsync(AgentProcess agent, string name)
    {
        var plan = AgentRun.Step("build") with
        {
            Image = agent.Image,
            Commands = [],
            Entrypoint = ["/bin/sh", "-c", $"echo hello; echo up >> /witness/{name}; while true; do touch /witness/{name}.alive; sleep 0.1; done"],
            Volumes = [$"{agent.Witness}:/witness"],
        };
        var work = new TestWork(AgentRun.Workflow(plan)) { Grants = new WorkGrants { Volumes = true } };
        var step = work.Step("build");
        var ready = server.Told.Count(t => t == "result start ready");
        server.Queue(work.Start);
        await server.SeesAsync(s => s.Told.Count(t => t == "result start ready") > ready, "ready");
        server.Queue(step);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Limit);
        while (!File.Exists(Path.Combine(agent.Witness, $"{name}.alive")))
        {
            await Task.Delay(Pause, patience.Token);
        }

        return step.Id;
    }

    // It shows that it lives ten times a second: it does not any more when what it left stays away.
    private static async Task EndsAsync(AgentProcess agent, string name)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Limit);
        var alive = Path.Combine(agent.Witness, $"{name}.alive");
        do
        {
            File.Delete(alive);
            await Task.Delay(TimeSpan.FromSeconds(2), patience.Token);
        }
        while (File.Exists(alive));
    }
}
