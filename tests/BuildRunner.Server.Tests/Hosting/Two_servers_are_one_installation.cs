using System.Diagnostics;
using System.Net;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.ApiContract;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using BuildRunner.Server.Tests.Api;
using BuildRunner.Server.Tests.Sources;
using BuildRunner.Testing;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Tests.Hosting;

/// <summary>Two servers on one PostgreSQL, one RabbitMQ and one folder of logs: it does not matter which one is asked.</summary>
public sealed class Two_servers_are_one_installation(SharedServers servers)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_agent_at_one_is_woken_by_a_run_that_was_started_at_the_other_and_a_follower_at_the_other_sees_its_log()
    {
        using var folder = TestFolder.Create();
        var environment = await EnvironmentAsync(folder);
        await using var one = await RunningServer.StartAsync(folder.Path, environment);
        await using var two = await RunningServer.StartAsync(folder.Path, environment);
        var api = new ApiClient(two.With((await RunningServer.RunAsync(folder.Path, environment, "server", "token", "--data-dir", folder["data"])).Output.Trim()));
        var git = new GitRepository(folder["repos/shop"]);
        git.Commit("one", (".buildrunner.yml", "skip_clone: true\nsteps:\n  - name: build\n    image: busybox\n    commands: [ 'true' ]\n"));
        await api.SendAsync("POST", ApiRoutes.Repositories, new AddRepository { Name = "acme/shop", CloneUrl = git.Path }, ApiJson.Default.AddRepository, ApiJson.Default.Repository, HttpStatusCode.Created);
        using var agent = await HttpAgent.RegisterAsync(one, api);

        var step = agent.BeginStepAsync();
        var began = Stopwatch.GetTimestamp();
        await api.SendAsync("POST", ApiRoutes.For(ApiRoutes.RunsOfRepository, "acme/shop"), new StartRun(), ApiJson.Default.StartRun, ApiJson.Default.RunSummary, HttpStatusCode.Created);
        var work = await step.WaitAsync(TimeSpan.FromSeconds(60), Cancel);

        // By the bus: the claim's own wait and the sweeper's are 15 seconds.
        Assert.InRange(Stopwatch.GetElapsedTime(began), TimeSpan.Zero, TimeSpan.FromSeconds(12));
        await FollowedAsync(api, agent, work);

        // The server that the agent spoke to goes; the other one takes over where it was.
        await one.DisposeAsync();
        using var moved = agent.At(two);
        Assert.Equal(HttpStatusCode.NoContent, await moved.ReportAsync(work, TestAgent.Ended(new Outcome.Success())));
        Assert.Equal("success", (await api.GetAsync(ApiRoutes.For(ApiRoutes.Run, "acme/shop", 1), ApiJson.Default.RunDetails)).Workflows[0].Steps[0].State);
    }

    [Fact]
    public async Task Each_occurrence_of_a_schedule_is_one_run_whichever_of_them_sees_it_first_and_also_when_one_of_them_goes()
    {
        using var folder = TestFolder.Create();
        var environment = await EnvironmentAsync(folder);
        environment["BUILDRUNNER_SCHEDULES__MININTERVAL"] = "1s";
        await using var one = await RunningServer.StartAsync(folder.Path, environment);
        await using var two = await RunningServer.StartAsync(folder.Path, environment);
        var api = new ApiClient(two.With((await RunningServer.RunAsync(folder.Path, environment, "server", "token", "--data-dir", folder["data"])).Output.Trim()));
        var git = new GitRepository(folder["repos/shop"]);
        git.Commit("one", (".buildrunner.yml", "skip_clone: true\nwhen: { event: cron }\nsteps:\n  - { name: a, image: busybox, commands: [ 'true' ] }\n"));
        await api.SendAsync("POST", ApiRoutes.Repositories, new AddRepository { Name = "acme/shop", CloneUrl = git.Path }, ApiJson.Default.AddRepository, ApiJson.Default.Repository, HttpStatusCode.Created);
        var path = ApiRoutes.For(TriggerRoutes.Schedules, "acme/shop") + "/often";
        await api.SendAsync("PUT", path, new SetSchedule { Cron = "* * * * * *", Misfire = "all" }, ApiJson.Default.SetSchedule, ApiJson.Default.ScheduleInfo, HttpStatusCode.OK);

        using var database = new PgDatabase(environment["BUILDRUNNER_DATABASE__CONNECTIONSTRING"], clock: null);
        var atFirst = await FiresAsync(database, fires => fires.Count(f => f.Run is not null) >= 3);
        await one.DisposeAsync();
        await FiresAsync(database, fires => fires.Count(f => f.Run is not null) >= atFirst.Count + 3);
        await database.WriteAsync(turn => turn.Db.Schedules.ExecuteUpdateAsync(set => set.SetProperty(s => s.Enabled, false)), Cancel);

        // Both looked at every second: an occurrence is a row, and a row a run.
        var all = await FiresAsync(database, fires => fires.All(f => f.Done));
        Assert.All(all, fire => Assert.True(fire.Run is not null, fire.Why));
        Assert.Equal(all.Count, all.Select(f => f.Run).Distinct().Count());
        Assert.Equal(all.Count, await database.ReadAsync(db => db.Runs.CountAsync(Cancel), Cancel));
    }

    // Each line is seen before the next one is written: the step goes on, and its agent speaks to the other server.
    private static async Task FollowedAsync(ApiClient api, HttpAgent agent, WorkItem work)
    {
        using var log = new UploadedLog(agent, work);
        using var follow = new StreamReader(await api.Http.GetStreamAsync(ApiRoutes.For(ApiRoutes.LogFollow, "acme/shop", 1) + "?step=build", Cancel));
        for (var i = 0; i < 5; i++)
        {
            await log.AddAsync($"line {i}");
            await SeesAsync(follow, $"\"text\":\"line {i}\"");
        }

        await log.EndAsync();
        await SeesAsync(follow, "event: end");
    }

    private static async Task SeesAsync(StreamReader follow, string wanted)
    {
        while (true)
        {
            var line = await follow.ReadLineAsync(Cancel).AsTask().WaitAsync(TimeSpan.FromSeconds(60), Cancel);
            Assert.True(line is not null, $"the stream has ended before '{wanted}'");
            if (line.Contains(wanted, StringComparison.Ordinal))
            {
                return;
            }
        }
    }

    private static async Task<List<ScheduleFireRow>> FiresAsync(Database database, Func<List<ScheduleFireRow>, bool> enough)
    {
        var began = Stopwatch.GetTimestamp();
        while (true)
        {
            var fires = await database.ReadAsync(db => db.ScheduleFires.ToListAsync(Cancel), Cancel);
            if (enough(fires))
            {
                return fires;
            }

            Assert.True(Stopwatch.GetElapsedTime(began) < TimeSpan.FromMinutes(2), $"not within two minutes: {fires.Count} occurrences, {fires.Count(f => f.Run is not null)} with a run");
            await Task.Delay(200, Cancel);
        }
    }

    private async Task<Dictionary<string, string>> EnvironmentAsync(TestFolder folder) => new()
    {
        ["BUILDRUNNER_SOURCES__LOCALFOLDERS"] = folder["repos"],
        ["BUILDRUNNER_DATABASE__PROVIDER"] = "postgresql",
        ["BUILDRUNNER_DATABASE__CONNECTIONSTRING"] = await servers.DatabaseAsync(),
        ["BUILDRUNNER_BUS__TRANSPORT"] = "rabbitmq",
        ["BUILDRUNNER_BUS__RABBITMQ__URI"] = (await servers.BrokerAsync()).ToString(),
        ["BUILDRUNNER_BUS__RABBITMQ__QUEUEPREFIX"] = $"two{Guid.NewGuid():N}"[..10],
    };
}
