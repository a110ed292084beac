using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Access;
using BuildRunner.Server.Repositories;
using BuildRunner.Server.Runs;
using BuildRunner.Server.Schedules;
using BuildRunner.Server.Storage.Rows;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using System.Text.Json;

namespace BuildRunner.Server.Api;

/// <summary>Schedules over the API.</summary>
internal static class SchedulesApi
{
    private const int Upcoming = 3;

    public static void MapSchedulesApi(this IEndpointRouteBuilder routes)
    {
        routes.Read(TriggerRoutes.Schedules, Scopes.Read, j => j.ScheduleList, async call =>
        {
            var found = await call.Get<ScheduleStore>().OfAsync((await RepositoryAsync(call)).Id, call.Stop);
            return new ApiList<ScheduleInfo>(await InfoOfAsync(call, found));
        });
        routes.Do(HttpMethods.Put, TriggerRoutes.ScheduleByName, Scopes.Admin, json => json.SetSchedule, j => j.ScheduleInfo, SetAsync);
        routes.Do(HttpMethods.Post, TriggerRoutes.SchedulePause, Scopes.Run, j => j.ScheduleInfo, call => EnableAsync(call, enabled: false));
        routes.Do(HttpMethods.Post, TriggerRoutes.ScheduleResume, Scopes.Run, j => j.ScheduleInfo, call => EnableAsync(call, enabled: true));
        routes.Do(HttpMethods.Post, TriggerRoutes.ScheduleRun, Scopes.Run, j => j.RunSummary, RunAsync);
        routes.Remove(TriggerRoutes.ScheduleByName, Scopes.Admin, async call =>
        {
            if (!await call.Get<ScheduleStore>().RemoveAsync((await RepositoryAsync(call)).Id, call.Route("schedule"), call.Who, call.Stop))
            {
                throw NoSchedule(call);
            }
        });
    }

    private static async Task<RunSummary> RunAsync(ApiCall call)
    {
        var schedule = await FindAsync(call);
        var run = await call.Get<ScheduleFirer>().RunNowAsync(schedule, call.Who, call.Stop);
        return await call.Get<RunViews>().StartedAsync(run.Id, call.Stop) ?? throw ApiException.NotFound("the run was removed meanwhile");
    }

    private static async Task<ScheduleRow> FindAsync(ApiCall call) =>
        await call.Get<ScheduleStore>().FindAsync((await RepositoryAsync(call)).Id, call.Route("schedule"), call.Stop) ?? throw NoSchedule(call);

    private static async Task<(int Status, ScheduleInfo Answer)> SetAsync(ApiCall call, SetSchedule wanted)
    {
        var name = call.Route("schedule");
        if (name.Length > 100 || name.Any(char.IsControl) || string.IsNullOrWhiteSpace(name))
        {
            throw ApiException.Request("a schedule's name is 1 to 100 characters; it is what when.cron names");
        }

        var options = call.Get<ScheduleOptions>();
        if (!CronRule.TryParse(wanted.Cron, wanted.Zone, out var rule, out var problem) || (problem = rule.WhyNot(call.Get<TimeProvider>().GetUtcNow(), options.MinInterval)) is not null)
        {
            throw ApiException.Refused(ApiProblems.Request, $"schedule '{name}': {problem}");
        }

        var repository = await RepositoryAsync(call);
        if (await call.Get<StartTargets>().WhyNotAsync(repository, wanted.Branch, [.. wanted.Inputs.Keys], call.Stop) is { } nothing)
        {
            throw ApiException.Refused(ApiProblems.Request, $"schedule '{name}': {nothing}");
        }

        var row = await call.Get<ScheduleStore>().SetAsync(
            repository.Id,
            name,
            rule,
            new WantedSchedule(wanted.Cron.Trim(), wanted.Zone ?? "", wanted.Branch, wanted.Inputs, MisfireOf(wanted.Misfire, options.Misfire), OverlapOf(wanted.Overlap)),
            call.Who,
            call.Stop);
        return (StatusCodes.Status200OK, (await InfoOfAsync(call, [row]))[0]);
    }

    private static async Task<ScheduleInfo> EnableAsync(ApiCall call, bool enabled)
    {
        var row = await call.Get<ScheduleStore>().EnableAsync((await RepositoryAsync(call)).Id, call.Route("schedule"), enabled, call.Who, call.Stop) ?? throw NoSchedule(call);
        return (await InfoOfAsync(call, [row]))[0];
    }

    private static Task<IReadOnlyList<ScheduleInfo>> InfoOfAsync(ApiCall call, IReadOnlyList<ScheduleRow> rows) =>
        InfoOfAsync(call.Get<ScheduleStore>(), rows, call.Get<TimeProvider>().GetUtcNow(), call.Stop);

    /// <summary>Schedules as people see them, with what comes and what was.</summary>
    internal static async Task<IReadOnlyList<ScheduleInfo>> InfoOfAsync(ScheduleStore store, IReadOnlyList<ScheduleRow> rows, DateTimeOffset now, CancellationToken stop)
    {
        var fires = await store.FiresAsync([.. rows.Select(row => row.Id)], stop);
        return
        [
            .. rows.Select(row => new ScheduleInfo
            {
                Name = row.Name,
                Cron = row.Cron,
                Zone = row.Zone.Length == 0 ? "UTC" : row.Zone,
                Branch = row.Branch,
                Inputs = JsonSerializer.Deserialize(row.Inputs, StoredJson.Default.DictionaryStringString) ?? [],
                Enabled = row.Enabled,
                Misfire = row.Misfire.ToString().ToLowerInvariant(),
                Overlap = row.Overlap == OverlapRule.CancelPrevious ? "cancel_previous" : row.Overlap.ToString().ToLowerInvariant(),
                Next = row.Enabled ? [.. ScheduleStore.RuleOf(row).After(now).Take(Upcoming)] : [],
                Last = [.. fires[row.Id].Select(f => new ScheduleFire(f.Fire.Due, f.Run, f.Fire.Why.Length == 0 ? null : f.Fire.Why))],
            }),
        ];
    }

    private static MisfireRule MisfireOf(string? word, MisfireRule usual) => word switch
    {
        null => usual,
        "once" => MisfireRule.Once,
        "skip" => MisfireRule.Skip,
        "all" => MisfireRule.All,
        _ => throw ApiException.Refused(ApiProblems.Request, $"there is no misfire rule '{word}'; choose once, skip or all"),
    };

    private static OverlapRule OverlapOf(string? word) => word switch
    {
        null or "allow" => OverlapRule.Allow,
        "skip" => OverlapRule.Skip,
        "cancel_previous" => OverlapRule.CancelPrevious,
        _ => throw ApiException.Refused(ApiProblems.Request, $"there is no overlap rule '{word}'; choose allow, skip or cancel_previous"),
    };

    private static async Task<RepositoryRow> RepositoryAsync(ApiCall call) =>
        await call.Get<RepositoryStore>().FindAsync(call.Repository, call.Stop) ?? throw ApiException.NotFound($"there is no repository {call.Repository}");

    private static ApiException NoSchedule(ApiCall call) => ApiException.NotFound($"{call.Repository} has no schedule '{call.Route("schedule")}'");
}
