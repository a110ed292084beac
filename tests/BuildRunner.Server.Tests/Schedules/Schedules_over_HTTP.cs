using System.Net;
using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Runs;
using BuildRunner.Server.Schedules;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Tests.Api;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging.Abstractions;

namespace BuildRunner.Server.Tests.Schedules;

/// <summary>From a schedule's rule to runs: each occurrence at most one, whoever looks and however often (promise G10).</summary>
public sealed class Schedules_over_HTTP : IAsyncLifetime
{
    private const string Pipeline = """
        skip_clone: true
        when: [ { event: cron, cron: nightly } ]
        steps: [ { name: a, image: busybox, commands: [ "true" ] } ]
        """;

    private ServerWithShop shop = null!;

    private static ApiJson Json => ApiJson.Default;

    private HttpServer Server => shop.Server;

    private ApiClient Api => shop.Api;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => shop = await ServerWithShop.StartAsync(Pipeline, o => o with { Schedules = new ScheduleOptions { MinInterval = TimeSpan.FromSeconds(1) } });

    public ValueTask DisposeAsync() => shop.DisposeAsync();

    [Fact]
    public async Task Hangfire_fires_it_and_each_occurrence_is_one_run_of_its_name()
    {
        using var counted = new Counted("buildrunner.schedule.fires", "outcome");
        await SetAsync(new SetSchedule { Cron = "* * * * * *" });
        var schedule = await UntilAsync(s => s.Last.Count(f => f.Run is not null) >= 2);
        await counted.AtLeastAsync("run", 2);
        Assert.Equal(schedule.Last.Select(f => f.Due).Distinct().Count(), schedule.Last.Count);
        await Api.SendAsync("POST", Path(TriggerRoutes.SchedulePause), null);
        var runs = (await Api.GetAsync(ApiRoutes.Runs, Json.RunPage)).Items;
        Assert.All(runs, run => Assert.Equal(("cron", "schedule nightly", "main"), (run.Event, run.Author, run.Branch)));
        Assert.Empty((await GetAsync()).Next);
    }

    [Fact]
    public async Task Several_that_look_at_once_start_one_run_and_what_was_missed_follows_the_rule()
    {
        await MissedAsync();
        var firers = Enumerable.Range(0, 4).Select(_ => new ScheduleFirer(Server.Get<Database>(), Server.Get<RunStarter>(), Server.Get<RunRegister>(), NullLogger<ScheduleFirer>.Instance)).ToList();
        await Task.WhenAll(firers.Select(f => f.SweepAsync(Cancel)));
        firers.ForEach(f => f.Dispose());
        var schedule = await UntilAsync(s => s.Last.Any(f => f.Run is not null));
        Assert.Single(schedule.Last);
        Assert.Single((await Api.GetAsync(ApiRoutes.Runs, Json.RunPage)).Items);
    }

    [Fact]
    public async Task A_server_that_looks_several_times_at_once_leaves_no_number_unused()
    {
        await MissedAsync();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Server.Get<ScheduleFirer>().SweepAsync(Cancel)));
        await UntilAsync(s => s.Last.Any(f => f.Run is not null));
        using (var started = await Api.SendAsync("POST", Path(TriggerRoutes.ScheduleRun), null))
        {
            Assert.Equal(HttpStatusCode.OK, started.StatusCode);
        }

        Assert.Equal([2, 1], (await Api.GetAsync(ApiRoutes.Runs, Json.RunPage)).Items.Select(r => r.Number));
    }

    [Fact]
    public async Task It_can_be_run_now_changed_and_removed()
    {
        var set = await SetAsync(new SetSchedule { Cron = "@daily", Zone = "Europe/Berlin", Overlap = "skip" });
        Assert.Equal(("Europe/Berlin", "skip", 3), (set.Zone, set.Overlap, set.Next.Count));
        using (var started = await Api.SendAsync("POST", Path(TriggerRoutes.ScheduleRun), null))
        {
            Assert.Equal(HttpStatusCode.OK, started.StatusCode);
        }

        Assert.Equal("cron", Assert.Single((await Api.GetAsync(ApiRoutes.Runs, Json.RunPage)).Items).Event);
        using var removed = await Api.SendAsync("DELETE", Path(TriggerRoutes.ScheduleByName), null);
        Assert.Equal(HttpStatusCode.NoContent, removed.StatusCode);
        Assert.Empty((await Api.GetAsync(ApiRoutes.For(TriggerRoutes.Schedules, "acme/shop"), Json.ScheduleList)).Items);
    }

    [Theory]
    [InlineData("""{"cron":"61 * * * *"}""", "the cron expression '61 * * * *' cannot be read")]
    [InlineData("""{"cron":"@daily","zone":"Mars/Olympus"}""", "the time zone 'Mars/Olympus' is not known here")]
    [InlineData("""{"cron":"0 0 31 2 *"}""", "it is never due")]
    [InlineData("""{"cron":"@daily","misfire":"later"}""", "there is no misfire rule 'later'")]
    [InlineData("""{"cron":"@daily","branch":"mian"}""", "schedule 'nightly': acme/shop has no branch 'mian'; did you mean 'main'?")]
    [InlineData("""{"cron":"@daily","inputs":{"whom":"x"}}""", "the pipeline on branch 'main' has no input 'whom'; inputs are declared in it under 'inputs'")]
    public async Task What_is_wrong_with_a_rule_is_said(string body, string problem) => Assert.Contains(problem, (await Api.RefusedAsync("PUT", Path(TriggerRoutes.ScheduleByName), body)).Detail);

    // A schedule whose last occurrence nobody was there for.
    private async Task MissedAsync()
    {
        await SetAsync(new SetSchedule { Cron = "0 3 * * *", Misfire = "once" });
        await Server.Get<Database>().WriteAsync(
            turn =>
            {
                DateTimeOffset? due = turn.Now.AddDays(-5);
                return turn.Db.Schedules.ExecuteUpdateAsync(set => set.SetProperty(s => s.HandledUpTo, turn.Now.AddDays(-6)).SetProperty(s => s.NextDue, due));
            },
            Cancel);
    }

    private Task<ScheduleInfo> SetAsync(SetSchedule wanted) => Api.SendAsync("PUT", Path(TriggerRoutes.ScheduleByName), wanted, Json.SetSchedule, Json.ScheduleInfo);

    private async Task<ScheduleInfo> GetAsync() => Assert.Single((await Api.GetAsync(ApiRoutes.For(TriggerRoutes.Schedules, "acme/shop"), Json.ScheduleList)).Items);

    private async Task<ScheduleInfo> UntilAsync(Func<ScheduleInfo, bool> enough)
    {
        while (true)
        {
            if (await GetAsync() is var schedule && enough(schedule))
            {
                return schedule;
            }

            await Task.Delay(100, Cancel);
        }
    }

    private static string Path(string route) => ApiRoutes.With(ApiRoutes.For(route, "acme/shop"), "schedule", "nightly");
}
