using System.Net;
using System.Text;
using BuildRunner.Agent.Contract;
using BuildRunner.Agent.Tests.Steps;
using BuildRunner.Containers.Engine;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Runs;

namespace BuildRunner.Agent.Tests.Work;

/// <summary>An agent against a server that answers, fails, loses answers and goes away as the test says.</summary>
public sealed class Doing_what_the_server_says : IAsyncDisposable
{
    private readonly ScriptedServer server = new();
    private readonly ScriptedEngine engine = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => engine.DisposeAsync();

    [Fact]
    public async Task A_workflow_is_made_its_step_run_its_log_stored_and_all_of_it_released()
    {
        engine.Behaviours["build"] = Says("hello\nworld\n", 3);
        await using var agent = TestAgent.Start(server, engine);
        var work = new TestWork(AgentRun.Step("build"));
        var step = work.Step("build");
        await PlayAsync(work, step, "failure");
        server.Queue(work.Release);
        await server.SeesAsync("result release released");
        Assert.Equal("hello\nworld\n", server.Text(step.Id));
        Assert.True(server.LogEnded(step.Id));
        Assert.Equal(
            ["hello", "result start ready", "intent build", "result build failure", "result release released"],
            server.Told.Where(t => t != "goodbye"));
        await agent.EndAsync();
        Assert.Equal(1, engine.KeptReady);
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(agent.WorkDirectory, "work")));
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(agent.WorkDirectory, "workflows")));
    }

    [Theory]
    [InlineData("intent")]
    [InlineData("result")]
    [InlineData("claim")]
    [InlineData("log")]
    public async Task A_lost_answer_is_asked_for_again_and_the_step_runs_once(string call)
    {
        var lost = 0;
        server.LoseAnswer = c => c == call && Interlocked.Increment(ref lost) <= 2;
        engine.Behaviours["build"] = Says("hello\n", 0);
        await using var agent = TestAgent.Start(server, engine);
        var work = new TestWork(AgentRun.Step("build"));
        var step = work.Step("build");
        server.Queue(work.Start);
        await server.SeesAsync(s => s.Told.Contains("result start ready"));
        server.Queue(step);
        await server.SeesAsync(s => s.Told.Contains("result build success") && s.LogEnded(step.Id) && Volatile.Read(ref lost) > 2);
        await agent.EndAsync();
        Assert.Single(engine.Started);
        Assert.Equal("hello\n", server.Text(step.Id));

        // Also a claim that is sent again: of two that wait at the server it has to know which one the agent listens to.
        Assert.Distinct(server.ClaimNumbers);
        Assert.All(server.ClaimNumbers, number => Assert.True(number > 0));
    }

    [Fact]
    public async Task A_step_whose_intent_is_refused_is_not_started_and_its_end_is_told()
    {
        server.Fault = c => c == "intent" ? HttpStatusCode.Conflict : null;
        await using var agent = TestAgent.Start(server, engine);
        var work = new TestWork(AgentRun.Step("build"));
        await PlayAsync(work, work.Step("build"), "cancelled");
        Assert.Empty(engine.Started);
    }

    [Fact]
    public async Task A_cancelled_step_gets_TERM_and_is_told_as_cancelled_only_when_it_is_gone()
    {
        var gone = new TaskCompletionSource();
        var stopping = new TaskCompletionSource();
        engine.Behaviours["build"] = async (_, _, _, stop) =>
        {
            await using var asked = stop.Register(() => stopping.TrySetResult());
            await gone.Task;
            stop.ThrowIfCancellationRequested();
            return new ContainerExit.Exited(0);
        };
        await using var agent = TestAgent.Start(server, engine);
        var work = new TestWork(AgentRun.Step("build"));
        var step = work.Step("build");
        server.Queue(work.Start);
        await server.SeesAsync("result start ready");
        server.Queue(step);
        await server.SeesAsync("intent build");
        server.Stop(step.Id, new StopReason.Cancelled("kim cancelled it"));
        await stopping.Task.WaitAsync(TimeSpan.FromSeconds(20), Cancel);
        Assert.DoesNotContain("result build cancelled", server.Told);
        gone.SetResult();
        await server.SeesAsync("result build cancelled");
    }

    [Fact]
    public async Task An_agent_that_cannot_reach_its_server_ends_what_it_runs_and_says_later_that_it_is_lost()
    {
        server.Times = server.Times with { FenceSelfAfter = TimeSpan.FromMilliseconds(900), Lease = TimeSpan.FromSeconds(2), GiveAwayAfter = TimeSpan.FromSeconds(3) };
        var disposed = new TaskCompletionSource();
        engine.Behaviours["build"] = async (_, _, _, stop) =>
        {
            await Task.WhenAny(Task.Delay(Timeout.Infinite, stop), engine.Sees("disposed build"));
            disposed.TrySetResult();
            return new ContainerExit.Signaled(9);
        };
        await using var agent = TestAgent.Start(server, engine);
        var work = new TestWork(AgentRun.Step("build"));
        var step = work.Step("build");
        server.Queue(work.Start);
        await server.SeesAsync("result start ready");
        server.Queue(step);
        await server.SeesAsync("intent build");
        server.Fault = _ => HttpStatusCode.ServiceUnavailable;
        await disposed.Task.WaitAsync(TimeSpan.FromSeconds(20), Cancel);
        server.Fault = _ => null;
        await server.SeesAsync("result build lost");
        await server.SeesAsync(s => s.Told.Count(t => t == "hello") == 2, "hello again: what it hosts may have been taken from it");
    }

    [Fact]
    public async Task Work_that_was_given_away_is_ended_at_once_and_nothing_is_told_of_its_end_but_its_log()
    {
        engine.Behaviours["build"] = async (_, _, output, _) =>
        {
            await output.WriteAsync(OutputStream.Out, "begun\n"u8.ToArray(), DateTimeOffset.UnixEpoch, CancellationToken.None);
            await engine.Sees("disposed build");
            return new ContainerExit.Signaled(9);
        };
        await using var agent = TestAgent.Start(server, engine);
        var work = new TestWork(AgentRun.Step("build"));
        var step = work.Step("build");
        server.Queue(work.Start);
        await server.SeesAsync("result start ready");
        server.Queue(step);
        await server.SeesAsync("intent build");
        server.Refuse.Add(step.Id);
        await server.SeesAsync(s => s.LogEnded(step.Id));
        await agent.EndAsync();
        Assert.Equal("begun\n", server.Text(step.Id));
        Assert.DoesNotContain(server.Told, t => t.StartsWith("result build", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Secrets_of_every_step_of_the_workflow_are_masked_in_the_log_of_each()
    {
        engine.Behaviours["build"] = Says("the token is s3cret-of-another-step, and c4n4ry too\n", 0);
        await using var agent = TestAgent.Start(server, engine);
        var work = new TestWork(AgentRun.Step("build")) { Mask = ["s3cret-of-another-step"] };
        var step = work.Step("build", s => s with { Secrets = new Dictionary<string, string> { ["x"] = "c4n4ry" } });
        await PlayAsync(work, step, "success");
        Assert.Equal("the token is ********, and ******** too\n", server.Text(step.Id));
    }

    [Theory]
    [InlineData(false, "kim", "kim")]
    [InlineData(false, "<token>", null)]
    [InlineData(true, "", null)]
    public async Task A_pull_shows_what_the_server_keeps_for_the_registry_and_a_stranger_gets_nothing_of_this_machine(bool stranger, string user, string? shown)
    {
        await using var agent = TestAgent.Start(server, engine);
        var access = new RegistryAccess("registry.example:5000", user, "hunter2");
        var work = new TestWork(AgentRun.Step("build") with { Image = "registry.example:5000/tools:1" })
        {
            Grants = WorkGrants.None with { Stranger = stranger },
            Registries = stranger ? [] : [access],
        };
        await PlayAsync(work, work.Step("build", s => s with { Registries = work.Registries }), "success");
        var options = engine.PulledWith.Last();
        Assert.Equal((shown, stranger ? null : "hunter2", !stranger), (options.Credentials?.User, options.Credentials?.Secret, options.UseCredentialFiles));
        await agent.EndAsync();
    }

    [Theory]
    [InlineData(HardenedRuns.Never, true, false)]
    [InlineData(HardenedRuns.Strangers, true, true)]
    [InlineData(HardenedRuns.Strangers, false, false)]
    [InlineData(HardenedRuns.Always, false, true)]
    public async Task Whose_workflows_have_the_profile_hardened_the_machines_owner_says_and_who_is_a_stranger_the_server(HardenedRuns setting, bool stranger, bool hardened)
    {
        await using var agent = TestAgent.Start(server, engine, o => o with { Hardened = setting });
        var work = new TestWork(AgentRun.Step("build")) { Grants = new WorkGrants { Stranger = stranger } };
        await PlayAsync(work, work.Step("build"), "success");
        Assert.Equal(hardened, Assert.Single(engine.Groups).Hardened);
        await agent.EndAsync();
    }

    [Fact]
    public async Task An_agent_that_is_asked_to_end_finishes_its_workflow_and_takes_no_other()
    {
        var go = new TaskCompletionSource();
        engine.Behaviours["build"] = async (_, _, _, _) =>
        {
            await go.Task;
            return new ContainerExit.Exited(0);
        };
        await using var agent = TestAgent.Start(server, engine);
        var work = new TestWork(AgentRun.Step("build"));
        server.Queue(work.Start);
        await server.SeesAsync("result start ready");
        server.Queue(work.Step("build"));
        await server.SeesAsync("intent build");
        var ending = agent.EndAsync();
        await server.SeesAsync(s => s.Unready is not null, "why it is not ready");
        go.SetResult();
        await server.SeesAsync("result build success");
        server.Queue(work.Release);
        await ending;
        Assert.Equal(["result release released", "goodbye"], server.Told.TakeLast(2));
    }

    [Fact]
    public async Task An_agent_that_takes_one_workflow_ends_after_its_release()
    {
        await using var agent = TestAgent.Start(server, engine, o => o with { Once = true });
        var work = new TestWork(AgentRun.Step("build"));
        await PlayAsync(work, work.Step("build"), "success");
        Assert.Equal("it takes one workflow and ends", server.Unready);
        server.Queue(work.Release);
        await agent.EndedAsync();
        Assert.Equal("goodbye", server.Told.Last());
    }

    [Fact]
    public async Task An_agent_with_too_little_disk_says_so()
    {
        await using var agent = TestAgent.Start(server, engine, o => o with { MinFreeDisk = long.MaxValue / 2 });
        await server.SeesAsync(s => s.Unready?.Contains("Agent:MinFreeDisk", StringComparison.Ordinal) == true, "that its disk is full");
    }

    [Theory]
    [InlineData(HttpStatusCode.UpgradeRequired, ContractFailure.Version)]
    [InlineData(HttpStatusCode.Unauthorized, ContractFailure.Credential)]
    public async Task An_agent_that_the_server_does_not_want_ends_with_the_reason(HttpStatusCode status, ContractFailure reason)
    {
        server.Fault = c => c == "hello" ? status : null;
        await using var agent = TestAgent.Start(server, engine);
        Assert.Equal(reason, (await Assert.ThrowsAsync<ContractException>(agent.EndedAsync)).Reason);
    }

    [Fact]
    public async Task A_credential_is_kept_in_a_file_of_its_user_alone_and_used_at_the_next_start()
    {
        using var folder = Testing.TestFolder.Create();
        await using (var first = TestAgent.Start(server, engine, folder: folder))
        {
            await server.SeesAsync("hello");
            await first.EndAsync();
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(first.WorkDirectory, "credential")));
        }

        server.Fault = c => c == "register" ? HttpStatusCode.Forbidden : null;
        await using var second = TestAgent.Start(server, engine, o => o with { Token = null }, folder);
        await server.SeesAsync(s => s.Told.Count(t => t == "hello") == 2, "hello again");
    }

    [Fact]
    public async Task A_lost_answer_to_its_registration_and_a_death_before_it_was_kept_do_not_waste_the_token()
    {
        using var folder = Testing.TestFolder.Create();
        var lost = 0;
        server.LoseAnswer = c => c == "register" && Interlocked.Increment(ref lost) <= 1;
        await using (var first = TestAgent.Start(server, engine, folder: folder))
        {
            await server.SeesAsync("hello");
            await first.EndAsync();
            Assert.False(File.Exists(Path.Combine(first.WorkDirectory, "credential.wanted")));

            // As if it had died before it knew that it was registered.
            File.Move(Path.Combine(first.WorkDirectory, "credential"), Path.Combine(first.WorkDirectory, "credential.wanted"));
            await File.WriteAllTextAsync(Path.Combine(first.WorkDirectory, "credential.wanted"), server.Wanted.First(), Cancel);
        }

        await using var second = TestAgent.Start(server, engine, folder: folder);
        await server.SeesAsync(s => s.Told.Count(t => t == "hello") == 2, "hello again");
        Assert.True(server.Wanted.Count >= 3 && server.Wanted.Distinct().Count() == 1 && server.Wanted.All(w => w is { Length: 47 }), string.Join(' ', server.Wanted));
    }

    [Fact]
    public async Task A_second_agent_does_not_get_the_folder_of_a_first()
    {
        using var folder = Testing.TestFolder.Create();
        await using var first = TestAgent.Start(server, engine, folder: folder);
        await server.SeesAsync("hello");
        await using var second = TestAgent.Start(server, engine, folder: folder);
        Assert.Contains("Agent:WorkDir", (await Assert.ThrowsAsync<IOException>(second.EndedAsync)).Message, StringComparison.Ordinal);
    }

    private static Behaviour Says(string text, int code) => async (_, _, output, _) =>
    {
        await output.WriteAsync(OutputStream.Out, Encoding.UTF8.GetBytes(text), DateTimeOffset.UnixEpoch, CancellationToken.None);
        return new ContainerExit.Exited(code);
    };

    private async Task PlayAsync(TestWork work, WorkItem step, string outcome)
    {
        server.Queue(work.Start);
        await server.SeesAsync("result start ready");
        server.Queue(step);
        await server.SeesAsync($"result build {outcome}");
    }
}
