using System.Text.Json;
using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Access;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace BuildRunner.Server.Api;

/// <summary>Signs browsers in and out.</summary>
internal static class SignIn
{
    /// <summary>POST: ends the session.</summary>
    public const string OutRoute = "/logout";

    public static void MapSignIn(this IEndpointRouteBuilder routes)
    {
        routes.MapPost(OutRoute, ApiRouting.Plain(OutAsync)).AllowAnonymous().ExcludeFromDescription();
        routes.MapPost(ApiRoutes.RedeemLink, ApiRouting.Plain(RedeemAsync)).AllowAnonymous().ExcludeFromDescription();
    }

    /// <summary>Gives a browser its session.</summary>
    public static void SetCookie(HttpContext http, string session) => http.Response.Cookies.Append(TokenAuthentication.CookieName, session, new CookieOptions
    {
        HttpOnly = true,
        Secure = http.Request.IsHttps,
        SameSite = SameSiteMode.Lax,
        MaxAge = ApiTokens.SessionLength,
        Path = "/",
        IsEssential = true,
    });

    private static async Task<IResult> RedeemAsync(HttpContext http)
    {
        var tokens = http.RequestServices.GetRequiredService<ApiTokens>();
        try
        {
            return await JsonSerializer.DeserializeAsync(http.Request.Body, ApiJson.Default.RedeemLink, http.RequestAborted) is { Code.Length: > 0 and <= 200 } wanted
                && await tokens.RedeemAsync(wanted.Code, http.RequestAborted) is var (info, token)
                ? TypedResults.Json(new CreatedApiToken(info, token), ApiJson.Default.CreatedApiToken, statusCode: StatusCodes.Status201Created)
                : ApiException.Problem(StatusCodes.Status403Forbidden, ApiProblems.SignIn, "this link was used already, or is older than an hour; 'buildrunner server link' on the server's machine prints a new one");
        }
        catch (JsonException e)
        {
            return ApiException.Request(BodyProblem.Of(e)).ToResult();
        }
    }

    // The cookie is Lax: what another site sends comes without it, and must not be answered with one that takes its place.
    private static async Task<IResult> OutAsync(HttpContext http)
    {
        if (http.Request.Cookies[TokenAuthentication.CookieName] is { } session)
        {
            await http.RequestServices.GetRequiredService<ApiTokens>().SignOutAsync(session, http.RequestAborted);
            http.Response.Cookies.Delete(TokenAuthentication.CookieName);
        }

        return TypedResults.LocalRedirect("~/");
    }
}
