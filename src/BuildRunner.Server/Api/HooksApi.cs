using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Access;
using BuildRunner.Server.Repositories;
using BuildRunner.Server.Runs;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using BuildRunner.Server.Webhooks;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Api;

/// <summary>Endpoints for webhooks and their deliveries, over the API.</summary>
internal static class HooksApi
{
    private const int MinSecret = 24;

    public static void MapHooksApi(this IEndpointRouteBuilder routes)
    {
        routes.Read(TriggerRoutes.Hooks, Scopes.Admin, j => j.HookList, async call =>
        {
            var found = await call.Get<Hooks>().OfAsync((await RepositoryAsync(call)).Id, call.Stop);
            var refused = await call.Get<RefusedDeliveries>().ListAsync(call.Stop);
            return new ApiList<HookInfo>([.. found.Select(hook => InfoOf(call, hook) with { Refused = RefusedAt(hook, refused) })]);
        });
        routes.Do(HttpMethods.Put, TriggerRoutes.HookByName, Scopes.Admin, json => json.SetHook, j => j.CreatedHook, SetAsync);
        routes.Do(HttpMethods.Post, TriggerRoutes.HookRotate, Scopes.Admin, j => j.CreatedHook, async call =>
            await call.Get<Hooks>().RotateAsync((await RepositoryAsync(call)).Id, call.Route("hook"), call.Who, call.Stop) is var (hook, secret)
                ? new CreatedHook(InfoOf(call, hook), secret)
                : throw NoHook(call));
        routes.Remove(TriggerRoutes.HookByName, Scopes.Admin, async call =>
        {
            if (!await call.Get<Hooks>().RemoveAsync((await RepositoryAsync(call)).Id, call.Route("hook"), call.Who, call.Stop))
            {
                throw NoHook(call);
            }
        });
        routes.Read(TriggerRoutes.Deliveries, Scopes.Admin, j => j.DeliveryList, async call =>
        {
            var found = await call.Get<Inbox>().ListAsync(call.Query("source"), (int)(call.Number("limit", 1, 200) ?? 50), call.Stop);
            var runs = await RunsAsync(call, found);
            return new ApiList<DeliveryInfo>([.. found.Select(row => InfoOf(row, runs))]);
        });
        routes.Read(TriggerRoutes.Refused, Scopes.Admin, j => j.RefusedList, async call => new ApiList<RefusedInfo>(await call.Get<RefusedDeliveries>().ListAsync(call.Stop)));
        routes.Do(HttpMethods.Post, TriggerRoutes.DeliveryReplay, Scopes.Admin, j => j.DeliveryInfo, ReplayAsync);
    }

    private static async Task<(int Status, CreatedHook Answer)> SetAsync(ApiCall call, SetHook wanted)
    {
        var name = call.Route("hook");
        if (name.Length > 64 || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'))
        {
            throw ApiException.Request("an endpoint's name is 1 to 64 letters, digits, dots, dashes and underscores");
        }

        HookRules.Read(wanted.Settings, out var problems);
        if (problems.Count > 0)
        {
            throw ApiException.Refused(ApiProblems.Request, string.Join("; ", problems));
        }

        // One that is disabled starts nothing: that must be possible also when its branch is gone.
        var repository = await RepositoryAsync(call);
        var inputs = wanted.Settings.Inputs.Select(input => input.Input).ToList();
        if (wanted.Enabled && await call.Get<StartTargets>().WhyNotAsync(repository, wanted.Settings.Branch, inputs, call.Stop) is { } nothing)
        {
            throw ApiException.Refused(ApiProblems.Request, $"endpoint '{name}': {nothing}");
        }

        if (wanted.Secret is { } secret && (secret.Length < MinSecret || !WebhookSecret.TryParse(secret, out _, out _)))
        {
            throw ApiException.Refused(ApiProblems.Request, $"the secret needs at least {MinSecret} characters; leave it out, and one is made");
        }

        var (hook, made) = await call.Get<Hooks>().SetAsync(repository.Id, name, wanted, call.Who, call.Stop);
        return hook is null
            ? throw new ApiException(StatusCodes.Status409Conflict, ApiProblems.Exists, $"another repository has an endpoint '{name}'; its name is a part of its address, so choose another one")
            : (StatusCodes.Status200OK, new CreatedHook(InfoOf(call, hook), made));
    }

    private static async Task<DeliveryInfo> ReplayAsync(ApiCall call)
    {
        if (!Guid.TryParseExact(call.Route("id"), "N", out var id) || !await call.Get<Inbox>().ReplayAsync(id, call.Who, call.Stop))
        {
            throw ApiException.NotFound("there is no such delivery, or it was forgotten (setting Webhooks:Retention)");
        }

        var row = (await call.Get<Database>().ReadAsync(db => db.Inbox.Where(i => i.Id == id).ToListAsync(call.Stop), call.Stop)).Single();
        return InfoOf(row, await RunsAsync(call, [row]));
    }

    private static async Task<RepositoryRow> RepositoryAsync(ApiCall call) =>
        await call.Get<RepositoryStore>().FindAsync(call.Repository, call.Stop) ?? throw ApiException.NotFound($"there is no repository {call.Repository}");

    private static ApiException NoHook(ApiCall call) => ApiException.NotFound($"{call.Repository} has no endpoint '{call.Route("hook")}'");

    private static HookInfo InfoOf(ApiCall call, HookRow hook) => InfoOf(call.Get<Links>(), hook);

    /// <summary>An endpoint as people see it: without its secret.</summary>
    internal static HookInfo InfoOf(Links links, HookRow hook) => new()
    {
        Name = hook.Name,
        Url = new Uri(links.Root, ApiRoutes.With(TriggerRoutes.Hook, "hook", hook.Name)[1..]).AbsoluteUri,
        Settings = Hooks.SettingsOf(hook),
        Enabled = hook.Enabled,
        HasSecret = hook.Secret is not null,
        LastDeliveryAt = hook.LastDeliveryAt,
    };

    /// <summary>What an endpoint refused; null: nothing.</summary>
    internal static RefusedInfo? RefusedAt(HookRow hook, IReadOnlyList<RefusedInfo> refused) => refused.FirstOrDefault(r => r.Source == HookDeliveries.SourceOf(hook.Name));

    /// <summary>A delivery as people see it: without its body.</summary>
    internal static DeliveryInfo InfoOf(InboxRow row, Dictionary<Guid, string> runs) => new()
    {
        Id = row.Id.ToString("N"),
        Source = row.Source,
        Delivery = row.Delivery,
        Event = row.Event,
        At = row.At,
        State = row.State switch { InboxState.Due => "due", InboxState.Done => "done", _ => "failed" },
        Verdict = row.Verdict,
        Run = row.Run is { } run ? runs.GetValueOrDefault(run) : null,
    };

    private static Task<Dictionary<Guid, string>> RunsAsync(ApiCall call, IReadOnlyList<InboxRow> rows) => RunsAsync(call.Get<Database>(), rows, call.Stop);

    /// <summary>The names of the runs that deliveries made.</summary>
    internal static Task<Dictionary<Guid, string>> RunsAsync(Database database, IReadOnlyList<InboxRow> rows, CancellationToken stop)
    {
        var ids = rows.Select(row => row.Run).OfType<Guid>().Distinct().ToList();
        return database.ReadAsync(
            db => (
                from run in db.Runs
                join repository in db.Repositories on run.Repository equals repository.Id
                where ids.Contains(run.Id)
                select new { run.Id, Name = repository.Name + "#" + run.Number }).ToDictionaryAsync(r => r.Id, r => r.Name, stop),
            stop);
    }
}
