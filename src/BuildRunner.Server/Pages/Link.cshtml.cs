using BuildRunner.Server.Access;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.DependencyInjection;

namespace BuildRunner.Server.Pages;

/// <summary>Where a one-time link leads. Looking at it changes nothing: programs that look at links in mails and chats must not use it up. The button does.</summary>
public sealed class LinkPage : SitePage
{
    private const string Used = "This link was used already, or is older than an hour. On the server's machine, 'buildrunner server link' prints a new one.";

    /// <summary>Why nobody was signed in.</summary>
    public string? Said { get; private set; }

    /// <summary>The link's token.</summary>
    public string? Token { get; private set; }

    /// <summary>Answers the page. Whether the token is valid is not told before it is used.</summary>
    public void OnGet(string? token)
    {
        Begin();
        Token = Checked(token);
        if (Token is null)
        {
            Refuse();
        }
    }

    /// <summary>Signs the browser in.</summary>
    public async Task<IActionResult> OnPostAsync([FromForm] string? token)
    {
        Begin();
        if (Checked(token) is not { } given || await HttpContext.RequestServices.GetRequiredService<ApiTokens>().SignInAsync(given, Gone) is not { } session)
        {
            Refuse();
            return Page();
        }

        Api.SignIn.SetCookie(HttpContext, session);
        return Redirect(At("/"));
    }

    private static string? Checked(string? token) => token is { Length: <= 200 } && token.StartsWith(Tokens.LinkPrefix, StringComparison.Ordinal) ? token : null;

    private void Begin()
    {
        Title = "Sign in · BuildRunner";
        HttpContext.Response.Headers.CacheControl = "no-store";
        HttpContext.Response.Headers["Referrer-Policy"] = "no-referrer";
    }

    private void Refuse()
    {
        Said = Used;
        HttpContext.Response.StatusCode = StatusCodes.Status403Forbidden;
    }
}
