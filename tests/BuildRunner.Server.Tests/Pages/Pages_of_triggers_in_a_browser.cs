using System.Net;
using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Access;
using BuildRunner.Server.Schedules;
using BuildRunner.Server.Secrets;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Webhooks;
using BuildRunner.Testing;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Tests.Pages;

/// <summary>Schedules, triggers and secrets of a repository as people see them.</summary>
public sealed class Pages_of_triggers_in_a_browser(Chromium chromium) : IClassFixture<Chromium>, IAsyncLifetime
{
    private const string Value = "value-that-must-not-come-back";
    private RunOnPages run = null!;
    private Tab tab = null!;
    private Guid repository;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        tab = await chromium.OpenAsync();
        run = await RunOnPages.StartAsync();
        await run.RunAsync(TestPlans.Steps("build"));
        repository = await run.Server.Get<Database>().ReadAsync(db => db.Repositories.Select(r => r.Id).SingleAsync(Cancel), Cancel);
        await tab.CookieAsync(run.Url, TokenAuthentication.CookieName, await run.SessionAsync(Scopes.Admin));
    }

    public async ValueTask DisposeAsync()
    {
        if (tab is not null)
        {
            await tab.DisposeAsync();
        }

        if (run is not null)
        {
            await run.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_schedule_is_paused_and_resumed_and_says_why_it_cannot_run_now()
    {
        Assert.True(CronRule.TryParse("30 2 * * *", "Europe/Berlin", out var rule, out _));
        var wanted = new WantedSchedule("30 2 * * *", "Europe/Berlin", null, new Dictionary<string, string>(), MisfireRule.Once, OverlapRule.CancelPrevious);
        await run.Server.Get<ScheduleStore>().SetAsync(repository, "nightly \"<b>\"", rule, wanted, "kim", Cancel);
        await tab.GoAsync(At("/acme/shop"));
        await tab.EvaluateAsync("document.querySelector('nav[aria-label=Repository] a[href$=schedules]').click()");
        await tab.UntilAsync("location.pathname.endsWith('/schedules') && document.querySelectorAll('tr[data-schedule] time').length === 3");
        await IsAccessibleAsync();
        await ClickAsync("Pause");
        await tab.UntilAsync("document.querySelector('tr[data-schedule]')?.innerText.includes('paused') && document.querySelectorAll('tr[data-schedule] time').length === 0");
        await ClickAsync("Resume");
        await tab.UntilAsync("document.querySelector('tr[data-schedule]')?.innerText.includes('cancel previous') && !document.querySelector('tr[data-schedule]').innerText.includes('paused')");
        await ClickAsync("Run");
        await tab.UntilAsync("document.querySelector('[role=alert]')?.innerText.length > 10");
        Assert.Empty(tab.Complaints);
    }

    [Fact]
    public async Task A_delivery_is_there_with_what_became_of_it_and_is_carried_out_again()
    {
        var set = new SetHook { Settings = new HookSettings { Filters = [new HookFilter("/action", OneOf: ["published"])] } };
        await run.Server.Get<Hooks>().SetAsync(repository, "deploy", set, "kim", Cancel);
        await run.Server.Get<Inbox>().PutAsync("hook/deploy", "<img src=x onerror=alert(1)>", "", "{\"action\":\"deleted\"}"u8.ToArray(), Cancel);
        var began = TimeProvider.System.GetTimestamp();
        while (await run.Server.Get<Database>().ReadAsync(db => db.Inbox.AnyAsync(i => i.Repository == null, Cancel), Cancel))
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromMinutes(1), "the delivery was not carried out");
            await Task.Delay(50, Cancel);
        }

        await tab.GoAsync(At("/acme/shop/triggers"));
        await tab.UntilAsync("document.querySelector('tr[data-state=done]')?.innerText.includes('is not one of published')");
        await IsAccessibleAsync();
        await ClickAsync("Replay");
        await UntilAuditedAsync("delivery.replayed");
        await tab.UntilAsync("location.pathname.endsWith('/triggers') && document.querySelectorAll('tr[data-delivery]').length === 1");
        Assert.Empty(tab.Complaints);
    }

    [Fact]
    public async Task Secrets_are_names_and_rules()
    {
        var register = run.Server.Get<SecretRegister>();
        await register.SetAsync(new SecretLevel.Repository(repository), "token", Value, new SecretRules { Events = ["push"], Branches = ["main"] }, "kim", Cancel);
        await register.SetAsync(new SecretLevel.Installation(), "shared", Value, new SecretRules(), "kim", Cancel);
        await run.Server.Get<RegistryStore>().SetAsync(new SecretLevel.Organisation("acme"), "registry.example", "robot", Value, "kim", Cancel);
        await tab.GoAsync(At("/acme/shop/settings/secrets"));
        await tab.UntilAsync("[...document.querySelectorAll('tr[data-secret]')].map(r => r.dataset.secret).join() === 'token,shared'");
        Assert.Equal("token|repository|push|main|any|just now|never", await tab.TextAsync("[...document.querySelector('tr[data-secret=token]').cells].map(c => c.innerText).join('|')"));
        Assert.Contains("registry.example as robot", await tab.TextAsync("document.querySelector('main').innerText"));
        Assert.DoesNotContain(Value, await tab.TextAsync("document.documentElement.outerHTML"));
        await IsAccessibleAsync();
    }

    [Fact]
    public async Task Who_may_only_read_sees_schedules_without_buttons_and_neither_triggers_nor_secrets_nor_what_fires_schedules()
    {
        using var reader = await run.BrowserAsync(Scopes.Read);
        Assert.Equal(HttpStatusCode.OK, (await reader.GetAsync("/acme/shop/schedules", Cancel)).StatusCode);
        Assert.DoesNotContain("<button formaction", await reader.GetStringAsync("/acme/shop/schedules", Cancel));
        foreach (var path in new[] { "/acme/shop/triggers", "/acme/shop/settings/secrets", HangfireServices.Dashboard })
        {
            using var answer = await reader.GetAsync(path, Cancel);
            Assert.Equal((path, HttpStatusCode.Forbidden), (path, answer.StatusCode));
        }

        // An administrator sees Hangfire's own pages, and can change nothing there.
        using var administrator = await run.BrowserAsync(Scopes.Admin);
        Assert.Equal(HttpStatusCode.OK, (await administrator.GetAsync(HangfireServices.Dashboard, Cancel)).StatusCode);
        using var form = new FormUrlEncodedContent([KeyValuePair.Create("jobs[]", "nightly")]);
        foreach (var action in new[] { "recurring/trigger", "recurring/remove", "jobs/enqueued/delete" })
        {
            using var refused = await administrator.PostAsync($"{HangfireServices.Dashboard}/{action}", form, Cancel);
            Assert.False(refused.IsSuccessStatusCode, action);
        }
    }

    private async Task ClickAsync(string label) => await tab.EvaluateAsync($"document.querySelector('button[aria-label^=\"{label}\"]').click()");

    private async Task IsAccessibleAsync()
    {
        await tab.SizeAsync(360, 740);
        Assert.True((bool)(await tab.EvaluateAsync("document.documentElement.scrollWidth <= 360"))!, "it is wider than 360 pixels");
        await tab.EvaluateAsync(await File.ReadAllTextAsync(NpmPackage.File("axe-core/axe.min.js"), Cancel) + ";0");
        Assert.Equal("", await tab.TextAsync("axe.run(document, { resultTypes: ['violations'] }).then(r => r.violations.map(v => v.id + ': ' + v.nodes[0].html).join('\\n'))"));
    }

    private async Task UntilAuditedAsync(string action)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (!await run.Server.Get<Database>().ReadAsync(db => db.Audit.AnyAsync(a => a.Action == action, Cancel), Cancel))
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromMinutes(1), $"nobody noted {action}");
            await Task.Delay(50, Cancel);
        }
    }

    private string At(string path) => new Uri(run.Url, path).AbsoluteUri;
}
