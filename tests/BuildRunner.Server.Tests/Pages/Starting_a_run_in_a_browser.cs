using System.Net;
using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Access;
using BuildRunner.Server.Runs;
using BuildRunner.Server.Sources;
using BuildRunner.Server.Tests.Api;
using BuildRunner.Server.Tests.Sources;
using BuildRunner.Testing;

namespace BuildRunner.Server.Tests.Pages;

/// <summary>The page that starts a run by hand, of a real repository, in a real browser without scripts.</summary>
public sealed class Starting_a_run_in_a_browser(Chromium chromium) : IClassFixture<Chromium>, IAsyncLifetime
{
    private const string Asks = """
        inputs:
          TARGET:
            description: Where it goes
            type: choice
            options: [staging, production]
            required: true
          COUNT:
            type: number
            default: 3
          DRY:
            type: boolean
        steps:
          - name: deploy
            image: busybox
            commands: [ "echo ${TARGET} ${COUNT}" ]
        """;

    private const string AsksNothing = "steps: [ { name: build, image: busybox, commands: [ 'true' ] } ]";

    private readonly TestFolder folder = TestFolder.Create();
    private HttpServer server = null!;
    private ApiClient api = null!;
    private GitRepository git = null!;
    private Tab tab = null!;

    private static ApiJson Json => ApiJson.Default;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        tab = await chromium.OpenAsync();
        server = await HttpServer.StartAsync(o => o with { Sources = new SourceOptions { LocalFolders = [folder["repos"]] } });
        api = new ApiClient(server.With(await server.ApiTokenAsync(Scopes.Admin)));
        git = new GitRepository(folder["repos/shop"]);
        git.Commit("ask", (".buildrunner.yml", Asks));
        await api.SendAsync("POST", ApiRoutes.Repositories, new AddRepository { Name = "acme/shop", CloneUrl = git.Path }, Json.AddRepository, Json.Repository, HttpStatusCode.Created);
        await SignInAsync(Scopes.Read, Scopes.Run);
    }

    public async ValueTask DisposeAsync()
    {
        if (tab is not null)
        {
            await tab.DisposeAsync();
        }

        if (server is not null)
        {
            await server.DisposeAsync();
        }

        folder.Dispose();
    }

    [Fact]
    public async Task A_run_begins_with_the_inputs_that_its_pipeline_asks_for_and_what_is_wrong_stands_beside_them()
    {
        await OpenAsync("/acme/shop");
        await tab.ScriptsAsync(on: false);
        await PressAsync("a.act");
        await tab.UntilAsync("location.pathname === '/acme/shop/start' && document.querySelectorAll('.field').length === 3");
        Assert.Equal("default: 3", await tab.TextAsync("document.getElementsByName('input.COUNT')[0].placeholder"));
        Assert.Equal(",staging,production", await tab.TextAsync("[...document.getElementsByName('input.TARGET')[0].options].map(o => o.value).join()"));
        Assert.Contains("Where it goes", await tab.TextAsync("document.querySelector('main').innerText"), StringComparison.Ordinal);

        await FillAsync("input.COUNT", "many");
        await PressAsync("form.start p > button");
        await tab.UntilAsync("document.querySelectorAll('[aria-invalid=true]').length === 2");
        var said = await tab.TextAsync("document.querySelector('main').innerText");
        Assert.Contains("it needs a value: staging or production", said, StringComparison.Ordinal);
        Assert.Contains("it must be a number", said, StringComparison.Ordinal);
        Assert.Equal("many", await tab.TextAsync("document.getElementsByName('input.COUNT')[0].value"));
        Assert.Empty((await api.GetAsync(ApiRoutes.Runs, Json.RunPage)).Items);

        await tab.ScriptsAsync(on: true);
        await IsAccessibleAsync();
        await FillAsync("input.COUNT", "7");
        await FillAsync("input.TARGET", "production");
        await PressAsync("form.start p > button");
        await tab.UntilAsync("location.pathname === '/acme/shop/runs/1' && document.querySelector('h1').innerText.includes('#1')");
        var run = Assert.Single((await api.GetAsync(ApiRoutes.Runs, Json.RunPage)).Items);
        Assert.Equal(("manual", "main", "test"), (run.Event, run.Branch, run.Author));
        var plan = await server.Get<RunViews>().PlanAsync(Guid.ParseExact(run.Id, "N"), Cancel);
        Assert.Equal([("COUNT", "7"), ("TARGET", "production")], plan!.Event.Inputs.Select(i => (i.Key, i.Value)).Order());
    }

    [Fact]
    public async Task An_unknown_branch_is_said_and_another_ones_inputs_are_shown_before_anything_starts()
    {
        git.Git("checkout", "-q", "-b", "plain");
        var commit = git.Commit("ask nothing", (".buildrunner.yml", AsksNothing));
        git.Git("tag", "v1");
        git.Git("checkout", "-q", "main");
        await OpenAsync("/acme/shop/start");
        await FillAsync("branch", "plan");
        await PressAsync("form.start p > button");
        await tab.UntilAsync("document.querySelector('[role=alert]')?.innerText === \"acme/shop has no branch 'plan'; did you mean 'plain'?\"");
        Assert.Equal("plan", await tab.TextAsync("document.getElementsByName('branch')[0].value"));
        Assert.Contains("plain", await tab.TextAsync("[...document.querySelectorAll('#branches option')].map(o => o.value).join()"), StringComparison.Ordinal);

        // What was typed for another pipeline is not dropped in silence.
        await OpenAsync("/acme/shop/start");
        await FillAsync("input.COUNT", "7");
        await FillAsync("branch", "plain");
        await PressAsync("form.start p > button");
        await tab.UntilAsync("document.querySelector('[role=alert]')?.innerText.includes('has no input COUNT') && document.querySelector('main').innerText.includes('asks for none')");
        await tab.UntilAsync("document.readyState === 'complete'");
        await FillAsync("commit", commit[..12]);
        await PressAsync("fieldset button");
        await tab.UntilAsync("document.querySelector('[role=alert]')?.innerText.includes('all 40 or 64 digits')");
        await tab.UntilAsync("document.readyState === 'complete'");
        await FillAsync("commit", commit);
        await PressAsync("form.start p > button");
        await tab.UntilAsync("location.pathname === '/acme/shop/runs/1'");

        // A link names what is meant.
        await OpenAsync("/acme/shop/start?tag=v1");
        await PressAsync("form.start p > button");
        await tab.UntilAsync("location.pathname === '/acme/shop/runs/2'");
        Assert.Equal([commit, commit], (await api.GetAsync(ApiRoutes.Runs, Json.RunPage)).Items.Select(r => r.Commit));
    }

    [Fact]
    public async Task A_warning_that_was_taken_back_goes_from_the_page_while_somebody_looks()
    {
        git.Commit("need a secret", (".buildrunner.yml", "steps: [ { name: build, image: busybox, environment: { T: { from_secret: token } }, commands: [ 'true' ] } ]"));
        await api.SendAsync("POST", ApiRoutes.For(ApiRoutes.RunsOfRepository, "acme/shop"), new StartRun(), Json.StartRun, Json.RunSummary, HttpStatusCode.Created);
        await OpenAsync("/acme/shop/runs/1");
        await tab.UntilAsync("document.getElementById('problems').innerText.includes('BR1109')");
        await tab.EvaluateAsync("window.kept = true");
        await api.SendAsync("PUT", "/api/v1/repos/acme/shop/secrets/token", new SetSecret { Value = "a-value-of-it" }, Json.SetSecret, Json.SecretInfo);
        await tab.UntilAsync("document.getElementById('problems').innerText.trim() === ''");
        Assert.Equal("true", await tab.TextAsync("String(window.kept)"));
    }

    [Fact]
    public async Task Branches_to_choose_from_are_not_asked_for_at_each_look()
    {
        await OpenAsync("/acme/shop/start");
        Assert.Equal("main", await tab.TextAsync("[...document.querySelectorAll('#branches option')].map(o => o.value).join()"));

        // Where the repository cannot be reached, they are the same as a moment ago, and that it cannot be read is said.
        Directory.Move(git.Path, git.Path + ".away");
        await OpenAsync("/acme/shop/start?branch=main");
        await tab.UntilAsync("document.querySelector('[role=alert]')?.innerText.includes('there is no such folder')");
        Assert.Equal("main", await tab.TextAsync("[...document.querySelectorAll('#branches option')].map(o => o.value).join()"));
    }

    [Fact]
    public async Task Only_who_may_starts_a_run_only_with_our_form_and_only_one_by_pressing_twice()
    {
        using var reader = await BrowserAsync(Scopes.Read);
        Assert.DoesNotContain("/acme/shop/start", await reader.GetStringAsync("/acme/shop", Cancel), StringComparison.Ordinal);
        using var refused = await reader.GetAsync("/acme/shop/start", Cancel);
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        using var starter = await BrowserAsync(Scopes.Read, Scopes.Run);
        var page = await starter.GetStringAsync("/acme/shop/start", Cancel);
        Dictionary<string, string> form = new() { ["input.TARGET"] = "staging", ["once"] = ValueOf(page, "once") };
        using var forged = await starter.PostAsync("/acme/shop/start?handler=start", new FormUrlEncodedContent(form), Cancel);
        Assert.Equal(HttpStatusCode.BadRequest, forged.StatusCode);
        form["_form"] = ValueOf(page, "_form");
        foreach (var _ in new[] { 1, 2 })
        {
            using var ours = await starter.PostAsync("/acme/shop/start?handler=start", new FormUrlEncodedContent(form), Cancel);
            Assert.Equal((HttpStatusCode.Redirect, "/acme/shop/runs/1"), (ours.StatusCode, ours.Headers.Location?.OriginalString));
        }

        Assert.Single((await api.GetAsync(ApiRoutes.Runs, Json.RunPage)).Items);
        using var unknown = await starter.GetAsync("/acme/nothing/start", Cancel);
        Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);
    }

    private async Task SignInAsync(params string[] scopes) =>
        await tab.CookieAsync(server.Http.BaseAddress!, TokenAuthentication.CookieName, (await server.Get<ApiTokens>().SignInAsync(await server.ApiTokenAsync(scopes), Cancel))!);

    private async Task<HttpClient> BrowserAsync(params string[] scopes)
    {
        var client = new HttpClient(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false }) { BaseAddress = server.Http.BaseAddress };
        client.DefaultRequestHeaders.Accept.ParseAdd("text/html");
        client.DefaultRequestHeaders.Add("Cookie", $"{TokenAuthentication.CookieName}={(await server.Get<ApiTokens>().SignInAsync(await server.ApiTokenAsync(scopes), Cancel))!}");
        return client;
    }

    private static string ValueOf(string page, string name) => page.Split($"name=\"{name}\" value=\"")[1].Split('"')[0];

    // The browser's word that a page is loaded may be about the one before.
    private async Task OpenAsync(string address)
    {
        await tab.GoAsync(new Uri(server.Http.BaseAddress!, address).AbsoluteUri);
        await tab.UntilAsync($"location.pathname + location.search === '{address}' && document.readyState === 'complete'");
    }

    private async Task FillAsync(string name, string value) => await tab.EvaluateAsync($"document.getElementsByName('{name}')[0].value = '{value}'");

    private async Task PressAsync(string selector)
    {
        await tab.UntilAsync("document.readyState === 'complete'");
        await tab.EvaluateAsync($"document.querySelector('{selector}').click()");
    }

    private async Task IsAccessibleAsync()
    {
        await tab.SizeAsync(360, 740);
        Assert.True((bool)(await tab.EvaluateAsync("document.documentElement.scrollWidth <= 360"))!, "it is wider than 360 pixels");
        await tab.EvaluateAsync(await File.ReadAllTextAsync(NpmPackage.File("axe-core/axe.min.js"), Cancel) + ";0");
        Assert.Equal("", await tab.TextAsync("axe.run(document, { resultTypes: ['violations'] }).then(r => r.violations.map(v => v.id + ': ' + v.nodes[0].html).join('\\n'))"));
    }
}
