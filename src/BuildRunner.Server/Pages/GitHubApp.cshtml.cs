using System.Security.Cryptography;
using System.Text;
using BuildRunner.Server.Forge;
using BuildRunner.Server.Runs;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.RazorPages;
using Microsoft.Extensions.DependencyInjection;

namespace BuildRunner.Server.Pages;

/// <summary>For administrators: has GitHub make the app that this server needs, and says what is left to do. GitHub sends the browser back with a code, which counts only in the browser that asked.</summary>
public sealed class GitHubAppPage : SitePage
{
    private const string Cookie = "buildrunner-github-app";
    private static readonly TimeSpan Patience = TimeSpan.FromHours(1);

    /// <summary>What did not work; null: nothing.</summary>
    public string? Said { get; private set; }

    /// <summary>The app that counts; null: none.</summary>
    public long? AppId { get; private set; }

    /// <summary>The app that was made here; null: none.</summary>
    internal MadeApp? Made { get; private set; }

    /// <summary>Where this server is reached; null: nobody has said so.</summary>
    public Uri? PublicUrl { get; private set; }

    /// <summary>GitHub's pages, without a slash at the end.</summary>
    public string WebRoot { get; private set; } = "";

    /// <summary>Who shall own the app; null: whoever presses the button.</summary>
    public string? Organisation { get; private set; }

    /// <summary>Where the manifest is sent.</summary>
    public string Target { get; private set; } = "";

    /// <summary>The manifest.</summary>
    public string Manifest { get; private set; } = "";

    /// <summary>Answers the page.</summary>
    public IActionResult OnGet(string? organisation)
    {
        if (!IsAdministrator)
        {
            return Forbid();
        }

        Show(organisation);
        return Page();
    }

    /// <summary>Takes the app that GitHub made. Asked for by the browser that GitHub sent back.</summary>
    public async Task<IActionResult> OnGetMadeAsync(string? code, string? state)
    {
        if (!IsAdministrator)
        {
            return Forbid();
        }

        var asked = HttpContext.Request.Cookies[Cookie];
        HttpContext.Response.Cookies.Delete(Cookie);
        if (!GitHubApps.IsCode(code) || state is not { Length: > 0 and <= 200 } || !IsOurs(asked, state))
        {
            return Refuse("This is no answer to what was asked here within the last hour in this browser. Nothing was taken. Press the button again.");
        }

        try
        {
            await HttpContext.RequestServices.GetRequiredService<GitHubApps>().TakeAsync(code!, Who!, Gone);
            return Redirect(At("/github-app"));
        }
        catch (ForgeException fault)
        {
            return Refuse($"GitHub did not hand out the app: {fault.Message}. Press the button again; an app that was made and is not used can be deleted at GitHub.");
        }
    }

    private PageResult Refuse(string why)
    {
        Said = why;
        HttpContext.Response.StatusCode = StatusCodes.Status400BadRequest;
        Show(null);
        return Page();
    }

    private void Show(string? organisation)
    {
        var services = HttpContext.RequestServices;
        var login = services.GetRequiredService<GitHubLogin>();
        Title = "GitHub App · BuildRunner";
        (AppId, Made, PublicUrl) = (login.AppId, login.Made, services.GetRequiredService<ServerOptions>().PublicUrl);
        WebRoot = services.GetRequiredService<GitHubDirectory>().PageOf("").TrimEnd('/');
        Organisation = organisation is not null && AppManifest.IsOrganisation(organisation) ? organisation : null;
        if (PublicUrl is null)
        {
            return;
        }

        var nonce = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
        Target = $"{WebRoot}/{(Organisation is null ? "" : $"organizations/{Organisation}/")}settings/apps/new?state={nonce}";
        Manifest = AppManifest.Of(services.GetRequiredService<Links>().Root);
        HttpContext.Response.Cookies.Append(Cookie, Sealed(nonce), new CookieOptions
        {
            HttpOnly = true,
            Secure = HttpContext.Request.IsHttps,

            // Lax: it has to come along when GitHub sends the browser back.
            SameSite = SameSiteMode.Lax,
            MaxAge = Patience,
            Path = "/",
            IsEssential = true,
        });
        HttpContext.Response.Headers.CacheControl = "no-store";
        HttpContext.Response.Headers.ContentSecurityPolicy = PageHosting.ContentPolicy.Replace("form-action 'self'", $"form-action 'self' {new Uri(WebRoot).GetLeftPart(UriPartial.Authority)}", StringComparison.Ordinal);
    }

    // What the browser keeps: the state that it went to GitHub with, who it was, and until when that counts.
    private string Sealed(string nonce) => Protector.Protect($"{Now.Add(Patience).ToUnixTimeSeconds()}\n{nonce}\n{Who}");

    private bool IsOurs(string? cookie, string state)
    {
        try
        {
            return cookie is { Length: <= 2000 } && Protector.Unprotect(cookie).Split('\n', 3) is [var until, var nonce, var who]
                && long.Parse(until, System.Globalization.CultureInfo.InvariantCulture) >= Now.ToUnixTimeSeconds()
                && who == Who
                && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(nonce), Encoding.UTF8.GetBytes(state));
        }
        catch (CryptographicException)
        {
            // It is none of ours.
            return false;
        }
    }

    private IDataProtector Protector => HttpContext.RequestServices.GetRequiredService<IDataProtectionProvider>().CreateProtector("github app");
}
