using System.Net;
using System.Text.RegularExpressions;
using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Access;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using BuildRunner.Server.Tests.Api;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Tests.Access;

/// <summary>How a browser gets in, and how long it stays.</summary>
public sealed class Signing_in
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_link_is_used_up_by_its_button_and_not_by_whoever_looks_at_it()
    {
        await using var server = await HttpServer.StartAsync();
        var link = $"/login/link?token={await server.Get<ApiTokens>().CreateLinkAsync("kim", [Scopes.Admin], Cancel)}";
        foreach (var look in new[] { HttpMethod.Get, HttpMethod.Head, HttpMethod.Get })
        {
            using var scanner = Browser(server);
            using var seen = await scanner.SendAsync(new HttpRequestMessage(look, link), Cancel);
            Assert.True(seen.IsSuccessStatusCode && seen.Headers.CacheControl!.NoStore, $"{look}: {seen}");
            Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(scanner, ApiRoutes.WhoAmI));
        }

        using var browser = Browser(server);
        using var signed = await PressAsync(browser, link);
        Assert.Equal(HttpStatusCode.Redirect, signed.StatusCode);
        Assert.Contains("httponly", string.Join(' ', signed.Headers.GetValues("Set-Cookie")), StringComparison.OrdinalIgnoreCase);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(browser, ApiRoutes.WhoAmI));
        using var other = Browser(server);
        using var again = await PressAsync(other, link);
        Assert.Equal(HttpStatusCode.Forbidden, again.StatusCode);
        Assert.Contains("buildrunner server link", await again.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);

        // Not by a form of another site either: it has no token of ours.
        using var forged = await other.PostAsync("/login/link", new FormUrlEncodedContent([new("token", link.Split('=')[1])]), Cancel);
        Assert.Equal(HttpStatusCode.BadRequest, forged.StatusCode);
    }

    [Fact]
    public async Task A_session_ends_with_the_token_that_began_it_and_no_other_does()
    {
        await using var server = await HttpServer.StartAsync();
        var tokens = server.Get<ApiTokens>();
        var (revoked, first) = await tokens.CreateAsync("kim", [Scopes.Read], null, "test", Cancel);
        var (_, second) = await tokens.CreateAsync("lee", [Scopes.Read], TimeSpan.FromMinutes(5), "test", Cancel);
        var (_, third) = await tokens.CreateAsync("max", [Scopes.Read], null, "test", Cancel);
        var sessions = new List<HttpClient>();
        foreach (var token in new[] { first, second, third })
        {
            var browser = Browser(server);
            browser.DefaultRequestHeaders.Add("Cookie", $"buildrunner={await tokens.SignInAsync(token, Cancel)}");
            sessions.Add(browser);
        }

        Assert.Equal(HttpStatusCode.OK, await StatusAsync(sessions[0], ApiRoutes.WhoAmI));
        Assert.True(await tokens.DeleteAsync(revoked, "test", Cancel));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(sessions[0], ApiRoutes.WhoAmI));

        // The second one's ends by itself, when its token does.
        var rows = await server.Get<Database>().ReadAsync(db => db.ApiTokens.Where(t => t.Name == "lee").ToListAsync(Cancel), Cancel);
        Assert.Equal(rows.Single(r => r.Kind == ApiTokenKind.Api).ExpiresAt, rows.Single(r => r.Kind == ApiTokenKind.Session).ExpiresAt);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(sessions[2], ApiRoutes.WhoAmI));
        sessions.ForEach(s => s.Dispose());
    }

    [Fact]
    public async Task A_browser_that_a_link_signed_in_is_listed_and_can_be_signed_out_by_an_administrator()
    {
        await using var server = await HttpServer.StartAsync();
        var tokens = server.Get<ApiTokens>();
        using var browser = Browser(server);
        browser.DefaultRequestHeaders.Add("Cookie", $"buildrunner={await tokens.SignInAsync(await tokens.CreateLinkAsync("kim", [Scopes.Admin], Cancel), Cancel)}");
        var (_, token) = await tokens.CreateAsync("lee", [Scopes.Read], null, "test", Cancel);
        await tokens.SignInAsync(token, Cancel);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(browser, ApiRoutes.WhoAmI));

        // Sessions that a token began end with it, so they are not listed.
        var listed = await tokens.ListAsync(Cancel);
        Assert.Equal(["kim (browser)", "lee"], listed.Select(t => t.Name).Order());
        Assert.True(await tokens.DeleteAsync(Guid.ParseExact(listed.Single(t => t.Name == "kim (browser)").Id, "N"), "test", Cancel));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(browser, ApiRoutes.WhoAmI));
    }

    [Fact]
    public async Task Another_sites_form_signs_nobody_out()
    {
        await using var server = await HttpServer.StartAsync();

        // It comes without the cookie, and an answer that removes one would be obeyed all the same.
        using var other = Browser(server);
        using var forged = await other.PostAsync("/logout", new FormUrlEncodedContent([]), Cancel);
        Assert.False(forged.Headers.Contains("Set-Cookie"), forged.ToString());
        other.DefaultRequestHeaders.Add("Cookie", "buildrunner=brs_mine");
        using var own = await other.PostAsync("/logout", new FormUrlEncodedContent([]), Cancel);
        Assert.Contains("buildrunner=;", string.Join(' ', own.Headers.GetValues("Set-Cookie")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET", null, null, HttpStatusCode.OK)]
    [InlineData("POST", null, null, HttpStatusCode.OK)]
    [InlineData("POST", "Sec-Fetch-Site", "same-origin", HttpStatusCode.OK)]
    [InlineData("POST", "Sec-Fetch-Site", "cross-site", HttpStatusCode.Unauthorized)]
    [InlineData("POST", "Sec-Fetch-Site", "same-site", HttpStatusCode.Unauthorized)]
    [InlineData("GET", "Sec-Fetch-Site", "cross-site", HttpStatusCode.Unauthorized)]
    [InlineData("POST", "Origin", "https://elsewhere.example", HttpStatusCode.Unauthorized)]
    [InlineData("POST", "Origin", "null", HttpStatusCode.Unauthorized)]
    [InlineData("GET", "Host", "elsewhere.example", HttpStatusCode.Unauthorized)]
    [InlineData("POST", "Host", "127.0.0.1.elsewhere.example", HttpStatusCode.Unauthorized)]
    [InlineData("POST", "Authorization", "Bearer brt_wrong", HttpStatusCode.Unauthorized)]
    [InlineData("GET", "X-Forwarded-For", "192.0.2.7", HttpStatusCode.Unauthorized)]
    [InlineData("POST", "Forwarded", "for=192.0.2.7", HttpStatusCode.Unauthorized)]
    [InlineData("GET", "Via", "1.1 proxy", HttpStatusCode.Unauthorized)]
    public async Task Where_nobody_has_to_sign_in_whoever_is_on_the_machine_may_do_everything_and_pages_of_other_sites_nothing(string method, string? header, string? value, HttpStatusCode status)
    {
        await using var server = await HttpServer.StartAsync(o => o with { OpenToThisMachine = true });
        using var client = Browser(server);
        using var request = new HttpRequestMessage(new HttpMethod(method), method == "GET" ? ApiRoutes.Tokens : ApiRoutes.QueueResume);
        if (header is not null)
        {
            request.Headers.TryAddWithoutValidation(header, value);
        }

        using var answer = await client.SendAsync(request, Cancel);
        Assert.Equal(status, answer.StatusCode);
    }

    [Theory]
    [InlineData(true, false, "anybody here", false)]
    [InlineData(false, true, "anybody", true)]
    public async Task Who_has_not_signed_in_is_offered_no_signing_out(bool openToThisMachine, bool publicRead, string name, bool maySignIn)
    {
        await using var server = await HttpServer.StartAsync(o => o with { OpenToThisMachine = openToThisMachine, PublicRead = publicRead });
        using var client = Browser(server);
        var page = await client.GetStringAsync("/", Cancel);
        Assert.Contains($"<span class=\"name\">{name}</span>", page, StringComparison.Ordinal);
        Assert.DoesNotContain("Sign out", page, StringComparison.Ordinal);
        Assert.Equal(maySignIn, page.Contains(">Sign in</a>", StringComparison.Ordinal));
    }

    private static HttpClient Browser(HttpServer server)
    {
        var browser = new HttpClient(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false }) { BaseAddress = server.Http.BaseAddress };
        browser.DefaultRequestHeaders.Accept.ParseAdd("text/html");
        return browser;
    }

    private static async Task<HttpResponseMessage> PressAsync(HttpClient browser, string link)
    {
        var page = await browser.GetStringAsync(link, Cancel);
        var fields = Regex.Matches(page, "<input type=\"hidden\" name=\"([^\"]+)\" value=\"([^\"]*)\"").Select(m => KeyValuePair.Create(m.Groups[1].Value, WebUtility.HtmlDecode(m.Groups[2].Value)));
        return await browser.PostAsync("/login/link", new FormUrlEncodedContent(fields), Cancel);
    }

    private static async Task<HttpStatusCode> StatusAsync(HttpClient client, string path)
    {
        using var answer = await client.GetAsync(path, Cancel);
        return answer.StatusCode;
    }
}
