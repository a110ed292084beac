using System.Buffers.Binary;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Logs;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Agents;
using BuildRunner.Server.Dispatch;
using BuildRunner.Server.Logs;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Tests.Access;

/// <summary>An agent uploads what it likes; readers and everybody else's runs must not mind.</summary>
public sealed class What_a_hostile_agent_cannot_break : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private Installation server = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => server = await Installation.StartAsync(new InstallationSpec());

    public ValueTask DisposeAsync() => server.DisposeAsync();

    [Theory]
    [InlineData(-LogFrame.HeaderSize, 0L)]
    [InlineData(int.MaxValue, 0L)]
    [InlineData(0, 0xFFFF_FFFF_FFFFL)]
    public async Task A_log_that_is_no_frames_ends_where_they_end_and_says_so(int length, long milliseconds)
    {
        var log = new LogKey(Guid.NewGuid(), Guid.NewGuid(), LogStreams.Output);
        var good = new LogFrame(LogStream.Out, DateTimeOffset.UnixEpoch, Unterminated: false, "fine"u8.ToArray());
        var bytes = new byte[good.Size + (20 * LogFrame.HeaderSize)];
        good.Write(bytes);
        for (var at = good.Size; at < bytes.Length; at += LogFrame.HeaderSize)
        {
            var time = new byte[8];
            BinaryPrimitives.WriteInt64BigEndian(time, milliseconds);
            bytes[at] = (byte)LogStream.Out;
            time.AsSpan(2).CopyTo(bytes.AsSpan(at + 2));
            BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(at + 8), length);
        }

        await server.Get<LogFiles>().AppendAsync(log.Run, log.Work, log.Stream, 0, bytes, null, Cancel);
        var lines = await LinesAsync(log, 0);
        Assert.Equal(["fine", $"no line begins at byte {good.Size} of this log: what follows cannot be shown, but downloaded raw"], lines);

        // Somebody who follows it from anywhere gets an answer too, and in time.
        Assert.True((await LinesAsync(log, bytes.Length - 5)).Count <= 1);
        Assert.Single(await LinesAsync(log, 3));
    }

    [Fact]
    public async Task One_run_whose_checks_cannot_be_told_keeps_no_other_from_being_told()
    {
        var runs = new List<Guid>();
        for (var i = 0; i < 6; i++)
        {
            runs.Add(await server.RunAsync(TestPlans.Steps("build")));
        }

        // More than are reported at once, and before the one that is looked at.
        var sane = runs.Max();
        await server.Database.WriteAsync(
            turn =>
            {
                turn.Db.Add(new ForgeRepositoryRow { Repository = server.Repository, ForgeId = 1, Owner = 1, FullName = "acme/shop", Private = true });
                turn.Db.AddRange(runs.Where(r => r != sane).Select(r => new CheckRow { Run = r, Workflow = "", Reported = "this is no JSON" }));
                turn.Db.AddRange(runs.Select(r => new CheckDueRow { Run = r, Version = 0, DueAt = DateTimeOffset.UnixEpoch }));
                return Task.CompletedTask;
            },
            Cancel);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        patience.CancelAfter(Patience);
        while (!await server.Database.ReadAsync(db => db.Set<CheckRow>().AnyAsync(c => c.Run == sane, patience.Token), patience.Token))
        {
            await Task.Delay(100, patience.Token);
        }
    }

    [Fact]
    public async Task What_it_says_of_itself_is_kept_short_and_its_work_has_no_more_logs_than_it_can_have()
    {
        await server.RunAsync(TestPlans.Steps("build"));
        var agent = await server.AgentAsync();
        var work = await agent.TakeAsync();
        var facts = new Dictionary<string, string> { ["platform"] = "linux/amd64", ["hostname"] = new string('h', 100_000), ["anything"] = new string('a', 100_000) };
        await server.Get<AgentRegistry>().GreetAsync(agent.Id, new HelloRequest { Version = "0.1.0", Session = Guid.NewGuid(), Slots = 1, Facts = facts }, "0.1.0", Cancel);
        await server.Get<Leases>().RenewAsync(agent.Id, new HeartbeatRequest { Session = agent.Session, Work = [], Unready = "busy\n" + new string('x', 100_000) }, Cancel);
        var row = await server.Database.ReadAsync(db => db.Agents.SingleAsync(a => a.Id == agent.Id, Cancel), Cancel);
        Assert.Equal("""{"platform":"linux/amd64"}""", row.Facts);
        Assert.Equal("busy" + new string('x', 496), row.Unready);

        var run = (await server.Database.ReadAsync(db => db.Work.SingleAsync(w => w.Id == work.Id.Value, Cancel), Cancel)).Run;
        await server.Database.WriteAsync(
            turn =>
            {
                turn.Db.AddRange(Enumerable.Range(0, 256).Select(i => new LogStreamRow { Work = work.Id.Value, Stream = $"service.{i}", Run = run, Bytes = 0, Ended = false, CreatedAt = turn.Now }));
                return Task.CompletedTask;
            },
            Cancel);
        var uploads = server.Get<LogUploads>();
        Assert.NotNull((await uploads.AppendAsync(agent.Id, work.Id.Value, new LogRange("service.7", work.Fence, 0, null), "x"u8.ToArray(), Cancel)).Append);
        Assert.Equal(AgentProblems.Ended, (await uploads.AppendAsync(agent.Id, work.Id.Value, new LogRange("one-more", work.Fence, 0, null), "x"u8.ToArray(), Cancel)).Refusal?.Code);
    }

    [Fact]
    public async Task What_it_says_again_and_again_after_the_end_makes_the_audit_log_no_longer_than_people_read()
    {
        await server.RunAsync(TestPlans.Steps("build"));
        var agent = await server.AgentAsync();
        var work = await agent.TakeAsync();
        var reports = server.Get<Reports>();
        ResultRequest Broken(string why) => new() { Fence = work.Fence, Result = new WorkResult.Broken(new Outcome.Error("no", why)) };
        Assert.Null(await reports.ResultAsync(agent.Id, work.Id.Value, Broken("first"), Cancel));
        Assert.Equal(AgentProblems.Ended, (await reports.ResultAsync(agent.Id, work.Id.Value, Broken(new string('x', 1_000_000)), Cancel))?.Code);
        var late = await server.Database.ReadAsync(db => db.Audit.SingleAsync(a => a.Action == "work.late", Cancel), Cancel);
        Assert.InRange(late.Detail.Length, 1, 5_000);
    }

    private async Task<List<string?>> LinesAsync(LogKey log, long offset)
    {
        var reading = Task.Run(
            async () =>
            {
                var lines = new List<string?>();
                await foreach (var (line, _) in server.Get<LogTexts>().LinesAsync(log, offset, follow: false, Cancel))
                {
                    lines.Add(line.Text);
                }

                return lines;
            },
            Cancel);
        return await reading.WaitAsync(Patience, Cancel);
    }
}
