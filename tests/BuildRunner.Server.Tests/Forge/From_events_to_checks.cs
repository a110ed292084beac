using System.Net;
using System.Text.Json;
using BuildRunner.Core.ApiContract;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Access;
using BuildRunner.Server.Forge.Checks;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using BuildRunner.Server.Tests.Api;
using BuildRunner.Server.Webhooks;
using BuildRunner.Testing.GitHub;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Tests.Forge;

/// <summary>Everything between a push at GitHub and its green or red check, against an emulator; a push is GitHub's own sample with the emulator's numbers in it, because the emulator tells of none.</summary>
public sealed class From_events_to_checks(GitHubEmulator github) : IClassFixture<GitHubEmulator>, IAsyncLifetime
{
    private const string Pipeline = """
        skip_clone: true
        when:
          - event: [push, pull_request]
        steps:
          - name: test
            image: busybox
            commands: [ "true" ]
        """;

    private readonly string secret = WebhookSecret.Generate();
    private HttpServer server = null!;
    private ApiClient api = null!;

    private static ApiJson Json => ApiJson.Default;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        var options = github.Options() with { WebUrl = new Uri("https://github.com"), LookEvery = TimeSpan.FromSeconds(1), Patience = TimeSpan.FromSeconds(2) };
        server = await HttpServer.StartAsync(o => o with { GitHub = options, Webhooks = new WebhookOptions { GitHubSecrets = [secret] } });
        api = new ApiClient(server.With(await server.ApiTokenAsync(Scopes.Admin)));
        var add = new AddRepository { Name = "kim/shop", CloneUrl = "https://github.com/kim/shop.git" };
        await api.SendAsync("POST", ApiRoutes.Repositories, add, Json.AddRepository, Json.Repository, HttpStatusCode.Created);
    }

    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
    }

    [Fact]
    public async Task A_push_becomes_a_run_and_its_end_the_checks_conclusion()
    {
        var commit = await PushAsync(Pipeline);
        var run = await RunOfAsync(commit);
        Assert.Equal(("push", "main"), (run.Event, run.Branch));
        await ChecksAsync(commit, checks => checks.Count == 2 && checks.Values.All(c => c.Status != "completed"));

        await PretendingAgent.DoAllAsync(server, new Outcome.Failure(new FailureReason.ExitCode(3)), "::error file=src/a.cs,line=7::it broke\nlast words\n");
        var ended = await ChecksAsync(commit, checks => checks.Count == 2 && checks.Values.All(c => c.Status == "completed"));
        Assert.Equal(["failure", "failure"], ended.Values.Select(c => c.Conclusion));
        Assert.Contains(ended.Keys, name => name == "buildrunner/push");
        var (_, workflow) = Assert.Single(ended, c => c.Key == "buildrunner/push/buildrunner");
        Assert.Contains("last words", workflow.Summary);

        // However often its checks were told, no byte of its log was read twice.
        var written = await server.Get<Database>().ReadAsync(db => db.LogStreams.SumAsync(l => l.Bytes, Cancel), Cancel);
        Assert.InRange(server.Get<LogScans>().BytesRead, 1, written);
    }

    [Fact]
    public async Task A_title_that_would_turn_the_line_round_or_move_the_cursor_is_shown_without_that()
    {
        var commit = await github.CommitAsync(".buildrunner.yml", $"# {Guid.NewGuid()}\n{Pipeline}");
        var sender = new WebhookSender(server.Http, secret);
        Assert.Equal(HttpStatusCode.Accepted, await sender.SendAsync("push", (await EmulatedEvents.OfAsync(github)).Push(commit, message: "Fix \u202Egnp.exe\u2066 \e[2J\u200Fit 👩‍🔧\n\nmore")));
        Assert.Equal("Fix gnp.exe [2Jit 👩‍🔧", (await RunOfAsync(commit)).Title);
    }

    [Theory]
    [InlineData("aside-by-name", "main", false)]
    [InlineData("aside-by-commit", null, false)]
    [InlineData("main", "main", true)]
    [InlineData("main", null, true)]
    public async Task A_deployment_is_of_a_branch_only_if_its_commit_is_on_it(string branch, string? name, bool proven)
    {
        if (branch != "main")
        {
            await github.BranchAsync(branch);
        }

        var commit = await github.CommitAsync(".buildrunner.yml", $"# {Guid.NewGuid()}\n{Pipeline.Replace("pull_request", "deployment", StringComparison.Ordinal)}", branch);
        var payload = (await EmulatedEvents.OfAsync(github)).Deployment(Environment.TickCount64, commit, name ?? commit[..12]);
        Assert.Equal(HttpStatusCode.Accepted, await new WebhookSender(server.Http, secret).SendAsync("deployment", payload));
        var run = await UntilAsync(
            () => server.Get<Database>().ReadAsync(db => db.Runs.FirstOrDefaultAsync(r => r.Commit == commit && r.Event == "deployment", Cancel), Cancel), found => found is not null);
        Assert.Equal(("main", !proven), (run!.Branch, JsonSerializer.Deserialize(run.Trust, StoredJson.Default.TrustDecision)!.BranchUnproven));
    }

    [Fact]
    public async Task A_file_with_errors_is_told_at_the_commit()
    {
        var commit = await PushAsync("stepz: []\n");
        var run = await RunOfAsync(commit);
        Assert.Equal("invalid", run.State);
        var ended = await ChecksAsync(commit, checks => checks.Count == 1 && checks.Values.All(c => c.Status == "completed"));
        Assert.NotEqual("success", ended.Values.Single().Conclusion);
        Assert.True(ended.Values.Single().Annotations >= 1);
    }

    [Fact]
    public async Task Of_a_run_that_has_ended_and_whose_checks_show_it_nothing_stays_to_be_done()
    {
        var commit = await PushAsync("stepz: []\n");
        await ChecksAsync(commit, checks => checks.Count == 1 && checks.Values.All(c => c.Status == "completed"));
        var database = server.Get<Database>();
        await UntilAsync(() => database.ReadAsync(db => db.ChecksDue.CountAsync(Cancel), Cancel), due => due == 0);

        // As a round left it that had begun before the run ended: everything was told, and still the row was kept.
        await database.WriteAsync(
            async turn =>
            {
                var run = await turn.Db.Runs.SingleAsync(r => r.Commit == commit, Cancel);
                turn.Db.Add(new CheckDueRow { Run = run.Id, Version = run.Version, DueAt = DateTimeOffset.UnixEpoch });
            },
            Cancel);
        await UntilAsync(() => database.ReadAsync(db => db.ChecksDue.CountAsync(Cancel), Cancel), due => due == 0);
    }

    [Fact]
    public async Task The_same_event_by_two_ways_is_one_run()
    {
        var commit = await PushAsync(Pipeline, ways: 3);
        await RunOfAsync(commit);
        var deliveries = await UntilAsync(
            async () => (await api.GetAsync(TriggerRoutes.Deliveries + "?source=github", Json.DeliveryList)).Items.Where(d => d.Event == "push" && d.Run is not null).ToList(),
            found => found.Count >= 3 && found.TrueForAll(d => d.State == "done"));
        Assert.Single((await api.GetAsync(ApiRoutes.Runs + "?repo=kim/shop", Json.RunPage)).Items, r => r.Commit == commit);
        Assert.Contains(deliveries, d => d.Verdict == "its run was started before");
    }

    [Fact]
    public async Task A_push_that_no_webhook_tells_of_is_found_and_one_that_comes_late_is_no_second_run()
    {
        await UntilAsync(
            () => server.Get<Database>().ReadAsync(db => db.ForgeRepositories.AnyAsync(f => f.LookedAt != null, Cancel), Cancel), looked => looked);
        var commit = await github.CommitAsync(".buildrunner.yml", $"# {Guid.NewGuid()}\n{Pipeline}");
        var run = await RunOfAsync(commit);
        Assert.Equal(("push", "main"), (run.Event, run.Branch));

        await TellAsync(commit, ways: 1);
        await UntilAsync(
            async () => (await api.GetAsync(TriggerRoutes.Deliveries + "?source=github", Json.DeliveryList)).Items.Where(d => d.Run is not null && d.State == "done").ToList(), found => found.Count >= 2);
        Assert.Single((await api.GetAsync(ApiRoutes.Runs + "?repo=kim/shop", Json.RunPage)).Items, r => r.Commit == commit);
    }

    // Commits, and tells of it as GitHub does: by the repository's own webhook and by the app's, each with an id of its own.
    private async Task<string> PushAsync(string pipeline, int ways = 1)
    {
        var commit = await github.CommitAsync(".buildrunner.yml", $"# {Guid.NewGuid()}\n{pipeline}");
        await TellAsync(commit, ways);
        return commit;
    }

    private async Task TellAsync(string commit, int ways)
    {
        var payload = (await EmulatedEvents.OfAsync(github)).Push(commit);
        var sender = new WebhookSender(server.Http, secret);
        for (var way = 0; way < ways; way++)
        {
            Assert.Equal(HttpStatusCode.Accepted, await sender.SendAsync("push", payload));
        }
    }

    private Task<RunSummary> RunOfAsync(string commit) => UntilAsync(
        async () => (await api.GetAsync(ApiRoutes.Runs + "?repo=kim/shop", Json.RunPage)).Items.FirstOrDefault(r => r.Commit == commit)!, run => run is not null);

    private Task<Dictionary<string, Check>> ChecksAsync(string commit, Func<Dictionary<string, Check>, bool> enough) => UntilAsync(
        async () =>
        {
            var all = (await github.AsKimAsync(HttpMethod.Get, $"repos/kim/shop/commits/{commit}/check-runs"))["check_runs"]!.AsArray();
            return all.ToDictionary(
                c => (string)c!["name"]!,
                c => new Check((string)c!["status"]!, (string?)c["conclusion"], (string?)c["output"]?["summary"] ?? "", (int?)c["output"]?["annotations_count"] ?? 0));
        },
        enough);

    private async Task<T> UntilAsync<T>(Func<Task<T>> look, Func<T, bool> enough)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var seen = await look();
            if (enough(seen))
            {
                return seen;
            }

            if (TimeProvider.System.GetElapsedTime(began) > TimeSpan.FromSeconds(40))
            {
                Assert.Fail($"not within 40 s; seen: {seen}; deliveries: {await api.Http.GetStringAsync(TriggerRoutes.Deliveries, Cancel)}");
            }

            await Task.Delay(50, Cancel);
        }
    }

    private sealed record Check(string Status, string? Conclusion, string Summary, int Annotations);
}
