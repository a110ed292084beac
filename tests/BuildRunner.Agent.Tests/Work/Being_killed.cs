using System.Net;
using BuildRunner.Agent.Tests.Steps;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Planning;

namespace BuildRunner.Agent.Tests.Work;

/// <summary>kill -9 of an agent at every phase of a step, with real containers: nothing runs on, no log is lost, and the next start tells the truth. Whether a step ran
/// is judged by what it left beside BuildRunner.</summary>
public sealed class Being_killed
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private readonly ScriptedServer server = new();

    [Fact]
    public async Task Before_the_intent_the_step_is_given_back_and_was_never_started()
    {
        await using var agent = AgentProcess.Create(server);
        server.Fault = c => c == "intent" ? HttpStatusCode.ServiceUnavailable : null;
        var (work, step) = Work(agent, "echo started >> /witness/log; sleep 600");
        await BeginAsync(agent, work, step);
        await server.SeesAsync(s => s.Calls.Contains("intent"), "an intent");
        await agent.KillAsync();
        Assert.Empty(await agent.Auditor.FindingsAfterAsync(Limit));
        server.Fault = _ => null;
        agent.Start();
        await server.SeesAsync("return build");
        await server.SeesAsync("workflow-lost");
        Assert.False(File.Exists(Path.Combine(agent.Witness, "log")));
    }

    [Theory]
    [InlineData(true, "return build")]
    [InlineData(false, "result build lost")]
    public async Task With_the_intent_stored_and_its_answer_lost_the_step_is_given_back_and_was_never_started_but_is_lost_at_an_older_server(bool takesBack, string told)
    {
        await using var agent = AgentProcess.Create(server);
        server.TakesBack = takesBack;
        server.LoseAnswer = c => c == "intent";
        var (work, step) = Work(agent, "echo started >> /witness/log; sleep 600");
        await BeginAsync(agent, work, step);
        await server.SeesAsync("intent build");
        await agent.KillAsync();
        Assert.Empty(await agent.Auditor.FindingsAfterAsync(Limit));
        server.LoseAnswer = _ => false;
        agent.Start();
        await server.SeesAsync(told);
        await server.SeesAsync("workflow-lost");
        Assert.False(File.Exists(Path.Combine(agent.Witness, "log")));
    }

    [Fact]
    public async Task While_it_runs_the_step_ends_at_once_and_is_lost_with_all_that_it_wrote()
    {
        await using var agent = AgentProcess.Create(server);
        var (work, step) = Work(agent, "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done; echo s3cret-value; echo done >> /witness/log; sleep 600; echo never >> /witness/log");
        await BeginAsync(agent, work, step);
        await WitnessAsync(agent, "done\n");
        await agent.KillAsync();
        Assert.Empty(await agent.Auditor.FindingsAfterAsync(Limit));
        Assert.Empty(FilesWith(Path.GetDirectoryName(agent.Witness)!, "s3cret-value"u8));
        agent.Start();
        await server.SeesAsync("result build lost");
        await server.SeesAsync(s => s.LogEnded(step.Id), "the log's end");
        var text = server.Text(step.Id);
        Assert.StartsWith(string.Concat(Enumerable.Range(0, 2000).Select(i => $"line {i}\n")) + "********\n", text, StringComparison.Ordinal);
        Assert.Contains("#the agent's process was ended", text, StringComparison.Ordinal);
        Assert.Equal("done\n", await File.ReadAllTextAsync(Path.Combine(agent.Witness, "log"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task When_the_step_has_ended_and_its_end_was_not_told_the_next_start_tells_it()
    {
        await using var agent = AgentProcess.Create(server);
        server.Fault = c => c is "log" or "result" && server.Told.Contains("intent build") ? HttpStatusCode.ServiceUnavailable : null;
        var (work, step) = Work(agent, "echo hello; echo key=value >> $CI_OUTPUT; echo ran >> /witness/log; exit 7");
        await BeginAsync(agent, work, step);
        await WitnessAsync(agent, "ran\n");
        await server.SeesAsync(s => s.Calls.Contains("log"), "a try to upload");
        await WaitForResultAndWholeLogAsync(agent, step.Id);
        await agent.KillAsync();
        Assert.Empty(await agent.Auditor.FindingsAfterAsync(Limit));
        server.Fault = _ => null;
        agent.Start();
        await server.SeesAsync("result build failure key=value");
        Assert.Equal("hello\n", server.Text(step.Id));
        Assert.True(server.LogEnded(step.Id));
        Assert.Equal("ran\n", await File.ReadAllTextAsync(Path.Combine(agent.Witness, "log"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task An_agent_that_is_killed_in_the_moment_in_which_its_step_ends_says_how_it_ended_or_that_it_is_lost()
    {
        await using var agent = AgentProcess.Create(server);
        agent.Start();
        for (var round = 0; round < 4; round++)
        {
            var (work, step) = Work(agent, $"echo hello {round}; echo ran >> /witness/{round}; exit 0", start: false);
            var ready = server.Told.Count(t => t == "result start ready");
            server.Queue(work.Start);
            await server.SeesAsync(s => s.Told.Count(t => t == "result start ready") > ready, "ready");
            server.Queue(step);
            await WitnessAsync(agent, "ran\n", $"{round}");
            await Task.Delay(round * 3, TestContext.Current.CancellationToken);
            await agent.KillAsync();
            Assert.Empty(await agent.Auditor.FindingsAfterAsync(Limit));
            agent.Start();
            await server.SeesAsync(s => s.Ended(step.Id) is not null, "an end");
            Assert.Contains(server.Ended(step.Id)!.Report.Outcome.Word, new[] { "success", "lost" });
            await server.SeesAsync(s => s.LogEnded(step.Id), "the log's end");
            Assert.StartsWith($"hello {round}\n", server.Text(step.Id), StringComparison.Ordinal);
            Assert.Equal("ran\n", await File.ReadAllTextAsync(Path.Combine(agent.Witness, $"{round}"), TestContext.Current.CancellationToken));
        }
    }

    [Fact]
    public async Task The_disk_of_a_workflow_with_a_limit_goes_with_the_agent_and_nobody_takes_what_lies_under_it_for_the_workspace()
    {
        await using var agent = AgentProcess.Create(server);
        var step = AgentRun.Step("build") with { Image = agent.Image, Commands = [], Entrypoint = ["/bin/sh", "-c", "echo here > here; cat here >> /witness/log; sleep 600"], Volumes = [$"{agent.Witness}:/witness"] };
        var work = new TestWork(AgentRun.Workflow(step) with { Resources = new ResourcePlan(DiskBytes: 64 << 20) }) { Grants = new WorkGrants { Volumes = true } };
        agent.Start();
        await BeginAsync(agent, work, work.Step("build"));
        await WitnessAsync(agent, "here\n");
        Assert.Contains(agent.Auditor.Findings(), f => f.StartsWith("device /sys/block/loop", StringComparison.Ordinal));
        Assert.Empty(Directory.GetFileSystemEntries(agent.Tree(work.Start.Id)));
        await agent.KillAsync();
        Assert.Empty(await agent.Auditor.FindingsAfterAsync(Limit));
        agent.Start();
        await server.SeesAsync("result build lost");
        await server.SeesAsync("workflow-lost");
        Assert.DoesNotContain("resume", server.Calls);
    }

    [Fact]
    public async Task A_frozen_agent_does_not_keep_its_step_alive_beyond_its_lease()
    {
        server.Times = server.Times with { FenceSelfAfter = TimeSpan.FromSeconds(3), Lease = TimeSpan.FromSeconds(4), GiveAwayAfter = TimeSpan.FromSeconds(5) };
        await using var agent = AgentProcess.Create(server);
        var (work, step) = Work(agent, "echo up >> /witness/log; sleep 600");
        await BeginAsync(agent, work, step);
        await WitnessAsync(agent, "up\n");
        await server.SeesAsync(s => s.Heartbeats > 2, "heartbeats");
        agent.Freeze();
        var begin = TimeProvider.System.GetTimestamp();
        while (agent.Auditor.Processes().Any(p => p.Contains("sleep 600", StringComparison.Ordinal)))
        {
            Assert.True(TimeProvider.System.GetElapsedTime(begin) < TimeSpan.FromSeconds(60), "the step of a frozen agent runs on");
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }

        agent.Thaw();
        await server.SeesAsync("result build lost");
    }

    [Fact]
    public async Task What_waits_for_the_next_workflow_ends_with_the_agent_and_the_next_start_begins_anew()
    {
        await using var agent = AgentProcess.Create(server);
        agent.Start();
        await RunToTheEndAsync(agent, 1);
        await RunToTheEndAsync(agent, 2);
        var waiting = await WaitingAsync(agent);
        await agent.KillAsync();
        Assert.Empty(await agent.Auditor.FindingsAfterAsync(Limit));
        agent.Start();
        await server.SeesAsync(s => s.Told.Count(t => t == "hello") == 2, "the next start");
        await RunToTheEndAsync(agent, 3);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(agent.Work, "ready")));
        await RunToTheEndAsync(agent, 4);

        // What the last one left was used by the next.
        var next = await WaitingAsync(agent);
        Assert.NotEqual(waiting, next);
        await RunToTheEndAsync(agent, 5);
        Assert.NotEqual(next, await WaitingAsync(agent));
        Assert.Empty(await agent.Auditor.FindingsAfterAsync(Limit));
    }

    private async Task RunToTheEndAsync(AgentProcess agent, int round)
    {
        var (work, step) = Work(agent, "test -z \"$(ls -A)\" && touch here && echo \"run $$\" >> /witness/log", start: false);
        server.Queue(work.Start);
        await server.SeesAsync(s => s.Told.Count(t => t == "result start ready") == round, "ready");
        server.Queue(step);
        await server.SeesAsync(s => s.Ended(step.Id) is not null, "an end");
        Assert.Equal("success", server.Ended(step.Id)!.Report.Outcome.Word);
        server.Queue(work.Release);
        await server.SeesAsync(s => s.Told.Count(t => t.Contains("released", StringComparison.Ordinal)) == round, "the release");
    }

    private static async Task<string> WaitingAsync(AgentProcess agent)
    {
        var begin = TimeProvider.System.GetTimestamp();
        while (agent.Auditor.Ready.Count == 0)
        {
            Assert.True(TimeProvider.System.GetElapsedTime(begin) < Limit, "nothing waits for the next workflow");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        // The container is there a moment after its folder.
        await Task.Delay(TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken);
        return Assert.Single(agent.Auditor.Ready);
    }

    private static (TestWork Work, WorkItem Step) Work(AgentProcess agent, string script, bool start = true)
    {
        var step = AgentRun.Step("build") with { Image = agent.Image, Commands = [], Entrypoint = ["/bin/sh", "-c", script], Volumes = [$"{agent.Witness}:/witness"] };
        var work = new TestWork(AgentRun.Workflow(step)) { Mask = ["s3cret-value"], Grants = new WorkGrants { Volumes = true } };
        if (start)
        {
            agent.Start();
        }

        return (work, work.Step("build"));
    }

    private async Task BeginAsync(AgentProcess agent, TestWork work, WorkItem step)
    {
        _ = agent;
        server.Queue(work.Start);
        await server.SeesAsync("result start ready");
        server.Queue(step);
    }

    private static async Task WitnessAsync(AgentProcess agent, string text, string file = "log")
    {
        var begin = TimeProvider.System.GetTimestamp();
        var path = Path.Combine(agent.Witness, file);
        while (!File.Exists(path) || await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken) != text)
        {
            Assert.True(TimeProvider.System.GetElapsedTime(begin) < TimeSpan.FromSeconds(120), $"the step did not write '{text}'");
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }
    }

    private static List<string> FilesWith(string root, ReadOnlySpan<byte> text)
    {
        var (found, seen) = (new List<string>(), 0);
        foreach (var file in Directory.EnumerateFiles(root, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint }))
        {
            var bytes = File.ReadAllBytes(file);
            seen += file.EndsWith("/spool", StringComparison.Ordinal) && bytes.Length > 2000 * "line ".Length ? 1 : 0;
            if (bytes.AsSpan().IndexOf(text) >= 0)
            {
                found.Add(file);
            }
        }

        Assert.Equal(1, seen);
        return found;
    }

    // The result is written first, the mark that the log is whole after it; killed in between, the next start says in the log what it knows.
    private static async Task WaitForResultAndWholeLogAsync(AgentProcess agent, WorkId work)
    {
        var folder = Path.Combine(Path.GetDirectoryName(agent.Witness)!, "work", "work", work.ToString());
        var begin = TimeProvider.System.GetTimestamp();
        while (!File.Exists(Path.Combine(folder, "result")) || Directory.GetFiles(folder, "*output.end").Length == 0)
        {
            Assert.True(TimeProvider.System.GetElapsedTime(begin) < TimeSpan.FromSeconds(120), "the result and the whole log of the step are not in the agent's folder");
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }
    }
}
