using BuildRunner.Server.Access;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.DependencyInjection;

namespace BuildRunner.Server.Pages;

/// <summary>Signs a browser in with a token for the API.</summary>
public sealed class LoginPage : SitePage
{
    /// <summary>Why nobody was signed in.</summary>
    public string? Said { get; private set; }

    /// <summary>The page that was asked for.</summary>
    public string? Next { get; private set; }

    /// <summary>Answers the page.</summary>
    public void OnGet(string? next)
    {
        Title = "Sign in · BuildRunner";
        Next = Local(next);
    }

    /// <summary>Signs in, and leads on to the page that was asked for.</summary>
    public async Task<IActionResult> OnPostAsync([FromForm] string? token, [FromForm] string? next)
    {
        Title = "Sign in · BuildRunner";
        Next = Local(next);
        var session = token?.Trim() is { Length: > 0 and <= 200 } given && given.StartsWith(Tokens.ApiPrefix, StringComparison.Ordinal)
            ? await HttpContext.RequestServices.GetRequiredService<ApiTokens>().SignInAsync(given, Gone)
            : null;
        if (session is null)
        {
            Said = "That token is not valid, or not any more.";
            HttpContext.Response.StatusCode = StatusCodes.Status403Forbidden;
            return Page();
        }

        Api.SignIn.SetCookie(HttpContext, session);
        return Redirect(Next ?? At("/"));
    }

    // Nobody is led to another site by an address that somebody else made.
    private string? Local(string? next) => next is { Length: > 0 and < 2000 } && Url.IsLocalUrl(next) ? next : null;
}
