using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using BuildRunner.Server.Access;
using BuildRunner.Server.Api;
using BuildRunner.Server.Runs;
using BuildRunner.Server.Storage;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace BuildRunner.Server.Pages;

/// <summary>
/// <c>/badge/OWNER/REPO.svg?branch=</c>: how the latest run of a branch ended, for a read-me. Pictures are fetched without signing in, so it tells a stranger only of repositories
/// that the forge shows to everybody (or of all, where everybody may read here); a repository that is private looks exactly like one that does not exist.
/// </summary>
internal static class Badge
{
    /// <summary>Where it is.</summary>
    public const string Route = "/badge/{owner}/{file}";

    private const string Extension = ".svg";
    private const int CharacterWidth = 7;

    public static void MapBadge(this IEndpointRouteBuilder routes) =>
        routes.MapGet(Route, ApiRouting.Plain(AnswerAsync)).AllowAnonymous().ExcludeFromDescription();

    private static async Task<IResult> AnswerAsync(HttpContext http)
    {
        var (owner, file, branch) = ((string)http.GetRouteValue("owner")!, (string)http.GetRouteValue("file")!, http.Request.Query["branch"].FirstOrDefault());
        var (database, access) = (http.RequestServices.GetRequiredService<Database>(), http.RequestServices.GetRequiredService<IAuthorizationService>());
        if (!file.EndsWith(Extension, StringComparison.Ordinal) || branch is { Length: > 300 })
        {
            return TypedResults.NotFound();
        }

        var mayRead = (await access.AuthorizeAsync(http.User, resource: null, Scopes.Read)).Succeeded;
        var state = await StateAsync(database, $"{owner}/{file[..^Extension.Length]}", branch, mayRead, http.RequestAborted);
        var picture = Encoding.UTF8.GetBytes(Draw("build", state));
        var tag = $"\"{Convert.ToHexStringLower(SHA256.HashData(picture).AsSpan(0, 8))}\"";

        // Forges fetch pictures through caches of their own: those have to ask each time, and get an answer without a body if nothing has changed.
        http.Response.Headers.CacheControl = mayRead ? "private, no-cache" : "public, no-cache, max-age=0";
        http.Response.Headers.ETag = tag;
        http.Response.Headers["Cross-Origin-Resource-Policy"] = "cross-origin";
        return http.Request.Headers.IfNoneMatch.ToString() == tag
            ? TypedResults.StatusCode(StatusCodes.Status304NotModified)
            : TypedResults.Bytes(picture, "image/svg+xml; charset=utf-8");
    }

    private static async Task<string> StateAsync(Database database, string name, string? branch, bool mayRead, CancellationToken stop)
    {
        var key = name.ToLowerInvariant();
        var found = await database.ReadAsync(
            async db => await (
                from repository in db.Repositories
                join link in db.ForgeRepositories on repository.Id equals link.Repository into links
                from link in links.DefaultIfEmpty()
                where repository.Key == key
                select new { repository.Id, repository.DefaultBranch, Open = link != null && !link.Private }).SingleOrDefaultAsync(stop),
            stop);
        if (found is null || !(mayRead || found.Open))
        {
            return "unknown";
        }

        var reference = $"refs/heads/{branch ?? found.DefaultBranch}";
        var run = await database.ReadAsync(
            db => db.Runs.Where(r => r.Repository == found.Id && r.Ref == reference && r.Event != "pull_request")
                .OrderByDescending(r => r.Number).ThenByDescending(r => r.Attempt).FirstOrDefaultAsync(stop),
            stop);
        return run is null ? "no runs" : RunViews.StateOf(run);
    }

    private static string Draw(string left, string state)
    {
        var (word, colour) = state switch
        {
            "success" => ("passing", "#2c8a3d"),
            "failure" or "timed_out" or "invalid" => ("failing", "#c4342b"),
            "error" or "lost" => (state, "#b3570c"),
            "running" or "queued" or "blocked" => (state, "#9a6700"),
            _ => (state, "#6b7280"),
        };
        var (first, second) = (Width(left), Width(word));
        return string.Create(CultureInfo.InvariantCulture, $"""
            <svg xmlns="http://www.w3.org/2000/svg" width="{first + second}" height="20" role="img" aria-label="{left}: {WebUtility.HtmlEncode(word)}"><title>{left}: {WebUtility.HtmlEncode(word)}</title>
            <rect width="{first}" height="20" fill="#444"/><rect x="{first}" width="{second}" height="20" fill="{colour}"/>
            <g fill="#fff" text-anchor="middle" font-family="Verdana,Geneva,DejaVu Sans,sans-serif" font-size="11"><text x="{first / 2}" y="14">{left}</text><text x="{first + (second / 2)}" y="14">{WebUtility.HtmlEncode(word)}</text></g></svg>
            """);
    }

    private static int Width(string text) => (text.Length * CharacterWidth) + 12;
}
