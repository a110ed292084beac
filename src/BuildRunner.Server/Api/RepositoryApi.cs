using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Access;
using BuildRunner.Server.Forge;
using BuildRunner.Server.Repositories;
using BuildRunner.Server.Runs;
using BuildRunner.Server.Sources;
using BuildRunner.Server.Storage.Rows;
using BuildRunner.Server.Triggers;
using BuildRunner.Server.Webhooks;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OfApi = BuildRunner.Core.ApiContract.RepositorySettings;
using OfServer = BuildRunner.Server.Repositories.RepositorySettings;

namespace BuildRunner.Server.Api;

/// <summary>Repositories, their settings and their trust.</summary>
internal static class RepositoryApi
{
    private static readonly Dictionary<string, ApprovalPolicy> Policies = new(StringComparer.Ordinal)
    {
        ["never"] = ApprovalPolicy.Never,
        ["forks"] = ApprovalPolicy.Forks,
        ["outside_contributors"] = ApprovalPolicy.OutsideContributors,
        ["all"] = ApprovalPolicy.All,
    };

    public static void MapRepositoryApi(this IEndpointRouteBuilder routes)
    {
        routes.Read(ApiRoutes.Repositories, Scopes.Read, j => j.RepositoryList, ListAsync);
        routes.Do(HttpMethods.Post, ApiRoutes.Repositories, Scopes.Admin, j => j.AddRepository, j => j.Repository, AddAsync);
        routes.Read(ApiRoutes.RepositoryByName, Scopes.Read, j => j.Repository, async call => await ShowAsync(call, await FindAsync(call)));
        routes.Do(HttpMethods.Patch, ApiRoutes.RepositoryByName, Scopes.Admin, j => j.ChangeRepository, j => j.Repository, ChangeAsync);
        routes.Remove(ApiRoutes.RepositoryByName, Scopes.Admin, RemoveAsync);
    }

    /// <summary>The repository that the address names.</summary>
    /// <exception cref="ApiException">There is none.</exception>
    public static async Task<RepositoryRow> FindAsync(ApiCall call) =>
        await call.Get<RepositoryStore>().FindAsync(call.Repository, call.Stop)
            ?? throw ApiException.NotFound($"there is no repository '{call.Repository}'; 'buildrunner repo ls' lists those that there are, 'buildrunner repo add' adds one");

    private static async Task<ApiList<Repository>> ListAsync(ApiCall call)
    {
        var latest = await call.Get<RunViews>().LatestAsync(call.Stop);
        return new([.. (await call.Get<RepositoryStore>().ListAsync(call.Stop)).Select(r => View(r, latest.GetValueOrDefault(r.Id)))]);
    }

    private static async Task<Repository> ShowAsync(ApiCall call, RepositoryRow row)
    {
        var latest = await call.Get<RunViews>().FindAsync(row.Name, number: null, attempt: null, call.Stop);
        var view = View(row, latest is null ? null : await call.Get<RunViews>().SummaryAsync(latest.Id, call.Stop));
        return call.Has(Scopes.Admin) ? view with { Refused = await RefusedAsync(call, row) } : view;
    }

    private static async Task<IReadOnlyList<RefusedInfo>> RefusedAsync(ApiCall call, RepositoryRow row)
    {
        var refused = await call.Get<RefusedDeliveries>().ListAsync(call.Stop);
        return refused.Count == 0 ? [] : [.. (await call.Get<Hooks>().OfAsync(row.Id, call.Stop)).Select(hook => HooksApi.RefusedAt(hook, refused)).OfType<RefusedInfo>()];
    }

    private static async Task<(int Status, Repository Answer)> AddAsync(ApiCall call, AddRepository wanted)
    {
        if (!GitName.IsRepository(wanted.Name))
        {
            throw ApiException.Request("'name' is of the form owner/name: letters, digits, dots, dashes and underscores");
        }

        var url = UrlOf(call, wanted.CloneUrl);
        var atForge = await AtForgeAsync(call, wanted.CloneUrl);
        var settings = wanted.Settings is null ? new OfServer() : SettingsOf(wanted.Settings);
        if (await call.Get<RepositoryStore>().FindAsync(wanted.Name, call.Stop) is { } known)
        {
            throw new ApiException(StatusCodes.Status409Conflict, ApiProblems.Exists, $"there is a repository '{known.Name}' already; 'buildrunner repo set {known.Name}' changes it");
        }

        var branch = wanted.DefaultBranch is { } given ? Branch(given) : atForge?.DefaultBranch ?? await DefaultBranchAsync(call, new SourceRemote(url, wanted.User, wanted.Credential));
        var added = await call.Get<RepositoryStore>().AddAsync(new NewRepository(wanted.Name, url, branch, wanted.User, wanted.Credential, settings), call.Who, call.Stop);
        if (added is not null && atForge is not null)
        {
            await call.Get<ForgeRepositories>().LinkAsync(added.Id, atForge, call.Stop);
        }

        var webhook = added is not null && atForge is not null ? await call.Get<GitHubHooks>().EnsureAsync(atForge.FullName, call.Stop) : null;
        return added is { } row
            ? (StatusCodes.Status201Created, View(row, null) with { Webhook = webhook })
            : throw new ApiException(StatusCodes.Status409Conflict, ApiProblems.Exists, $"there is a repository '{wanted.Name}' already; 'buildrunner repo set {wanted.Name}' changes it");
    }

    private static async Task<(int Status, Repository Answer)> ChangeAsync(ApiCall call, ChangeRepository wanted)
    {
        var row = await FindAsync(call);
        var change = new RepositoryChange(
            wanted.CloneUrl is { } url ? UrlOf(call, url) : null,
            wanted.DefaultBranch is { } branch ? Branch(branch) : null,
            wanted.User,
            wanted.Credential,
            wanted.Settings is { } settings ? SettingsOf(settings) : null);
        if (change is { Url: { } moved, Credential: null } && RepositoryStore.LeadsElsewhere(row, moved))
        {
            throw ApiException.Refused(ApiProblems.Request, "the new address is of another host than the one that the stored credential was given for; give the credential with it, or an empty one to have none");
        }

        var changed = await call.Get<RepositoryStore>().ChangeAsync(row.Id, change, call.Who, call.Stop) ?? throw ApiException.NotFound("there is no such repository");
        return (StatusCodes.Status200OK, await ShowAsync(call, changed));
    }

    private static async Task RemoveAsync(ApiCall call)
    {
        var row = await FindAsync(call);
        if (await call.Get<RepositoryRemoval>().RemoveAsync(row.Id, call.Who, call.Stop) is { } refusal)
        {
            throw ApiException.State(refusal);
        }
    }

    private static SourceUrl UrlOf(ApiCall call, string text) =>
        SourceUrl.TryParse(text, call.Get<SourceOptions>().LocalFolders, out var url, out var problem)
            ? url
            : throw ApiException.Refused(text.StartsWith('/') ? ApiProblems.NotAllowed : ApiProblems.Source, $"'cloneUrl': {problem}");

    // Null: its address is of no forge that BuildRunner is set up for.
    private static async Task<ForgeRepository?> AtForgeAsync(ApiCall call, string cloneUrl)
    {
        var directory = call.Get<GitHubDirectory>();
        try
        {
            return directory.NameOf(cloneUrl) is { } name ? await directory.DescribeAsync(name, call.Stop) : null;
        }
        catch (ForgeException e)
        {
            throw ApiException.Refused(ApiProblems.Source, e.Message);
        }
    }

    private static async Task<string> DefaultBranchAsync(ApiCall call, SourceRemote remote)
    {
        var at = await call.Get<SourceReader>().LocateAsync(Guid.NewGuid(), remote, new SourcePoint.Commit("", null), call.Stop);
        return at.DefaultBranch ?? throw ApiException.Refused(ApiProblems.Source, "the repository is empty, or its HEAD names no branch; name a 'defaultBranch'");
    }

    private static string Branch(string name) => GitName.IsRef($"refs/heads/{name}") ? name : throw ApiException.Request("'defaultBranch' is no name that git allows for a branch");

    private static OfServer SettingsOf(OfApi settings)
    {
        if (!Policies.TryGetValue(settings.Approve, out var policy))
        {
            throw ApiException.Request($"'approve' is one of {string.Join(", ", Policies.Keys)}");
        }

        if (settings.PipelinePath is { } path && (path.Length is 0 or > 500 || path[0] == '/' || path.Split('/').Contains("..") || path.Any(char.IsControl)))
        {
            throw ApiException.Request("'pipelinePath' is relative to the tree: a file, or a folder with a slash at its end");
        }

        if (settings.TimeoutSeconds is < 1 or > 7 * 24 * 3600 || settings.Priority is < -1000 or > 1000)
        {
            throw ApiException.Request("'timeoutSeconds' is from 1 to a week, 'priority' from -1000 to 1000");
        }

        return new OfServer
        {
            PipelinePath = settings.PipelinePath,
            Trusted = new TrustedFlags(settings.TrustPrivileged, settings.TrustVolumes, settings.TrustNetwork) { Devices = settings.TrustDevices },
            Approve = policy,
            Priority = settings.Priority,
            CancelSuperseded = settings.CancelSuperseded,
            Timeout = settings.TimeoutSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
        };
    }

    private static Repository View(RepositoryRow row, RunSummary? latest)
    {
        var settings = RepositoryStore.SettingsOf(row);
        return new Repository
        {
            Name = row.Name,
            CloneUrl = row.CloneUrl,
            DefaultBranch = row.DefaultBranch,
            CreatedAt = row.CreatedAt,
            LatestRun = latest,
            Settings = new OfApi
            {
                PipelinePath = settings.PipelinePath,
                TrustPrivileged = settings.Trusted.Privileged,
                TrustVolumes = settings.Trusted.Volumes,
                TrustDevices = settings.Trusted.Devices,
                TrustNetwork = settings.Trusted.Network,
                Approve = Policies.First(p => p.Value == settings.Approve).Key,
                Priority = settings.Priority,
                CancelSuperseded = settings.CancelSuperseded,
                TimeoutSeconds = settings.Timeout is { } timeout ? (long)timeout.TotalSeconds : null,
            },
        };
    }
}
