using BuildRunner.Server.Access;
using BuildRunner.Server.Api;
using BuildRunner.Server.Forge;
using BuildRunner.Server.Schedules;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc.ApplicationParts;
using Microsoft.AspNetCore.Mvc.Controllers;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace BuildRunner.Server.Pages;

/// <summary>The pages for people: what they need of the host, and what the browser is told about them.</summary>
internal static class PageHosting
{
    /// <summary>Nothing but our own files is loaded or run, nobody frames us, and forms go nowhere else.</summary>
    public const string ContentPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    // Hangfire's own dashboard, which only administrators see, has scripts and styles in its pages.
    private const string HangfirePolicy =
        "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    /// <summary>Adds what pages need. Who may see which is said in one place, here.</summary>
    public static IServiceCollection AddPages(this IServiceCollection services)
    {
        services.AddRazorPages(options =>
        {
            options.RootDirectory = "/Pages";
            options.Conventions.AuthorizeFolder("/", Scopes.Read);
            options.Conventions.AllowAnonymousToPage("/Login").AllowAnonymousToPage("/Link").AllowAnonymousToPage("/Problem");
            options.Conventions.AddPageRoute("/GitHubApp", AppManifest.Made[1..] + "/{handler=made}");
            options.Conventions.AddPageRoute("/Run", "/{owner}/{name}/runs/{number:int}/steps/{*step}");
        }).AddApplicationPart(typeof(PageHosting).Assembly).ConfigureApplicationPartManager(LookForNoControllers);
        services.AddAntiforgery(options =>
        {
            options.Cookie.Name = "buildrunner-form";
            options.Cookie.HttpOnly = true;
            options.Cookie.SameSite = SameSiteMode.Strict;
            options.Cookie.SecurePolicy = CookieSecurePolicy.SameAsRequest;
            options.FormFieldName = "_form";
            options.HeaderName = null;
            options.SuppressXFrameOptionsHeader = true;
        });
        services.AddSingleton<PageLogs>();
        return services;
    }

    // There are none, and looking for them would load every type of the server at each start (decision 0218).
    private static void LookForNoControllers(ApplicationPartManager parts)
    {
        foreach (var provider in parts.FeatureProviders.OfType<IApplicationFeatureProvider<ControllerFeature>>().ToList())
        {
            parts.FeatureProviders.Remove(provider);
        }
    }

    /// <summary>Tells browsers what they may do with an answer, and gives people pages where programs get problem details.</summary>
    public static IApplicationBuilder UsePages(this IApplicationBuilder app)
    {
        app.Use((http, next) =>
        {
            var headers = http.Response.Headers;
            headers.ContentSecurityPolicy = http.Request.Path.StartsWithSegments(HangfireServices.Dashboard, StringComparison.Ordinal) ? HangfirePolicy : ContentPolicy;
            headers.XContentTypeOptions = "nosniff";

            // What somebody may see is nothing that a proxy or a browser shows the next one; who knows better says so.
            headers.CacheControl = "private, no-cache";
            headers["Referrer-Policy"] = "same-origin";
            headers["Cross-Origin-Opener-Policy"] = "same-origin";
            headers["Cross-Origin-Resource-Policy"] = "same-origin";
            headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=(), usb=()";
            return next(http);
        });
        return app.UseWhen(IsForPeople, people => people.UseExceptionHandler("/problem/500").UseStatusCodePagesWithReExecute("/problem/{0}"));
    }

    /// <summary>Maps pages, their files and their streams.</summary>
    public static void MapPages(this IEndpointRouteBuilder routes)
    {
        routes.MapAssets();
        routes.MapGet("/favicon.ico", http => TypedResults.NoContent().ExecuteAsync(http)).AllowAnonymous().ExcludeFromDescription();
        routes.MapGet(RunStream.Route, ApiRouting.Plain(RunStream.AnswerAsync)).RequireAuthorization(Scopes.Read).ExcludeFromDescription();
        routes.MapRazorPages();
    }

    /// <summary>Whether an answer is read by a person: a browser asks for it, and it is no part of the API.</summary>
    public static bool IsForPeople(HttpContext http) =>
        !http.Request.Path.StartsWithSegments("/api", StringComparison.OrdinalIgnoreCase)
        && !http.Request.Path.StartsWithSegments("/agent", StringComparison.OrdinalIgnoreCase)
        && http.Request.Headers.Accept.ToString().Contains("text/html", StringComparison.Ordinal);
}
