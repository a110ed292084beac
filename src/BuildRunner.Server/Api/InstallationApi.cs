using System.Globalization;
using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Access;
using BuildRunner.Server.Agents;
using BuildRunner.Server.Dispatch;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace BuildRunner.Server.Api;

/// <summary>The installation itself: who calls, agents, queue, tokens, and what was done.</summary>
internal static class InstallationApi
{
    public static void MapInstallationApi(this IEndpointRouteBuilder routes)
    {
        routes.Read(ApiRoutes.WhoAmI, Scopes.Any, j => j.WhoAmI, call => Task.FromResult(new WhoAmI(
            call.Who,
            [.. call.Http.User.FindAll(TokenAuthentication.ScopeClaim).Select(c => c.Value)],
            AgentVersions.Server.ToString(3))));
        routes.Read(ApiRoutes.Agents, Scopes.Read, j => j.AgentList, async call => new ApiList<AgentInfo>(await call.Get<AgentDesk>().ListAsync(call.Stop)));
        routes.Do(HttpMethods.Post, ApiRoutes.AgentTokens, Scopes.Admin, j => j.NewAgentToken, j => j.AgentToken, AgentTokenAsync);
        routes.Remove(ApiRoutes.AgentByName, Scopes.Admin, RemoveAgentAsync);
        routes.Do(HttpMethods.Post, ApiRoutes.AgentDrain, Scopes.Admin, j => j.AgentInfo, call => DrainAsync(call, drain: true));
        routes.Do(HttpMethods.Post, ApiRoutes.AgentResume, Scopes.Admin, j => j.AgentInfo, call => DrainAsync(call, drain: false));
        routes.Read(ApiRoutes.Queue, Scopes.Read, j => j.QueueInfo, QueueAsync);
        routes.Do(HttpMethods.Post, ApiRoutes.QueuePause, Scopes.Admin, j => j.PauseQueue, j => j.QueueInfo, async (call, wanted) =>
        {
            await call.Get<QueueSwitch>().PauseAsync(call.Who, wanted.Why, call.Stop);
            return (StatusCodes.Status200OK, await QueueAsync(call));
        });
        routes.Do(HttpMethods.Post, ApiRoutes.QueueResume, Scopes.Admin, j => j.QueueInfo, async call =>
        {
            await call.Get<QueueSwitch>().ResumeAsync(call.Who, call.Stop);
            return await QueueAsync(call);
        });
        routes.Read(ApiRoutes.Tokens, Scopes.Admin, j => j.ApiTokenList, async call => new ApiList<ApiToken>(await call.Get<ApiTokens>().ListAsync(call.Stop)));
        routes.Do(HttpMethods.Post, ApiRoutes.Tokens, Scopes.Admin, j => j.NewApiToken, j => j.CreatedApiToken, CreateTokenAsync);
        routes.Remove(ApiRoutes.TokenById, Scopes.Admin, RemoveTokenAsync);
        routes.Read(ApiRoutes.Audit, Scopes.Admin, j => j.AuditList, async call => new ApiList<AuditEntry>(await call.Get<AuditLog>().ListAsync(
            (int)(call.Number("limit", 1, 500) ?? 100), call.Number("before", 1, long.MaxValue), call.Query("subject"), call.Stop)));
    }

    private static async Task<(int Status, AgentToken Answer)> AgentTokenAsync(ApiCall call, NewAgentToken wanted)
    {
        if (wanted.ValidForSeconds is < 1 or > 30 * 24 * 3600)
        {
            throw ApiException.Request("'validForSeconds' is from 1 to 30 days");
        }

        if (wanted.Labels.Count > 100 || wanted.Labels.Any(l => !IsLabel(l.Key, l.Value)))
        {
            throw ApiException.Request("'labels' are at most 100 texts of at most 200 characters, without line ends, and without '=' in their names");
        }

        var validFor = TimeSpan.FromSeconds(wanted.ValidForSeconds ?? 3600);
        var (token, expires) = await call.Get<AgentRegistry>().CreateTokenAsync(wanted.Labels, validFor, call.Who, call.Stop);
        return (StatusCodes.Status201Created, new AgentToken(token, expires));
    }

    private static bool IsLabel(string key, string? value) =>
        key.Length is > 0 and <= 200 && !key.Contains('=') && !key.Any(char.IsControl) && value is { Length: > 0 and <= 200 } && !value.Any(char.IsControl);

    private static async Task<AgentInfo> DrainAsync(ApiCall call, bool drain)
    {
        var agent = await AgentAsync(call);
        await call.Get<AgentDesk>().DrainAsync(agent.Name, drain, call.Who, call.Stop);
        return await AgentAsync(call);
    }

    private static async Task RemoveAgentAsync(ApiCall call)
    {
        var agent = await AgentAsync(call);
        if (await call.Get<AgentDesk>().RemoveAsync(agent.Name, call.Who, call.Stop) is { } refusal)
        {
            throw ApiException.State(refusal);
        }
    }

    private static async Task<AgentInfo> AgentAsync(ApiCall call) =>
        await call.Get<AgentDesk>().FindAsync(call.Route("agent"), call.Stop) ?? throw ApiException.NotFound($"there is no agent '{call.Route("agent")}'");

    private static async Task<QueueInfo> QueueAsync(ApiCall call)
    {
        var look = await call.Get<QueueView>().LookAsync(call.Stop);
        return new QueueInfo(
            look.PausedBy,
            [
                .. look.Entries.Take(QueueView.MostShown).Select(e => e.Item),
            ],
            look.Total);
    }

    private static async Task<(int Status, CreatedApiToken Answer)> CreateTokenAsync(ApiCall call, NewApiToken wanted)
    {
        if (wanted.Name is not { Length: > 0 and <= 100 } || wanted.Name.Any(char.IsControl))
        {
            throw ApiException.Request("'name' is 1 to 100 characters");
        }

        if (wanted.Scopes is not { Count: > 0 } || wanted.Scopes.Any(s => !Scopes.All.Contains(s)))
        {
            throw ApiException.Request($"'scopes' are at least one of {string.Join(", ", Scopes.All)}");
        }

        if (wanted.ValidForSeconds is < 1 or > 10L * 365 * 24 * 3600)
        {
            throw ApiException.Request("'validForSeconds' is from 1 to ten years");
        }

        var validFor = wanted.ValidForSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : (TimeSpan?)null;
        var (id, token) = await call.Get<ApiTokens>().CreateAsync(wanted.Name, [.. wanted.Scopes.Distinct()], validFor, call.Who, call.Stop);
        var info = (await call.Get<ApiTokens>().ListAsync(call.Stop)).Find(t => t.Id == id.ToString("N", CultureInfo.InvariantCulture))!;
        return (StatusCodes.Status201Created, new CreatedApiToken(info, token));
    }

    private static async Task RemoveTokenAsync(ApiCall call)
    {
        if (!Guid.TryParseExact(call.Route("id"), "N", out var id) || !await call.Get<ApiTokens>().DeleteAsync(id, call.Who, call.Stop))
        {
            throw ApiException.NotFound("there is no such token");
        }
    }
}
