using BuildRunner.Server.Access;
using BuildRunner.Server.Api;
using BuildRunner.Server.Storage;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace BuildRunner.Server.Hosting;

/// <summary>What the server answers over HTTP.</summary>
public static class ServerEndpoints
{
    /// <summary>Maps the agent contract, the API and the health checks. The host has called <see cref="ServerServices.AddBuildRunnerServer"/>, and
    /// uses authentication and authorization.</summary>
    public static IEndpointRouteBuilder MapBuildRunnerServer(this IEndpointRouteBuilder routes)
    {
        ArgumentNullException.ThrowIfNull(routes);
        routes.MapAgentApi();
        routes.MapGet("/healthz", () => TypedResults.Text("ok\n")).AllowAnonymous().ExcludeFromDescription();
        routes.MapGet("/readyz", ReadyAsync).AllowAnonymous().ExcludeFromDescription();
        return routes;
    }

    /// <summary>Who may call what. Nobody may call an endpoint that does not say who may.</summary>
    internal static void AddAccess(IServiceCollection services)
    {
        services.AddAuthentication(TokenAuthentication.SchemeName)
            .AddScheme<AuthenticationSchemeOptions, TokenAuthentication>(TokenAuthentication.SchemeName, configureOptions: null);
        var access = services.AddAuthorizationBuilder()
            .SetFallbackPolicy(new AuthorizationPolicyBuilder().RequireAssertion(_ => false).Build())
            .AddPolicy(AgentApi.Policy, policy => policy.RequireClaim(TokenAuthentication.AgentClaim));
        foreach (var scope in Scopes.All)
        {
            access.AddPolicy(scope, policy => policy.RequireClaim(TokenAuthentication.ScopeClaim, scope, Scopes.Admin));
        }
    }

    private static async Task<IResult> ReadyAsync(Database database, CancellationToken stop)
    {
        try
        {
            var pending = await database.ReadAsync(db => db.Database.GetPendingMigrationsAsync(stop), stop);
            return pending.Any()
                ? TypedResults.Text("the database is not at this version; run: buildrunner db migrate\n", statusCode: StatusCodes.Status503ServiceUnavailable)
                : TypedResults.Text("ready\n");
        }
        catch (Exception e) when (!stop.IsCancellationRequested)
        {
            // Whatever it is, the answer is the same: not now. The reason is for who asks; it names no credential.
            return TypedResults.Text($"the database does not answer ({e.GetType().Name})\n", statusCode: StatusCodes.Status503ServiceUnavailable);
        }
    }
}
