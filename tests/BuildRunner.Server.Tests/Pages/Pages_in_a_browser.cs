using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Access;
using BuildRunner.Testing;

namespace BuildRunner.Server.Tests.Pages;

/// <summary>The pages in Chromium: live, readable for everybody, and safe whatever a step writes.</summary>
public sealed class Pages_in_a_browser(Chromium chromium) : IClassFixture<Chromium>, IAsyncLifetime
{
    private const string Lines = "[...document.querySelectorAll('#log .l')].map(l => l.textContent)";
    private RunOnPages run = null!;
    private Tab tab = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        tab = await chromium.OpenAsync();
        run = await RunOnPages.StartAsync();
        await tab.CookieAsync(run.Url, TokenAuthentication.CookieName, await run.SessionAsync(Scopes.Read, Scopes.Run, Scopes.Approve));
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
    public async Task A_run_goes_by_while_somebody_looks()
    {
        await run.RunAsync(TestPlans.Steps("build", "test"));
        await tab.GoAsync(At("/acme/shop/runs/1/steps/build?workflow=ci"));
        Assert.StartsWith("queued", await tab.TextAsync("document.title"), StringComparison.Ordinal);
        var build = await run.StepAsync();
        await tab.UntilAsync("document.getElementById('stepstate').dataset.state === 'running'");
        await run.WriteAsync(build, "restoring", "\e[32mcompiled\e[0m in 2 s", "10%\r50%\r100%");
        await tab.UntilAsync($"{Lines}.join('|') === 'restoring|compiled in 2 s|100%'");
        Assert.Equal("f2", await tab.TextAsync("document.querySelector('#L2 span').className"));
        await run.EndAsync(build, new Outcome.Failure(new FailureReason.ExitCode(7)));
        await run.ReleaseAsync();
        await tab.UntilAsync("document.title.startsWith('failure') && document.getElementById('icon').href.endsWith('icon-failure.svg')");
        await tab.UntilAsync("document.querySelector('#failures .box')?.innerText.includes('exit 7')");
        await tab.UntilAsync("document.querySelector('#actions').innerText.includes('Run failed again')");
        Assert.Equal("skipped", await tab.TextAsync("document.querySelector('li[data-step=test] .state').dataset.state"));
        Assert.Empty(tab.Complaints);
    }

    [Fact]
    public async Task Who_comes_late_sees_all_and_who_reloads_too()
    {
        await run.RunAsync(TestPlans.Steps("build"));
        var build = await run.StepAsync();
        await run.WriteAsync(build, [.. Enumerable.Range(1, 2500).Select(n => $"line {n}")]);
        await tab.GoAsync(At("/acme/shop/runs/1"));
        await tab.UntilAsync($"{Lines}.length === 2500");
        Assert.Equal("line 1,line 2500", await tab.TextAsync($"(l => l[0] + ',' + l.at(-1))({Lines})"));
        Assert.Equal(5, (int)(await tab.EvaluateAsync("document.querySelectorAll('#log .block').length"))!);
        await run.WriteAsync(build, "line 2501");
        await tab.UntilAsync($"{Lines}.length === 2501");
        await tab.ReloadAsync();
        await tab.UntilAsync($"{Lines}.length === 2501 && {Lines}.at(-1) === 'line 2501'");
    }

    [Fact]
    public async Task The_reader_follows_only_at_the_end_and_is_never_moved_elsewhere()
    {
        await run.RunAsync(TestPlans.Steps("build"));
        var build = await run.StepAsync();
        await run.WriteAsync(build, [.. Enumerable.Range(1, 600).Select(n => $"line {n}")]);
        await tab.GoAsync(At("/acme/shop/runs/1/steps/build?workflow=ci"));
        await tab.UntilAsync($"{Lines}.length === 600");
        await tab.UntilAsync("document.documentElement.scrollHeight - innerHeight - scrollY < 40 && scrollY > 1000");
        await tab.EvaluateAsync("new Promise(done => setTimeout(() => { scrollTo(0, 500); done() }, 150))");
        await tab.UntilAsync("!document.getElementById('follow').hidden");
        await run.WriteAsync(build, [.. Enumerable.Range(601, 300).Select(n => $"line {n}")]);
        await tab.UntilAsync($"{Lines}.length === 900");
        Assert.InRange((double)(await tab.EvaluateAsync("scrollY"))!, 490, 510);
        await tab.KeyAsync("G");
        await tab.UntilAsync("document.documentElement.scrollHeight - innerHeight - scrollY < 40 && document.getElementById('follow').hidden");
        await run.WriteAsync(build, "the last");
        await tab.UntilAsync($"{Lines}.at(-1) === 'the last' && document.documentElement.scrollHeight - innerHeight - scrollY < 40");
        // A browser lays out late what it has not shown yet: the end moves away with no line added, and the reader stays at it.
        await tab.EvaluateAsync("document.getElementById('log').firstElementChild.style.paddingTop = '3000px'");
        await tab.UntilAsync("document.documentElement.scrollHeight - innerHeight - scrollY < 40 && document.getElementById('follow').hidden");
        await tab.EvaluateAsync("document.getElementById('log').lastElementChild.style.paddingBottom = '3000px'");
        await tab.UntilAsync("document.documentElement.scrollHeight - innerHeight - scrollY < 40 && document.getElementById('follow').hidden");
    }

    [Fact]
    public async Task A_link_to_lines_shows_and_marks_them()
    {
        await run.RunAsync(TestPlans.Steps("build"));
        var build = await run.StepAsync();
        await run.WriteAsync(build, [.. Enumerable.Range(1, 3000).Select(n => $"line {n}")]);
        await run.EndAsync(build, new Outcome.Success());
        await run.ReleaseAsync();
        await tab.GoAsync(At("/acme/shop/runs/1/steps/build?workflow=ci#L1200-L1202"));
        await tab.UntilAsync($"{Lines}.length === 3000 && document.querySelectorAll('.l.on').length === 3");
        await tab.UntilAsync("(r => r.top >= 0 && r.bottom <= innerHeight)(document.getElementById('L1200').getBoundingClientRect())");
        await tab.EvaluateAsync("document.getElementById('L1201').dispatchEvent(new MouseEvent('click', { bubbles: true, clientX: document.getElementById('L1201').getBoundingClientRect().left + 5 }))");
        Assert.Equal("#L1201", await tab.TextAsync("location.hash"));
        await tab.KeyAsync("t");
        Assert.Matches(@"^\d\d:\d\d\.\d{3}$", await tab.TextAsync("document.getElementById('L1').dataset.t"));
        await tab.KeyAsync("w");
        Assert.Equal("pre-wrap", await tab.TextAsync("getComputedStyle(document.getElementById('L1')).whiteSpace"));
        await tab.KeyAsync("?");
        await tab.UntilAsync("document.getElementById('keys').open && document.getElementById('keys').innerText.includes('next failure')");
        await tab.KeyAsync("Escape");
        await tab.KeyAsync("/");
        await tab.EvaluateAsync("(f => { f.value = 'LINE 29'; f.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter' })) })(document.activeElement)");
        await tab.UntilAsync("document.getElementById('found').textContent.endsWith('of 111') && location.hash === '#L2900'");
    }

    [Fact]
    public async Task Nothing_that_a_step_writes_becomes_part_of_the_page()
    {
        string[] evil =
        [
            "<img src=x onerror=\"window.owned=1\">", "<script>window.owned=2</script>", "\e]8;;javascript:window.owned=3\e\\click\e]8;;\e\\", "\e]8;;https://example.com/\e\\fine\e]8;;\e\\",
            "\e[31m<b>red</b>\e[0m", "\e]0;title\a\e[2J\e[H\e[999;999Hmoved", "\e[38;2;1;2;3m\e[<svg onload=window.owned=4>", "\0\u0001\u202e{{constructor}}", "a\e[",
        ];
        await run.RunAsync(TestPlans.Steps("build"), "<img src=x onerror=window.owned=5>");
        var build = await run.StepAsync();
        await run.WriteAsync(build, evil);
        await tab.GoAsync(At("/acme/shop/runs/1/steps/build?workflow=ci"));
        await tab.UntilAsync("document.querySelectorAll('#log .l[data-at]').length === 9");
        Assert.Equal(0, (int)(await tab.EvaluateAsync("document.querySelectorAll('#log img, #log script, #log svg, #log b').length"))!);
        Assert.Equal("https://example.com/", await tab.TextAsync("[...document.querySelectorAll('#log a')].map(a => a.href).join()"));
        Assert.Equal(evil[0], await tab.TextAsync("document.getElementById('L1').textContent"));
        Assert.Equal("<b>red</b>", await tab.TextAsync("document.getElementById('L5').textContent"));
        Assert.Equal("moved", await tab.TextAsync("document.getElementById('L6').textContent"));
        Assert.Equal("undefined", await tab.TextAsync("typeof window.owned"));
        Assert.Empty(tab.Complaints);
    }

    [Fact]
    public async Task Without_a_script_the_page_has_everything_up_to_now()
    {
        await run.RunAsync(TestPlans.Steps("build"));
        var build = await run.StepAsync();
        await run.WriteAsync(build, "one", "\e[31mtwo\e[0m");
        await tab.ScriptsAsync(on: false);
        await tab.GoAsync(At("/acme/shop/runs/1"));
        await tab.ScriptsAsync(on: true);
        Assert.Equal("one|two", await tab.TextAsync($"{Lines}.join('|')"));
        Assert.Equal("running", await tab.TextAsync("document.querySelector('h1 .state').textContent"));
        Assert.True((bool)(await tab.EvaluateAsync("document.getElementById('follow').hidden && !!document.getElementById('cancel')"))!);
    }

    [Fact]
    public async Task A_line_is_seen_soon_after_it_was_written()
    {
        await run.RunAsync(TestPlans.Steps("build"));
        var build = await run.StepAsync();
        await tab.GoAsync(At("/acme/shop/runs/1/steps/build?workflow=ci"));
        await tab.UntilAsync("document.getElementById('stepstate').dataset.state === 'running'");
        var times = new List<double>();
        for (var n = 1; n <= 20; n++)
        {
            // In the page itself: when the line's element is there and has been laid out.
            var seen = tab.EvaluateAsync($"new Promise(done => {{ const look = () => document.getElementById('L{n}')?.getBoundingClientRect().height ? done(Date.now()) : requestAnimationFrame(look); look(); }})");
            var at = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
            await run.WriteAsync(build, $"line {n}");
            times.Add((double)(await seen)! - at);
        }

        times.Sort();
        TestContext.Current.TestOutputHelper?.WriteLine($"from the upload's beginning to the screen: median {times[10]:0} ms, worst {times[^1]:0} ms");
        Assert.InRange(times[10], 0, 3000);
    }

    [Theory]
    [InlineData(1280, false)]
    [InlineData(1280, true)]
    [InlineData(360, false)]
    [InlineData(360, true)]
    public async Task Every_page_fits_and_is_accessible(int width, bool dark)
    {
        var axe = await File.ReadAllTextAsync(NpmPackage.File("axe-core/axe.min.js"), Cancel);
        await ManyRunsAsync();
        await tab.SizeAsync(width, width == 360 ? 740 : 900);
        await tab.DarkAsync(dark);
        foreach (var (name, path) in Shown)
        {
            await tab.GoAsync(At(path));
            if (name is "failed" or "running")
            {
                await tab.UntilAsync("document.querySelectorAll('#log .l[data-at]').length > 0");
            }

            await ShootAsync($"{name}-{width}{(dark ? "-dark" : "")}");
            Assert.True((bool)(await tab.EvaluateAsync("document.documentElement.scrollWidth <= innerWidth"))!, $"{path} is wider than {width}: {await tab.TextAsync("[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('#log, pre, .wide')).map(e => e.tagName + '.' + e.className).slice(0, 5).join()")}");
            await tab.EvaluateAsync(axe + ";0");
            var found = await tab.TextAsync("axe.run(document, { resultTypes: ['violations'] }).then(r => r.violations.map(v => v.id + ': ' + v.nodes.slice(0, 3).map(n => n.html.slice(0, 120) + ' ' + n.failureSummary.slice(0, 200)).join(' | ')).join('\\n'))");
            Assert.True(found.Length == 0, $"{path}: {found}");
        }

        Assert.DoesNotContain(tab.Complaints, c => !c.Contains("404", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_log_of_a_hundred_thousand_lines_can_be_read()
    {
        await run.RunAsync(TestPlans.Steps("build"));
        var build = await run.StepAsync();
        await run.WriteAsync(build, [.. Enumerable.Range(1, 100_000).Select(n => $"{n}: a line as a build writes it, neither short nor long")]);
        var began = TimeProvider.System.GetTimestamp();
        await tab.GoAsync(At("/acme/shop/runs/1/steps/build?workflow=ci"));
        await tab.UntilAsync("document.querySelectorAll('#log .l[data-at]').length > 400");
        var first = TimeProvider.System.GetElapsedTime(began);
        await tab.UntilAsync("document.querySelectorAll('#log .l').length === 100000");
        TestContext.Current.TestOutputHelper?.WriteLine($"100,000 lines: the first ones after {first.TotalSeconds:0.00} s, all after {TimeProvider.System.GetElapsedTime(began).TotalSeconds:0.00} s");
    }

    private string shown = "";

    private (string Name, string Path)[] Shown =>
    [
        ("dashboard", "/"), ("repository", "/acme/shop"), ("failed", "/acme/shop/runs/1"), ("running", shown), ("approvals", "/approvals"),
        ("queue", "/queue"), ("agents", "/agents"), ("missing", "/acme/shop/runs/99"), ("login", "/login"),
    ];

    private async Task ManyRunsAsync()
    {
        await run.RunAsync(TestPlans.Steps("restore", "build", "test", "deploy"), "Add tax to the cart's total, also where there is none");
        var restore = await run.StepAsync();
        await run.WriteAsync(restore, "Determining projects to restore...", "Restored Shop.Core.csproj (in 2.1 s).");
        await run.EndAsync(restore, new Outcome.Success());
        var build = await run.StepAsync();
        await run.WriteAsync(build, "\e[1mbuilding\e[0m", "\e[32m  Shop.Core -> bin/Release/net10.0/Shop.Core.dll\e[0m", "\e[33mwarning CS0168: the variable 'e' is never used\e[0m", "\e[31mCart.cs(41,7): error CS1002: ; expected\e[0m", new string('x', 400), "    1 Warning(s)", "    1 Error(s)");
        await run.EndAsync(build, new Outcome.Failure(new FailureReason.ExitCode(1)));
        await run.ReleaseAsync();
        await run.RunAsync(TestPlans.Of(TestPlans.Workflow("ci", "build", "test"), TestPlans.Workflow("docs", "site")), "Round half to even");
        var running = await run.StepAsync();
        shown = $"/acme/shop/runs/2/steps/{((WorkTask.Step)running.Task).Plan.Name}?workflow={running.Workflow}";
        await run.WriteAsync(running, [.. Enumerable.Range(1, 60).Select(n => $"\e[36mtest {n}\e[0m ok")]);
        await run.RunAsync(TestPlans.Steps("build"), "A stranger's change", TestPlans.Trusted with { NeedsApproval = "a pull request of a fork" });
    }

    // Looked at by people; a test only makes sure that there is something to look at.
    private async Task ShootAsync(string name)
    {
        var picture = await tab.ScreenshotAsync();
        Assert.True(picture.Length > 2000);
        if (Environment.GetEnvironmentVariable("BUILDRUNNER_SCREENSHOTS") is { Length: > 0 } folder)
        {
            Directory.CreateDirectory(folder);
            await File.WriteAllBytesAsync(Path.Combine(folder, name + ".png"), picture, Cancel);
        }
    }

    private string At(string path) => new Uri(run.Url, path).AbsoluteUri;
}
