using BuildRunner.Server.Access;
using BuildRunner.Server.Api;
using BuildRunner.Server.Pages;
using BuildRunner.Server.Schedules;
using BuildRunner.Server.Webhooks;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace BuildRunner.Server.Hosting;

/// <summary>What the server answers over HTTP.</summary>
public static class ServerEndpoints
{
    /// <summary>What every request passes through, before <see cref="MapBuildRunnerServer"/>.</summary>
    public static IApplicationBuilder UseBuildRunnerServer(this IApplicationBuilder app)
    {
        ArgumentNullException.ThrowIfNull(app);
        app.UseExceptionHandler();
        app.UseStatusCodePages();
        app.UsePages();

        // Behind what asks again for another path.
        app.UseRouting();
        app.UseAuthentication();
        app.UseRateLimiter();
        return app.UseAuthorization();
    }

    /// <summary>Maps the agent contract, the API and the health checks. The host has called <see cref="ServerServices.AddBuildRunnerServer"/> and
    /// <see cref="UseBuildRunnerServer"/>.</summary>
    public static IEndpointRouteBuilder MapBuildRunnerServer(this IEndpointRouteBuilder routes)
    {
        ArgumentNullException.ThrowIfNull(routes);
        routes.MapAgentApi();
        var api = routes.MapGroup("");
        api.MapInstallationApi();
        api.MapRepositoryApi();
        api.MapRunApi();
        api.MapLogApi();
        api.MapSecretsApi();
        api.MapHooksApi();
        api.MapSchedulesApi();
        routes.MapWebhooks();
        routes.MapHangfire();
        routes.MapSignIn();
        routes.MapBadge();
        routes.MapPages();
        routes.MapApiDescription();
        routes.MapGet("/healthz", http => TypedResults.Text("ok\n").ExecuteAsync(http)).AllowAnonymous().ExcludeFromDescription();
        routes.MapGet("/readyz", ApiRouting.Plain(http => http.RequestServices.GetRequiredService<Readiness>().AnswerAsync(http.RequestAborted))).AllowAnonymous().ExcludeFromDescription();
        return routes;
    }

    /// <summary>Who may call what. Nobody may call an endpoint that does not say who may.</summary>
    internal static void AddAccess(IServiceCollection services)
    {
        // Not AddAuthentication, which brings a store of keys in the user's home.
        services.AddAuthenticationCore(options => options.DefaultScheme = TokenAuthentication.SchemeName).AddWebEncoders();
        new AuthenticationBuilder(services).AddScheme<AuthenticationSchemeOptions, TokenAuthentication>(TokenAuthentication.SchemeName, configureOptions: null);
        var access = services.AddAuthorizationBuilder()
            .SetFallbackPolicy(new AuthorizationPolicyBuilder().RequireAssertion(_ => false).Build())
            .AddPolicy(AgentApi.Policy, policy => policy.RequireClaim(TokenAuthentication.AgentClaim));
        access.AddPolicy(Scopes.Any, policy => policy.RequireClaim(TokenAuthentication.ScopeClaim));
        foreach (var scope in Scopes.All)
        {
            access.AddPolicy(scope, policy => policy.RequireClaim(TokenAuthentication.ScopeClaim, scope, Scopes.Admin));
        }
    }
}
