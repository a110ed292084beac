using System.Security.Claims;
using System.Text.Encodings.Web;
using BuildRunner.Server.Agents;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace BuildRunner.Server.Access;

/// <summary>Tells by <c>Authorization: Bearer TOKEN</c> who calls: an agent, or somebody with a token for the API. Never by anything else of the request.</summary>
internal sealed class TokenAuthentication(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder, AgentRegistry agents, ApiTokens tokens)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    public const string SchemeName = "Bearer";

    /// <summary>The claim that holds an agent's id.</summary>
    public const string AgentClaim = "agent";

    /// <summary>The claim that holds a scope.</summary>
    public const string ScopeClaim = "scope";

    private const string Prefix = "Bearer ";
    private const int MaxToken = 200;

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        var header = Request.Headers.Authorization.ToString();
        if (!header.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) || header.Length > MaxToken)
        {
            return AuthenticateResult.NoResult();
        }

        var token = header[Prefix.Length..].Trim();
        var claims = token.StartsWith(Tokens.AgentPrefix, StringComparison.Ordinal)
            ? await AgentAsync(token, Context.RequestAborted)
            : await tokens.FindAsync(token, Context.RequestAborted);
        return claims.Count == 0
            ? AuthenticateResult.Fail("the token is not valid, or not any more")
            : AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(new ClaimsIdentity(claims, SchemeName)), SchemeName));
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        Response.Headers.WWWAuthenticate = SchemeName;
        return TypedResults.Problem(
            "log in with: buildrunner login; a script sends the header Authorization: Bearer TOKEN", statusCode: StatusCodes.Status401Unauthorized).ExecuteAsync(Context);
    }

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) =>
        TypedResults.Problem("the token does not have the scope that this needs", statusCode: StatusCodes.Status403Forbidden).ExecuteAsync(Context);

    private async Task<List<Claim>> AgentAsync(string token, CancellationToken cancellationToken) =>
        await agents.FindAsync(token, cancellationToken) is { } id ? [new Claim(AgentClaim, id.ToString("N"))] : [];
}
