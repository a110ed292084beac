using System.Security.Claims;
using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Access;
using BuildRunner.Server.Repositories;
using BuildRunner.Server.Storage.Rows;
using Microsoft.AspNetCore.Mvc.RazorPages;
using Microsoft.Extensions.DependencyInjection;

namespace BuildRunner.Server.Pages;

/// <summary>What every page knows: who looks, what they may do, the moment, and where other pages are.</summary>
public abstract class SitePage : PageModel
{
    /// <summary>Who looks, for people; null: nobody is signed in.</summary>
    public string? Who => User.FindFirstValue(ClaimTypes.Name);

    /// <summary>Whether whoever looks has signed in, and so can sign out.</summary>
    public bool IsSignedIn => Who is not (null or TokenAuthentication.Anybody or TokenAuthentication.AnybodyHere);

    /// <summary>Whether there is anything to sign in for: not where whoever calls from this machine may do everything.</summary>
    public bool MaySignIn => Who is null or TokenAuthentication.Anybody;

    /// <summary>The browser tab's text.</summary>
    public string Title { get; protected set; } = "BuildRunner";

    /// <summary>The state that title and icon carry; null: none.</summary>
    public string? State { get; protected set; }

    /// <summary>The module that the page runs, without its ending; null: none.</summary>
    public string? Script { get; protected set; }

    /// <summary>The moment of this answer.</summary>
    public DateTimeOffset Now { get; private set; } = TimeProvider.System.GetUtcNow();

    /// <summary>Gives up when whoever asked has gone.</summary>
    protected CancellationToken Gone => HttpContext.RequestAborted;

    /// <summary>Whether whoever looks may start, cancel and repeat runs.</summary>
    public bool MayRun => Has(Scopes.Run);

    /// <summary>Whether whoever looks may approve.</summary>
    public bool MayApprove => Has(Scopes.Approve);

    /// <summary>Whether whoever looks may do everything.</summary>
    public bool IsAdministrator => Has(Scopes.Admin);

    /// <summary>The address of a page of this server, below the path that it lives at.</summary>
    public string At(string path) => HttpContext.Request.PathBase + path;

    /// <summary>The address of a file that pages need. Its folder is named by the content of all: browsers keep it for good.</summary>
    public string Asset(string name) => At($"/assets/{Assets.Version}/{name}");

    /// <summary>The page of a repository.</summary>
    public string Repository(string name) => At("/" + string.Join('/', name.Split('/').Select(Uri.EscapeDataString)));

    /// <summary>The page of a run.</summary>
    public string Run(RunSummary run, int? attempt = null) => $"{Repository(run.Repo)}/runs/{run.Number}{(attempt is { } a ? $"?attempt={a}" : "")}";

    /// <summary>The page of a step.</summary>
    public string Step(RunSummary run, string workflow, string step, int? attempt = null) =>
        $"{Repository(run.Repo)}/runs/{run.Number}/steps/{Uri.EscapeDataString(step)}?workflow={Uri.EscapeDataString(workflow)}{(attempt is { } a ? $"&attempt={a}" : "")}";

    /// <summary>The repository that an address names; null: there is none.</summary>
    private protected Task<RepositoryRow?> RepositoryAsync(string owner, string name) => HttpContext.RequestServices.GetRequiredService<RepositoryStore>().FindAsync($"{owner}/{name}", Gone);

    private bool Has(string scope) => User.HasClaim(TokenAuthentication.ScopeClaim, scope) || User.HasClaim(TokenAuthentication.ScopeClaim, Scopes.Admin);
}
