using System.Security.Claims;
using System.Text.Encodings.Web;
using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Agents;
using BuildRunner.Server.Api;
using BuildRunner.Server.Pages;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace BuildRunner.Server.Access;

/// <summary>Tells who calls: by <c>Authorization: Bearer TOKEN</c> an agent, or somebody with a token for the API; by a cookie somebody whose browser is signed in.</summary>
internal sealed class TokenAuthentication(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder, AgentRegistry agents, ApiTokens tokens, ServerOptions server)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    public const string SchemeName = "Bearer";

    /// <summary>The claim that holds an agent's id.</summary>
    public const string AgentClaim = "agent";

    /// <summary>The claim that holds a scope.</summary>
    public const string ScopeClaim = "scope";

    /// <summary>The cookie that holds a browser's session.</summary>
    public const string CookieName = "buildrunner";

    /// <summary>The header by which our own scripts tell that they are ours. Forms of our pages carry an antiforgery token instead, and are no part of the API.</summary>
    public const string OwnHeader = "X-BuildRunner";

    /// <summary>The name of who looks where anybody may.</summary>
    public const string Anybody = "anybody";

    /// <summary>The name of whoever calls from this machine, where nobody has to sign in.</summary>
    public const string AnybodyHere = "anybody here";

    private const string Prefix = "Bearer ";
    private const int MaxToken = 200;

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        var header = Request.Headers.Authorization.ToString();
        if (server.OpenToThisMachine && header.Length == 0)
        {
            return ThisMachine.Sent(Context)
                ? AuthenticateResult.Success(TicketOf([new Claim(ClaimTypes.Name, AnybodyHere), new Claim(ScopeClaim, Scopes.Admin)]))
                : AuthenticateResult.NoResult();
        }

        var token = header.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) ? header[Prefix.Length..].Trim() : header.Length == 0 ? OfBrowser() : null;
        if (token is not { Length: > 0 and <= MaxToken })
        {
            return server.PublicRead && header.Length == 0
                ? AuthenticateResult.Success(TicketOf([new Claim(ClaimTypes.Name, Anybody), new Claim(ScopeClaim, Scopes.Read)]))
                : AuthenticateResult.NoResult();
        }

        var claims = token.StartsWith(Tokens.AgentPrefix, StringComparison.Ordinal)
            ? await AgentAsync(token, Context.RequestAborted)
            : await tokens.FindAsync(token, Context.RequestAborted);
        return claims.Count == 0
            ? AuthenticateResult.Fail("the token is not valid, or not any more")
            : AuthenticateResult.Success(TicketOf(claims));
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        if (PageHosting.IsForPeople(Context) && (HttpMethods.IsGet(Request.Method) || HttpMethods.IsHead(Request.Method)))
        {
            var asked = Request.PathBase + Request.Path + Request.QueryString;
            Response.Redirect($"{Request.PathBase}{ApiRoutes.LoginPage}{(asked == "/" ? "" : $"?next={Uri.EscapeDataString(asked)}")}");
            return Task.CompletedTask;
        }

        Response.Headers.WWWAuthenticate = SchemeName;
        return ApiException.Problem(
            StatusCodes.Status401Unauthorized, ApiProblems.SignIn, "log in with: buildrunner login; a script sends the header Authorization: Bearer TOKEN").ExecuteAsync(Context);
    }

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties)
    {
        if (PageHosting.IsForPeople(Context))
        {
            // A page is made of it. Whoever is signed in is told that there is no such page; others are not told what there is.
            Response.StatusCode = Context.GetEndpoint() is null ? StatusCodes.Status404NotFound : StatusCodes.Status403Forbidden;
            return Task.CompletedTask;
        }

        return (Context.GetEndpoint() switch
        {
            null => ApiException.Problem(StatusCodes.Status404NotFound, ApiProblems.NotFound, "there is nothing at this address"),
            { DisplayName: "405 HTTP Method Not Supported" } => ApiException.Problem(StatusCodes.Status405MethodNotAllowed, ApiProblems.Request, "this address does not take this method"),
            var endpoint when endpoint.Metadata.GetMetadata<ApiScope>() is { } needs =>
                ApiException.Problem(StatusCodes.Status403Forbidden, ApiProblems.Scope, $"this needs a token with the scope '{needs.Scope}'; an administrator makes one"),
            _ => ApiException.Problem(StatusCodes.Status403Forbidden, ApiProblems.Scope, "the token does not have the scope that this needs"),
        }).ExecuteAsync(Context);
    }

    // A cookie goes along with whatever any page on the web makes a browser send; what changes something says by a header that none of them can set that it is ours.
    private string? OfBrowser() =>
        Request.Cookies[CookieName] is { } session && session.StartsWith(Tokens.SessionPrefix, StringComparison.Ordinal)
        && (HttpMethods.IsGet(Request.Method) || HttpMethods.IsHead(Request.Method) || Request.Headers[OwnHeader] == "1" || !Request.Path.StartsWithSegments("/api", StringComparison.OrdinalIgnoreCase))
            ? session
            : null;

    private static AuthenticationTicket TicketOf(List<Claim> claims) => new(new ClaimsPrincipal(new ClaimsIdentity(claims, SchemeName)), SchemeName);

    private async Task<List<Claim>> AgentAsync(string token, CancellationToken cancellationToken) =>
        await agents.FindAsync(token, cancellationToken) is { } id ? [new Claim(AgentClaim, id.ToString("N"))] : [];
}
