using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Tests.Api;
using BuildRunner.Server.Webhooks;
using BuildRunner.Testing;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Tests.Webhooks;

/// <summary>From a signed delivery at an endpoint of one's own to a run with inputs.</summary>
public sealed class Hooks_over_HTTP : IAsyncLifetime
{
    private const string Pipeline = """
        inputs:
          version: { type: string, default: none }
        when:
          - event: webhook
        steps:
          - name: deploy
            image: busybox
            commands: [ "echo $VERSION" ]
            environment: { VERSION: "${version}" }
        """;

    private ServerWithShop shop = null!;

    private static ApiJson Json => ApiJson.Default;

    private HttpServer Server => shop.Server;

    private ApiClient Api => shop.Api;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => shop = await ServerWithShop.StartAsync(Pipeline, o => o with { Webhooks = new WebhookOptions { MaxBody = 64 * 1024 } });

    public ValueTask DisposeAsync() => shop.DisposeAsync();

    [Fact]
    public async Task A_signed_delivery_starts_one_run_with_its_fields_as_inputs_however_often_it_comes()
    {
        var secret = await HookAsync(new HookSettings { Inputs = [new HookInput("version", "/release/tag", Required: true)], Filters = [new HookFilter("/action", OneOf: ["published"])] });
        using var counted = new Counted("buildrunner.webhook.deliveries", "verdict");
        const string body = """{"action":"published","release":{"tag":"v1; rm -rf /\"$(id)"}}""";
        var answers = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => PostAsync(body, secret, "msg_1")));
        Assert.All(answers, status => Assert.Equal(HttpStatusCode.Accepted, status));
        var delivery = await HandledAsync("msg_1");
        Assert.Equal(("done", "started run #1", "acme/shop#1"), (delivery.State, delivery.Verdict, delivery.Run));

        var runs = (await Api.GetAsync(ApiRoutes.Runs, Json.RunPage)).Items;
        Assert.Equal(("webhook", "webhook deploy"), (Assert.Single(runs).Event, runs[0].Author));
        var plan = await Api.Http.GetStringAsync(ApiRoutes.For(ApiRoutes.RunPlan, "acme/shop", 1), Cancel);
        Assert.Contains("deploy", plan);

        // A second event is a second run, and an event that was replayed is none.
        Assert.Equal(HttpStatusCode.Accepted, await PostAsync(body, secret, "msg_2"));
        await HandledAsync("msg_2");
        await Api.SendAsync("POST", ApiRoutes.With(TriggerRoutes.DeliveryReplay, "id", delivery.Id), null);
        var replayed = await HandledAsync("msg_1");
        Assert.Equal("its run was started before", replayed.Verdict);
        Assert.Equal(2, (await Api.GetAsync(ApiRoutes.Runs, Json.RunPage)).Items.Count);
        await counted.AtLeastAsync("repeated", 99);
        await counted.AtLeastAsync("run", 2);
    }

    [Theory]
    [InlineData("standard")]
    [InlineData("github")]
    [InlineData("token")]
    public async Task What_the_documentation_says_to_type_starts_a_run(string scheme)
    {
        Requires.Program("sh", "curl", "openssl", "od");
        var secret = await HookAsync(new HookSettings
        {
            Scheme = scheme,
            Inputs = [new HookInput("version", "/release/tag", Required: true)],
            Filters = [new HookFilter("/action", OneOf: ["published"])],
        });
        var page = await File.ReadAllTextAsync(System.IO.Path.Combine(Checkout(), "docs/triggers.md"), Cancel);
        var script = Regex.Match(page, $"```sh {scheme}\n(.*?)```", RegexOptions.Singleline).Groups[1].Value;
        const string example = "URL=https://ci.example.com/hooks/in/deploy SECRET=whsec_PRINTED-BY-WEBHOOK-SET\n";
        Assert.StartsWith(example, script, StringComparison.Ordinal);

        var refused = await ShellAsync(script.Replace(example, $"URL={Server.Http.BaseAddress}hooks/in/deploy SECRET={WebhookSecret.Generate()}\n", StringComparison.Ordinal));
        Assert.Contains("\"status\":401", refused, StringComparison.Ordinal);
        var taken = await ShellAsync(script.Replace(example, $"URL={Server.Http.BaseAddress}hooks/in/deploy SECRET={secret}\n", StringComparison.Ordinal));
        Assert.DoesNotContain("\"status\"", taken, StringComparison.Ordinal);
        Assert.Equal("started run #1", (await HandledAsync(null)).Verdict);
    }

    [Theory]
    [InlineData("""{"action":"deleted"}""", "no run: the value at '/action' is not one of published")]
    [InlineData("""{"action":"published"}""", "no run: input 'version' is required, and the delivery has nothing at '/release/tag'")]
    [InlineData("not json", "no run: the body is not JSON")]
    public async Task What_is_filtered_or_lacks_something_is_listed_with_the_reason(string body, string verdict)
    {
        using var counted = new Counted("buildrunner.webhook.deliveries", "verdict");
        var secret = await HookAsync(new HookSettings { Inputs = [new HookInput("version", "/release/tag", Required: true)], Filters = [new HookFilter("/action", OneOf: ["published"])] });
        Assert.Equal(HttpStatusCode.Accepted, await PostAsync(body, secret, "msg_1"));
        Assert.StartsWith(verdict, (await HandledAsync("msg_1")).Verdict, StringComparison.Ordinal);
        await counted.AtLeastAsync("no_run", 1);
        Assert.Empty((await Api.GetAsync(ApiRoutes.Runs, Json.RunPage)).Items);
    }

    [Fact]
    public async Task Whoever_cannot_prove_that_the_secret_is_known_leaves_nothing_behind()
    {
        using var counted = new Counted("buildrunner.webhook.deliveries", "verdict");
        var secret = await HookAsync(new HookSettings());
        Assert.Equal(HttpStatusCode.Unauthorized, await PostAsync("{}", WebhookSecret.Generate(), "msg_1"));
        Assert.Equal(HttpStatusCode.Unauthorized, await PostAsync("{}", secret, "msg_1", at: DateTimeOffset.UnixEpoch.AddYears(50)));
        using (var bare = await Server.Http.PostAsync("/hooks/in/deploy", new StringContent("{}"), Cancel))
        {
            Assert.Equal(HttpStatusCode.Unauthorized, bare.StatusCode);
        }

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, await PostAsync(new string(' ', 70_000), secret, "msg_1"));
        Assert.Equal(HttpStatusCode.NotFound, await PostAsync("{}", secret, "msg_1", hook: "nothing"));
        Assert.Equal(0, await Server.Get<Database>().ReadAsync(db => db.Inbox.CountAsync(Cancel), Cancel));
        await counted.AtLeastAsync("refused", 5);
    }

    [Fact]
    public async Task What_was_refused_is_counted_where_people_look_for_it_and_nothing_of_it_is_kept()
    {
        await HookAsync(new HookSettings());
        for (var i = 0; i < 7; i++)
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await PostAsync("""{"x":"what-a-stranger-wrote"}""", WebhookSecret.Generate(), $"stranger-{i}"));
        }

        Assert.Equal(HttpStatusCode.NotFound, await PostAsync("{}", WebhookSecret.Generate(), "x", hook: "nothing-of-that-name"));
        var at = Assert.Single((await Api.GetAsync(ApiRoutes.For(TriggerRoutes.Hooks, "acme/shop"), Json.HookList)).Items).Refused!;
        Assert.Equal(("hook/deploy", 7), (at.Source, at.Count));
        Assert.Equal(at, Assert.Single((await Api.GetAsync(TriggerRoutes.Refused, Json.RefusedList)).Items));
        Assert.Contains("7 refused", await Api.Http.GetStringAsync("/acme/shop/triggers", Cancel));

        // One row for one place, however often, and none of what a stranger names.
        var stored = Assert.Single(await Server.Get<Database>().ReadAsync(db => db.Settings.Select(s => s.Key + s.Value).ToListAsync(Cancel), Cancel), s => s.StartsWith("refused/", StringComparison.Ordinal));
        Assert.DoesNotContain("stranger", stored);
        Assert.Contains("\"count\":1,", stored);

        using var removed = await Api.SendAsync("DELETE", Path(TriggerRoutes.HookByName), null);
        Assert.Empty((await Api.GetAsync(TriggerRoutes.Refused, Json.RefusedList)).Items);
    }

    [Fact]
    public async Task After_a_minute_what_was_counted_is_written_once_and_said_once()
    {
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        var lines = new KeptLines();
        var refused = new RefusedDeliveries(Server.Get<Database>(), clock, lines);
        for (var i = 0; i < 1000; i++)
        {
            await refused.NoteAsync("github", "the signature is wrong", Cancel);
        }

        Assert.Equal(1000, Assert.Single(await refused.ListAsync(Cancel)).Count);
        clock.Advance(TimeSpan.FromMinutes(1));
        await refused.NoteAsync("github", "the signature is missing", Cancel);
        Assert.Equal(["github refused 1 of what was sent to it: the signature is wrong", "github refused 1000 of what was sent to it: the signature is missing"], lines.All);

        // Another process sees what was written.
        var seen = Assert.Single(await new RefusedDeliveries(Server.Get<Database>(), clock, lines).ListAsync(Cancel));
        Assert.Equal((1001, "the signature is missing"), (seen.Count, seen.Why));
    }

    [Theory]
    [InlineData("""{"settings":{"branch":"mian"}}""", "endpoint 'deploy': acme/shop has no branch 'mian'; did you mean 'main'?")]
    [InlineData("""{"settings":{"branch":"a..b"}}""", "endpoint 'deploy': 'a..b' is no name that git allows for a branch")]
    [InlineData("""{"settings":{"inputs":[{"input":"verison","from":"/tag"}]}}""", "endpoint 'deploy': the pipeline on branch 'main' has no input 'verison'; did you mean 'version'?")]
    [InlineData("""{"settings":{"inputs":[{"input":"nosuch","from":"/tag"}]}}""", "endpoint 'deploy': the pipeline on branch 'main' has no input 'nosuch'; it has version")]
    public async Task What_it_would_start_must_be_there_unless_it_is_disabled(string body, string problem)
    {
        Assert.Equal(problem, (await Api.RefusedAsync("PUT", Path(TriggerRoutes.HookByName), body)).Detail);
        using var disabled = await Api.SendAsync("PUT", Path(TriggerRoutes.HookByName), body[..^1] + ",\"enabled\":false}");
        Assert.Equal(HttpStatusCode.OK, disabled.StatusCode);
    }

    [Fact]
    public async Task An_endpoint_can_be_set_while_its_repository_cannot_be_read()
    {
        Directory.Move(shop.Repository, shop.Repository + "-away");
        await HookAsync(new HookSettings { Branch = "main", Inputs = [new HookInput("version", "/tag")] });
    }

    [Fact]
    public async Task A_rotated_secret_and_the_one_before_count_until_the_next_rotation()
    {
        var first = await HookAsync(new HookSettings());
        var second = await RotateAsync();
        Assert.Equal(HttpStatusCode.Accepted, await PostAsync("{}", first, "a"));
        Assert.Equal(HttpStatusCode.Accepted, await PostAsync("{}", second, "b"));
        var third = await RotateAsync();
        Assert.Equal(HttpStatusCode.Unauthorized, await PostAsync("{}", first, "c"));
        Assert.Equal(HttpStatusCode.Accepted, await PostAsync("{}", third, "d"));
    }

    [Fact]
    public async Task Whoever_cannot_sign_uses_up_nothing_of_what_an_endpoint_takes()
    {
        var secret = await HookAsync(new HookSettings { PerMinute = 2 });
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await PostAsync("{}", WebhookSecret.Generate(), $"forged-{i}"));
        }

        Assert.Equal(HttpStatusCode.Accepted, await PostAsync("{}", secret, "a"));
    }

    [Fact]
    public async Task A_disabled_endpoint_and_one_that_is_called_too_often_refuse()
    {
        var secret = await HookAsync(new HookSettings { PerMinute = 2 });
        Assert.Equal(HttpStatusCode.Accepted, await PostAsync("{}", secret, "a"));
        Assert.Equal(HttpStatusCode.Accepted, await PostAsync("{}", secret, "b"));
        Assert.Equal(HttpStatusCode.TooManyRequests, await PostAsync("{}", secret, "c"));
        await Api.SendAsync("PUT", Path(TriggerRoutes.HookByName), new SetHook { Enabled = false }, Json.SetHook, Json.CreatedHook);
        Assert.Equal(HttpStatusCode.Forbidden, await PostAsync("{}", secret, "d"));
    }

    [Theory]
    [InlineData("""{"settings":{"scheme":"sha1"}}""", "there is no scheme 'sha1'")]
    [InlineData("""{"settings":{"inputs":[{"input":"x","from":"tag"}]}}""", "'tag' is no JSON Pointer")]
    [InlineData("""{"settings":{"filters":[{"at":"/x"}]}}""", "needs exactly one of oneOf, startsWith and present")]
    [InlineData("""{"secret":"short"}""", "the secret needs at least 24 characters")]
    public async Task What_an_endpoint_cannot_be_is_said(string body, string problem) =>
        Assert.Contains(problem, (await Api.RefusedAsync("PUT", Path(TriggerRoutes.HookByName), body)).Detail);

    private async Task<string> HookAsync(HookSettings settings) =>
        (await Api.SendAsync("PUT", Path(TriggerRoutes.HookByName), new SetHook { Settings = settings }, Json.SetHook, Json.CreatedHook)).Secret!;

    private async Task<string> RotateAsync()
    {
        using var response = await Api.SendAsync("POST", Path(TriggerRoutes.HookRotate), null);
        return System.Text.Json.JsonSerializer.Deserialize(await response.Content.ReadAsStringAsync(Cancel), Json.CreatedHook)!.Secret!;
    }

    private static string Path(string route) => ApiRoutes.With(ApiRoutes.For(route, "acme/shop"), "hook", "deploy");

    private async Task<HttpStatusCode> PostAsync(string body, string secretText, string id, DateTimeOffset? at = null, string hook = "deploy")
    {
        Assert.True(WebhookSecret.TryParse(secretText, out var secret, out _));
        var (bytes, now) = (Encoding.UTF8.GetBytes(body), at ?? TimeProvider.System.GetUtcNow());
        using var request = new HttpRequestMessage(HttpMethod.Post, "/hooks/in/" + hook) { Content = new ByteArrayContent(bytes) };
        request.Headers.Add(StandardWebhookSignature.IdHeader, id);
        request.Headers.Add(StandardWebhookSignature.TimestampHeader, now.ToUnixTimeSeconds().ToString(System.Globalization.CultureInfo.InvariantCulture));
        request.Headers.Add(StandardWebhookSignature.SignatureHeader, StandardWebhookSignature.Sign(id, now, bytes, secret));
        using var response = await Server.Http.SendAsync(request, Cancel);
        return response.StatusCode;
    }

    private static async Task<string> ShellAsync(string script)
    {
        using var shell = Process.Start(new ProcessStartInfo("sh") { ArgumentList = { "-euc", script }, RedirectStandardOutput = true, RedirectStandardError = true, Environment = { ["no_proxy"] = "*" } })!;
        var (output, error) = (shell.StandardOutput.ReadToEndAsync(Cancel), shell.StandardError.ReadToEndAsync(Cancel));
        await shell.WaitForExitAsync(Cancel);
        Assert.True(shell.ExitCode == 0, await error);
        return await output;
    }

    private static string Checkout()
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(System.IO.Path.Combine(directory, "BuildRunner.sln")))
        {
            directory = System.IO.Path.GetDirectoryName(directory) ?? throw new InvalidOperationException("the tests run from a checkout");
        }

        return directory;
    }

    private sealed class KeptLines : Microsoft.Extensions.Logging.ILogger<RefusedDeliveries>
    {
        public List<string> All { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(Microsoft.Extensions.Logging.LogLevel logLevel) => true;

        public void Log<TState>(Microsoft.Extensions.Logging.LogLevel logLevel, Microsoft.Extensions.Logging.EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            All.Add(formatter(state, exception));
    }

    private async Task<DeliveryInfo> HandledAsync(string? id)
    {
        while (true)
        {
            var all = (await Api.GetAsync(TriggerRoutes.Deliveries + "?source=hook/deploy", Json.DeliveryList)).Items;
            if (all.Single(d => id is null || d.Delivery == id) is { State: not "due" } handled)
            {
                return handled;
            }

            await Task.Delay(20, Cancel);
        }
    }
}
