using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using BuildRunner.Server.Tests.Api;
using BuildRunner.Server.Tests.Triggers.GitHub;
using BuildRunner.Server.Triggers;
using BuildRunner.Server.Triggers.GitHub;
using BuildRunner.Server.Webhooks;
using BuildRunner.Testing.GitHub;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Tests.Forge;

/// <summary>What arrives at the address for GitHub's webhooks, as GitHub or somebody else sends it, and what runs come of it.</summary>
public sealed class GitHub_webhooks_over_HTTP : IAsyncLifetime
{
    private const int MaxBody = 4 * 1024 * 1024;
    private const string Pipeline = """
        skip_clone: true
        when:
          - event: [push, tag, pull_request, pull_request_closed, pull_request_metadata, release, deployment]
        steps:
          - { name: test, image: busybox, commands: [ "true" ] }
        """;

    private readonly string secret = WebhookSecret.Generate();
    private readonly StandingClock clock = new();
    private GitHubMock github = null!;
    private HttpServer server = null!;
    private WebhookSender sender = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        github = await GitHubMock.StartAsync();
        github.Pipeline = Pipeline;
        using var rsa = RSA.Create(2048);
        var options = github.Options(rsa.ExportRSAPrivateKeyPem()) with { AppId = Samples.App };
        server = await HttpServer.StartAsync(o => o with { GitHub = options, Webhooks = new WebhookOptions { GitHubSecrets = [secret], MaxBody = MaxBody } }, clock);
        sender = new WebhookSender(server.Http, secret);
    }

    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        await github.DisposeAsync();
    }

    [Fact]
    public async Task Each_of_GitHubs_samples_is_answered_and_only_those_that_should_start_a_run_do()
    {
        var samples = Samples.Of("api.github.com").ToList();
        await AddRepositoriesAsync(samples.Select(s => s.Payload.TryGetProperty("repository", out var r) ? r.GetProperty("id").GetInt64() : 0).Where(id => id > 0));
        foreach (var (at, sample) in samples.Index())
        {
            Assert.Equal(HttpStatusCode.Accepted, await sender.SendAsync(sample.Name, Encoding.UTF8.GetBytes(sample.Payload.GetRawText()), $"sample-{at}"));
        }

        var rows = (await HandledAsync(samples.Count)).ToDictionary(r => r.Delivery);
        var wrong = samples.Select((s, at) => (s.Name, s.Payload, Row: rows[$"sample-{at}"]))
            .Where(s => (Samples.Expected(s.Name, s.Payload) == typeof(Trigger.StartRun)) != (s.Row.Run is not null) || s.Row.State != InboxState.Done)
            .Select(s => $"{s.Name}: {s.Row.State} {s.Row.Verdict}");
        Assert.Empty(wrong);
        var events = samples.Select(s => GitHubEvents.Read(s.Name, s.Payload, new GitHubIdentity(Samples.App))).Where(e => e.Trigger is Trigger.StartRun).ToList();
        Assert.True(events.Count > 30, $"{events.Count} samples start runs");
        Assert.Equal(events.Select(e => e.Key).Distinct().Count(), (await RunsAsync()).Count);
        Assert.Empty(github.Problems);
    }

    [Fact]
    public async Task A_hundred_copies_of_one_delivery_at_once_are_one_run()
    {
        await AddRepositoriesAsync([186853002]);
        var push = Push(new string('c', 40));
        var answers = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => sender.SendAsync("push", push, "one")));
        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.Accepted, answer));
        Assert.NotNull(Assert.Single(await HandledAsync(1)).Run);
        Assert.Single(await RunsAsync());
    }

    [Fact]
    public async Task One_event_that_comes_by_the_apps_and_by_the_repositorys_webhook_is_one_run()
    {
        await AddRepositoriesAsync([186853002]);
        var push = Push(new string('c', 40));
        push["installation"] = new JsonObject { ["id"] = 7 };
        var ofRepository = push.DeepClone().AsObject();
        ofRepository.Remove("installation");
        await Task.WhenAll(sender.SendAsync("push", push), sender.SendAsync("push", ofRepository));
        var rows = await HandledAsync(2);
        Assert.Equal(["its run was started before", "started run #1"], rows.Select(r => r.Verdict).Order(StringComparer.Ordinal));
        Assert.Single(await RunsAsync());
    }

    [Fact]
    public async Task Events_within_one_millisecond_are_a_run_each_in_the_order_in_which_they_came()
    {
        await AddRepositoriesAsync([186853002]);
        var commits = Enumerable.Range(0, 20).Select(i => Convert.ToHexStringLower(SHA256.HashData([(byte)i]))[..40]).ToList();
        clock.Stand();
        foreach (var commit in commits)
        {
            Assert.Equal(HttpStatusCode.Accepted, await sender.SendAsync("push", Push(commit)));
        }

        clock.Go();
        Assert.Single((await HandledAsync(commits.Count)).Select(r => r.At).Distinct());
        Assert.Equal(commits, (await RunsAsync()).OrderBy(r => r.Number).Select(r => r.Commit));
    }

    [Fact]
    public async Task A_signature_that_is_wrong_cut_missing_or_doubled_is_refused_and_nothing_is_stored()
    {
        var body = Encoding.UTF8.GetBytes(Push(new string('c', 40)).ToJsonString());
        var right = sender.Sign(body);
        var wrong = new WebhookSender(server.Http, WebhookSecret.Generate()).Sign(body);
        var sha1 = "sha1=" + right[^40..];
        foreach (var header in new[] { wrong, right[..^1], right[..20], "sha256=", "", sha1, right.ToUpperInvariant(), $"{right},{right}", "{" + right + "}" })
        {
            using var request = WebhookSender.Make("push", body, "one", header);
            using var answer = await server.Http.SendAsync(request, Cancel);
            Assert.True(answer.StatusCode == HttpStatusCode.Unauthorized, $"'{header}' was answered {answer.StatusCode}");
        }

        using (var bare = WebhookSender.Make("push", body, "one"))
        {
            using var answer = await server.Http.SendAsync(bare, Cancel);
            Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
            Assert.Contains("X-Hub-Signature-256 is missing", await answer.Content.ReadAsStringAsync(Cancel));
        }

        // Two lines with the right value each; a client would fold them into one.
        var doubled = await SayAsync($"X-Hub-Signature-256: {right}\r\nX-Hub-Signature-256: {right}\r\nContent-Length: {body.Length}\r\n", body);
        Assert.StartsWith("HTTP/1.1 401", doubled);
        Assert.Contains("came 2 times", doubled);
        Assert.Equal(0, await StoredAsync());

        // The same request with one of them is taken: it was the signature that was refused, nothing else.
        Assert.StartsWith("HTTP/1.1 202", await SayAsync($"X-Hub-Signature-256: {right}\r\nContent-Length: {body.Length}\r\n", body));
        Assert.Equal(1, await StoredAsync());
    }

    [Theory]
    [InlineData("Content-Length: 1073741824\r\n", 10)]
    [InlineData("Transfer-Encoding: chunked\r\n", MaxBody + 1)]
    public async Task A_body_that_is_too_long_is_refused_before_it_is_all_there_and_so_before_anything_is_computed_over_it(string length, int sent)
    {
        var body = new byte[sent];
        body.AsSpan().Fill((byte)' ');
        var chunk = length.StartsWith("Transfer", StringComparison.Ordinal) ? [.. Encoding.ASCII.GetBytes($"{sent:x}\r\n"), .. body] : body;
        var answer = await SayAsync($"X-Hub-Signature-256: {sender.Sign(body)}\r\n{length}", chunk);
        Assert.StartsWith("HTTP/1.1 413", answer);
        Assert.Contains("Webhooks:MaxBody", answer);
        Assert.Equal(0, await StoredAsync());
    }

    private static JsonObject Push(string commit)
    {
        var payload = Samples.First("push", where: p => (string?)p["ref"] == "refs/heads/master" || ((string)p["ref"]!).StartsWith("refs/heads/", StringComparison.Ordinal));
        payload["repository"]!["id"] = 186853002;
        payload["after"] = commit;
        payload["deleted"] = false;
        payload["head_commit"] = new JsonObject { ["id"] = commit, ["message"] = "Change" };
        return payload;
    }

    /// <summary>Sends a request as bytes and does not end it; the answer.</summary>
    private async Task<string> SayAsync(string headers, byte[] body)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(server.Http.BaseAddress!.Host, server.Http.BaseAddress.Port, Cancel);
        await using var stream = socket.GetStream();
        await stream.WriteAsync(
            Encoding.ASCII.GetBytes($"POST {WebhookSender.Path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nX-GitHub-Event: push\r\nX-GitHub-Delivery: raw\r\n{headers}\r\n"), Cancel);
        try
        {
            await stream.WriteAsync(body, Cancel);
        }
        catch (IOException)
        {
            // It had enough and said so already.
        }

        var answer = new StringBuilder();
        var buffer = new byte[4096];
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        patience.CancelAfter(TimeSpan.FromMinutes(1));
        try
        {
            while (await stream.ReadAsync(buffer, patience.Token) is > 0 and var count)
            {
                answer.Append(Encoding.UTF8.GetString(buffer, 0, count));
            }
        }
        catch (IOException) when (answer.Length > 0)
        {
            // It hung up on what was not sent yet; the answer is here.
        }

        return answer.ToString();
    }

    private async Task AddRepositoriesAsync(IEnumerable<long> numbers)
    {
        var (store, settings) = (server.Get<Database>(), JsonSerializer.Serialize(new Repositories.RepositorySettings(), StoredJson.Default.RepositorySettings));
        foreach (var number in numbers.Distinct())
        {
            await store.WriteAsync(
                turn =>
                {
                    var name = $"o{number}/shop";
                    var row = new RepositoryRow { Id = Guid.CreateVersion7(), Name = name, Key = name, CloneUrl = $"https://github.com/{name}", DefaultBranch = "main", Settings = settings, CreatedAt = turn.Now };
                    turn.Db.Add(row);
                    turn.Db.Add(new ForgeRepositoryRow { Repository = row.Id, ForgeId = number, Owner = 1, FullName = name, Private = false, Installation = 100 });
                    return Task.FromResult(0);
                },
                Cancel);
        }
    }

    private async Task<List<InboxRow>> HandledAsync(int count)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var rows = await server.Get<Database>().ReadAsync(db => db.Inbox.ToListAsync(Cancel), Cancel);
            if (rows.Count >= count && rows.TrueForAll(r => r.State != InboxState.Due))
            {
                return rows;
            }

            var due = rows.Where(r => r.State == InboxState.Due).Select(r => $"{r.Event}: {r.Verdict}").Take(5);
            Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(90), $"{rows.Count} of {count} deliveries, left: {string.Join("; ", due)}");
            await Task.Delay(50, Cancel);
        }
    }

    private Task<List<RunRow>> RunsAsync() => server.Get<Database>().ReadAsync(db => db.Runs.ToListAsync(Cancel), Cancel);

    private Task<int> StoredAsync() => server.Get<Database>().ReadAsync(db => db.Inbox.CountAsync(Cancel), Cancel);

    /// <summary>The real clock, which can be made to stand: what happens meanwhile happens within one millisecond.</summary>
    private sealed class StandingClock : TimeProvider
    {
        private DateTimeOffset? standing;

        public override DateTimeOffset GetUtcNow() => standing ?? base.GetUtcNow();

        public void Stand() => standing = base.GetUtcNow();

        public void Go() => standing = null;
    }
}
