using System.Net;
using System.Text.RegularExpressions;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Access;
using BuildRunner.Server.Pages;
using BuildRunner.Server.Storage;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Tests.Pages;

/// <summary>The pages without a script: what is in them, who gets them, and what browsers are told about them.</summary>
public sealed partial class Pages_as_a_browser_gets_them : IAsyncLifetime
{
    private const string Evil = "<img src=x onerror=alert(1)>\"'><script>alert(2)</script>";
    private RunOnPages run = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => run = await RunOnPages.StartAsync();

    public ValueTask DisposeAsync() => run.DisposeAsync();

    [Fact]
    public async Task A_failed_run_says_why_in_its_first_screen()
    {
        await run.RunAsync(TestPlans.Steps("build", "test"));
        var build = await run.StepAsync();
        await run.WriteAsync(build, "restoring", "compiling", "Cart.cs(41): error CS1002: ; expected", "1 error");
        await run.EndAsync(build, new Outcome.Failure(new FailureReason.ExitCode(7)));
        await run.ReleaseAsync();
        using var browser = await run.BrowserAsync(Scopes.Read);
        var page = await PageAsync(browser, "/acme/shop/runs/1");
        Assert.Matches("""<span class="state" data-state="failure">failure</span>""", page);
        Assert.Contains("steps/build?workflow=ci#L3\">Cart.cs(41): error CS1002: ; expected\n", WebUtility.HtmlDecode(page), StringComparison.Ordinal);
        Assert.Contains("exit 7", page, StringComparison.Ordinal);
        Assert.Contains("<div class=\"l\" id=\"L4\" data-n=\"4\" data-s=\"out\">1 error</div>", page, StringComparison.Ordinal);
        Assert.DoesNotContain("Cancel</button>", page, StringComparison.Ordinal);
        Assert.True(page.Length < 50_000, $"the page has {page.Length} characters");
        Assert.Equal(HttpStatusCode.OK, (await browser.GetAsync("/acme/shop/runs/1/steps/test?workflow=ci", Cancel)).StatusCode);
        Assert.Contains("Add tax", await PageAsync(browser, "/acme/shop"), StringComparison.Ordinal);
        Assert.Contains("acme/shop#1", await PageAsync(browser, "/"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Whatever_a_stranger_wrote_is_text()
    {
        var plan = TestPlans.Steps("build");
        await run.RunAsync(plan with { Event = plan.Event with { Branch = Evil } }, Evil);
        var build = await run.StepAsync();
        await run.WriteAsync(build, Evil, "error: " + Evil);
        await run.EndAsync(build, new Outcome.Error("x", Evil));
        await run.ReleaseAsync();
        using var browser = await run.BrowserAsync(Scopes.Read);
        foreach (var path in new[] { "/", "/acme/shop", "/acme/shop/runs/1", "/acme/shop/runs/1/steps/build?workflow=ci", "/acme/shop?branch=" + Uri.EscapeDataString(Evil) })
        {
            var page = await PageAsync(browser, path);
            Assert.DoesNotContain("<img", page, StringComparison.Ordinal);
            Assert.DoesNotContain("<script>alert", page, StringComparison.Ordinal);
            Assert.True(path == "/" || page.Contains("&lt;img src=x", StringComparison.Ordinal), path);
        }
    }

    [Fact]
    public async Task Nobody_sees_anything_before_signing_in_and_is_led_on_to_what_was_asked_for()
    {
        using var browser = await run.BrowserAsync();
        using var asked = await browser.GetAsync("/acme/shop/runs/1?attempt=2", Cancel);
        Assert.Equal(HttpStatusCode.Redirect, asked.StatusCode);
        Assert.Equal("/login?next=%2Facme%2Fshop%2Fruns%2F1%3Fattempt%3D2", asked.Headers.Location!.OriginalString);
        var page = await PageAsync(browser, asked.Headers.Location.OriginalString);
        using var signed = await PostAsync(browser, "/login", page, ("token", await run.Server.ApiTokenAsync(Scopes.Read)), ("next", "/acme/shop/runs/1?attempt=2"));
        Assert.Equal("/acme/shop/runs/1?attempt=2", signed.Headers.Location!.OriginalString);
        var cookie = string.Join("; ", signed.Headers.GetValues("Set-Cookie"));
        Assert.Matches("(?i)buildrunner=brs_.*samesite=lax; httponly", cookie);
        Assert.Contains("Dashboard", await PageAsync(browser, "/"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("https://elsewhere.example/")]
    [InlineData("//elsewhere.example/")]
    [InlineData("/\\elsewhere.example/")]
    [InlineData("javascript:alert(1)")]
    public async Task Nobody_is_led_to_another_site(string next)
    {
        using var browser = await run.BrowserAsync();
        var page = await PageAsync(browser, "/login?next=" + Uri.EscapeDataString(next));
        using var signed = await PostAsync(browser, "/login", page, ("token", await run.Server.ApiTokenAsync(Scopes.Read)), ("next", next));
        Assert.Equal("/", signed.Headers.Location!.OriginalString);
    }

    [Fact]
    public async Task A_form_that_is_not_ours_does_nothing()
    {
        await run.RunAsync(TestPlans.Steps("build"));
        using var browser = await run.BrowserAsync(Scopes.Read, Scopes.Run);
        using var forged = await browser.PostAsync("/acme/shop/runs/1?handler=cancel", new FormUrlEncodedContent([]), Cancel);
        Assert.Equal(HttpStatusCode.BadRequest, forged.StatusCode);
        Assert.Contains("was not understood", await forged.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
        using var guess = await browser.PostAsync("/login", new FormUrlEncodedContent([new("token", "brt_x")]), Cancel);
        Assert.Equal(HttpStatusCode.BadRequest, guess.StatusCode);
        using var ours = await PostAsync(browser, "/acme/shop/runs/1?handler=cancel", await PageAsync(browser, "/acme/shop/runs/1"));
        Assert.Equal(HttpStatusCode.Redirect, ours.StatusCode);
        Assert.Contains("data-state=\"cancelled\"", await PageAsync(browser, "/acme/shop/runs/1"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_who_may_is_offered_what_may_be_done_and_can_do_it()
    {
        await run.RunAsync(TestPlans.Steps("build"));
        using var reader = await run.BrowserAsync(Scopes.Read);
        var page = await PageAsync(reader, "/acme/shop/runs/1");
        Assert.DoesNotContain("<button formaction", page, StringComparison.Ordinal);
        using var refused = await PostAsync(reader, "/acme/shop/runs/1?handler=cancel", page);
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        Assert.Contains("You are signed in as test", await refused.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_approval_is_given_on_the_page_for_the_commit_that_it_shows()
    {
        await run.RunAsync(TestPlans.Steps("build"), trust: TestPlans.Trusted with { NeedsApproval = "a fork's pull request" });
        using var browser = await run.BrowserAsync(Scopes.Read, Scopes.Approve);
        Assert.Contains(new string('a', 40), await PageAsync(browser, "/approvals"), StringComparison.Ordinal);
        var page = await PageAsync(browser, "/acme/shop/runs/1");
        using var other = await PostAsync(browser, "/acme/shop/runs/1?handler=approve", page, ("commit", new string('b', 40)));
        Assert.Equal(HttpStatusCode.Conflict, other.StatusCode);
        using var right = await PostAsync(browser, "/acme/shop/runs/1?handler=approve", page, ("commit", new string('a', 40)));
        Assert.Equal(HttpStatusCode.Redirect, right.StatusCode);
        Assert.Contains("data-state=\"queued\"", await PageAsync(browser, "/acme/shop/runs/1"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_answer_tells_the_browser_to_run_nothing_but_ours()
    {
        using var browser = await run.BrowserAsync(Scopes.Read);
        foreach (var path in new[] { "/", "/login", "/queue", "/agents", "/no/such/page/here" })
        {
            using var answer = await browser.GetAsync(path, Cancel);
            Assert.Equal(PageHosting.ContentPolicy, Assert.Single(answer.Headers.GetValues("Content-Security-Policy")));
            Assert.Equal("nosniff", Assert.Single(answer.Headers.GetValues("X-Content-Type-Options")));
            var page = await answer.Content.ReadAsStringAsync(Cancel);
            Assert.DoesNotMatch("""<script(?![^>]* src=)|<style| style=| on[a-z]+=|javascript:|(src|href|action)="(https?:)?//""", page);
        }
    }

    [Fact]
    public async Task What_is_not_there_and_what_breaks_is_a_page_that_says_what_to_do()
    {
        using var browser = await run.BrowserAsync(Scopes.Read);
        foreach (var path in new[] { "/acme/shop/runs/99", "/acme/nothing", "/no/such/page/here" })
        {
            using var missing = await browser.GetAsync(path, Cancel);
            Assert.Equal((path, HttpStatusCode.NotFound), (path, missing.StatusCode));
            Assert.Contains("There is no such page", await missing.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
        }

        await run.RunAsync(TestPlans.Steps("build"));
        await run.Server.Get<Database>().WriteAsync(turn => turn.Db.RunPlans.ExecuteUpdateAsync(set => set.SetProperty(p => p.Plan, "not JSON")), Cancel);
        using var broken = await browser.GetAsync("/acme/shop/runs/1", Cancel);
        Assert.Equal(HttpStatusCode.InternalServerError, broken.StatusCode);
        Assert.Matches("Reference <code>[0-9A-Za-z:]+</code>", await broken.Content.ReadAsStringAsync(Cancel));
    }

    [Fact]
    public async Task Scripts_are_kept_by_browsers_for_good_and_are_small()
    {
        using var browser = await run.BrowserAsync(Scopes.Read);
        using var script = await browser.GetAsync($"/assets/{Assets.Version}/run.js", Cancel);
        Assert.Contains("immutable", script.Headers.CacheControl!.ToString(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NotFound, (await browser.GetAsync($"/assets/{Assets.Version}/..%2FSitePage.cs", Cancel)).StatusCode);
        var size = new[] { "theme.js", "site.js", "run.js", "log.js", "ansi.js" }.Sum(name => Assets.Read(name)!.Length);
        Assert.InRange(size, 1, 40 * 1024);
    }

    private static async Task<string> PageAsync(HttpClient browser, string path)
    {
        using var answer = await browser.GetAsync(path, Cancel);
        var page = await answer.Content.ReadAsStringAsync(Cancel);
        Assert.True(answer.IsSuccessStatusCode, $"{path}: {(int)answer.StatusCode} {page}");
        return page;
    }

    private static async Task<HttpResponseMessage> PostAsync(HttpClient browser, string path, string page, params (string Name, string Value)[] fields)
    {
        var token = FormToken().Match(page).Groups[1].Value;
        var all = fields.Select(f => KeyValuePair.Create(f.Name, f.Value)).Append(new("_form", token));
        return await browser.PostAsync(path, new FormUrlEncodedContent(all), Cancel);
    }

    [GeneratedRegex("""name="_form" value="([^"]+)""")]
    private static partial Regex FormToken();
}
