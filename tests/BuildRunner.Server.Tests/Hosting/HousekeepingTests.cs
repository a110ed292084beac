using BuildRunner.Server.Access;
using BuildRunner.Server.Hosting;
using BuildRunner.Server.Logs;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Tests.Hosting;

public sealed class HousekeepingTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Logs_go_when_their_time_is_over_and_not_before_and_what_is_left_says_so()
    {
        await using var server = await Installation.StartAsync(new InstallationSpec());
        var agent = await server.AgentAsync();
        var old = await server.RunAsync(TestPlans.Steps("build"));
        var step = await agent.TakeFirstStepAsync();
        await WriteAsync(server, agent, step);
        await agent.DoAsync(step);
        await agent.DoAllAsync();

        server.Clock.Advance(TimeSpan.FromDays(89));
        Assert.Equal(0, await server.Get<Housekeeping>().CleanAsync(Cancel));
        Assert.True(server.Get<LogFiles>().LengthOf(old, step.Id.Value, "output") > 0);

        server.Clock.Advance(TimeSpan.FromDays(2));
        Assert.Equal(1, await server.Get<Housekeeping>().CleanAsync(Cancel));
        Assert.Equal(0, server.Get<LogFiles>().LengthOf(old, step.Id.Value, "output"));
        var row = await server.Database.ReadAsync(db => db.Runs.SingleAsync(r => r.Id == old, Cancel), Cancel);
        var log = await server.Get<LogTexts>().FindAsync(row, new WantedLog("ci", "build", IsService: false, Try: null), Cancel);
        Assert.Contains("Logs:Retention", log.Missing);
        Assert.Equal(0, await server.Get<Housekeeping>().CleanAsync(Cancel));
    }

    [Fact]
    public async Task A_run_that_goes_on_keeps_its_logs_however_old_it_is()
    {
        await using var server = await Installation.StartAsync(new InstallationSpec());
        var agent = await server.AgentAsync();
        var run = await server.RunAsync(TestPlans.Steps("build"));
        var step = await agent.TakeFirstStepAsync();
        await WriteAsync(server, agent, step);
        server.Clock.Advance(TimeSpan.FromDays(200));
        await server.Get<Housekeeping>().CleanAsync(Cancel);
        Assert.True(server.Get<LogFiles>().LengthOf(run, step.Id.Value, "output") > 0);
    }

    [Fact]
    public async Task Sessions_and_links_that_are_over_are_forgotten_and_tokens_without_an_end_are_not()
    {
        await using var server = await Installation.StartAsync(new InstallationSpec());
        var tokens = server.Get<ApiTokens>();
        await tokens.CreateAsync("ops", [Scopes.Read], validFor: null, "kim", Cancel);
        await tokens.CreateLinkAsync("kim", [Scopes.Admin], Cancel);
        server.Clock.Advance(TimeSpan.FromDays(365));
        await server.Get<Housekeeping>().CleanAsync(Cancel);
        Assert.Equal(["ops"], await server.Database.ReadAsync(db => db.ApiTokens.Select(t => t.Name).ToListAsync(Cancel), Cancel));
    }

    private static async Task WriteAsync(Installation server, TestAgent agent, Core.AgentContract.WorkItem step)
    {
        var (append, refusal) = await server.Get<LogUploads>().AppendAsync(agent.Id, step.Id.Value, new LogRange("output", step.Fence, 0, null), new byte[100], Cancel);
        Assert.Null(refusal);
        Assert.IsType<LogAppend.Stored>(append);
    }
}
