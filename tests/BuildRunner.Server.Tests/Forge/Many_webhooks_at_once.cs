using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using BuildRunner.Core.ApiContract;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Access;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using BuildRunner.Server.Tests.Api;
using BuildRunner.Server.Webhooks;
using BuildRunner.Testing.GitHub;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Tests.Forge;

/// <summary>
/// A flood of pushes, and a GitHub that limits rates, answers 502 to what it did all the same, and hangs up. By default few, so that it is quick; with <c>BUILDRUNNER_WEBHOOKS=1000</c>
/// as many in ten seconds, and then the times of the answers count too.
/// </summary>
public sealed class Many_webhooks_at_once(GitHubEmulator github) : IClassFixture<GitHubEmulator>
{
    private const string Pipeline = "skip_clone: true\nwhen: { event: push }\nsteps:\n  - { name: test, image: busybox, commands: [ \"true\" ] }\n";
    private readonly int count = int.Parse(Environment.GetEnvironmentVariable("BUILDRUNNER_WEBHOOKS") ?? "48", CultureInfo.InvariantCulture);
    private readonly string secret = WebhookSecret.Generate();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task All_are_answered_all_runs_are_there_and_each_has_one_check_in_its_right_final_state()
    {
        await using var front = await GitHubFront.StartAsync(github.Address);
        (front.Troubles, front.RetryAfter) = (Trouble(), "1");
        var options = github.Options(front.Address) with { WebUrl = new Uri("https://github.com"), LookEvery = TimeSpan.Zero };
        await using var server = await HttpServer.StartAsync(o => o with { GitHub = options, Webhooks = new WebhookOptions { GitHubSecrets = [secret] } });
        var api = new ApiClient(server.With(await server.ApiTokenAsync(Scopes.Admin)));
        var add = new AddRepository { Name = "kim/shop", CloneUrl = "https://github.com/kim/shop" };
        await api.SendAsync("POST", ApiRoutes.Repositories, add, ApiJson.Default.AddRepository, ApiJson.Default.Repository, HttpStatusCode.Created);

        // Three kinds of runs: one whose file has errors, one that its author skips, and one that an agent does. A commit is pushed several times, but not a thousand times.
        var (broken, good) = (new List<string>(), new List<string>());
        for (var i = 0; i < Math.Max(1, count / 24); i++)
        {
            broken.Add(await github.CommitAsync(".buildrunner.yml", $"# {i}\nstepz: []\n"));
            good.Add(await github.CommitAsync(".buildrunner.yml", $"# {i}\n{Pipeline}"));
        }

        var events = await EmulatedEvents.OfAsync(github);
        var pushes = Enumerable.Range(0, count).Select(i => (i % 3) switch
        {
            0 => events.Push(broken[i % broken.Count], before: Unique(i)),
            1 => events.Push(good[i % good.Count], message: "Later [skip ci]", before: Unique(i)),
            _ => events.Push(good[i % good.Count], before: Unique(i)),
        }).Select(p => Encoding.UTF8.GetBytes(p.ToJsonString())).ToList();

        var times = await SendAsync(server, pushes);
        TestContext.Current.TestOutputHelper?.WriteLine($"{count} deliveries: median {times[count / 2].TotalMilliseconds:0} ms, p99 {times[(int)(count * 0.99)].TotalMilliseconds:0} ms, worst {times[^1].TotalMilliseconds:0} ms");
        Assert.True(count < 1000 || times[(int)(count * 0.99)] < TimeSpan.FromSeconds(1), "the answers are late");

        var database = server.Get<Database>();
        await UntilAsync(() => database.ReadAsync(db => db.Runs.CountAsync(Cancel), Cancel), runs => runs == count, "runs");
        for (var done = 0; done < count / 3; done++)
        {
            await PretendingAgent.DoAllAsync(server, done % 2 == 0 ? new Outcome.Success() : new Outcome.Failure(new FailureReason.ExitCode(1)), "said\n");
        }

        var began = TimeProvider.System.GetTimestamp();
        await UntilAsync(() => database.ReadAsync(db => db.ChecksDue.CountAsync(Cancel), Cancel), left => left == 0, "checks left to say");
        TestContext.Current.TestOutputHelper?.WriteLine($"the last check was told {TimeProvider.System.GetElapsedTime(began).TotalSeconds:0} s after the last run had ended, by {front.Requests.Count} requests, {front.Requests.Count(r => r.Trouble != Forge.Trouble.None)} of which GitHub made trouble with");
        var all = new List<JsonNode>();
        foreach (var commit in broken.Concat(good))
        {
            all.AddRange(await AllChecksAsync(commit));
        }

        var shown = all.ToLookup(c => (string)c["external_id"]!);
        Assert.All(shown, same => Assert.Single(same));
        var runs = await database.ReadAsync(db => db.Runs.ToListAsync(Cancel), Cancel);
        Assert.Empty(runs.Select(r => (Run: r, Check: shown[$"{r.Id:N}/"].SingleOrDefault())).Where(p => Expected(p.Run) != $"{p.Check?["status"]} {p.Check?["conclusion"]}").Select(p => $"run {p.Run.Number} {p.Run.Outcome}: {p.Check?["status"]} {p.Check?["conclusion"]}"));
        Assert.True(front.Requests.Count(r => r.Trouble != Forge.Trouble.None) > count / 4, "GitHub made no trouble");
    }

    private static string Expected(RunRow run) => run.Outcome switch
    {
        "success" => "completed success",
        "skipped" => "completed skipped",
        _ => "completed failure",
    };

    private static string Unique(int i) => Convert.ToHexStringLower(SHA256.HashData(BitConverter.GetBytes(i)))[..40];

    // Of every twenty requests one is refused for each limit, one is answered 502 after it was done, one before, and one not at all.
    private static Func<Microsoft.AspNetCore.Http.HttpRequest, Trouble> Trouble()
    {
        var seen = 0;
        return _ => (Interlocked.Increment(ref seen) % 20) switch
        {
            3 => Forge.Trouble.SecondaryLimit,
            7 or 12 => Forge.Trouble.BreaksAfter,
            14 => Forge.Trouble.BreaksBefore,
            18 => Forge.Trouble.HangsUpAfter,
            _ => Forge.Trouble.None,
        };
    }

    /// <summary>Sends all, at a hundred a second or as fast as it goes; how long each answer took, sorted.</summary>
    private async Task<List<TimeSpan>> SendAsync(HttpServer server, IReadOnlyList<byte[]> pushes)
    {
        var sender = new WebhookSender(server.Http, secret);
        var began = Stopwatch.GetTimestamp();
        var answers = await Task.WhenAll(pushes.Select(async (body, i) =>
        {
            var due = TimeSpan.FromMilliseconds(i * 10) - Stopwatch.GetElapsedTime(began);
            await Task.Delay(due > TimeSpan.Zero ? due : TimeSpan.Zero, Cancel);
            var sent = Stopwatch.GetTimestamp();
            Assert.Equal(HttpStatusCode.Accepted, await sender.SendAsync("push", body));
            return Stopwatch.GetElapsedTime(sent);
        }));
        return [.. answers.Order()];
    }

    private async Task<List<JsonNode>> AllChecksAsync(string commit)
    {
        var all = new List<JsonNode>();
        for (var page = 1; ; page++)
        {
            var some = (await github.AsKimAsync(HttpMethod.Get, $"repos/kim/shop/commits/{commit}/check-runs?filter=all&per_page=100&page={page}"))["check_runs"]!.AsArray();
            all.AddRange(some.Select(c => c!));
            if (some.Count < 100)
            {
                return all;
            }
        }
    }

    private async Task UntilAsync(Func<Task<int>> look, Func<int, bool> enough, string what)
    {
        // With a quarter of all requests in trouble, a check may be refused many times in a row, and each time is waited twice as long.
        var patience = TimeSpan.FromMinutes(count < 1000 ? 5 : 15);
        var began = TimeProvider.System.GetTimestamp();
        while (await look() is var seen && !enough(seen))
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < patience, $"{seen} {what} after {patience.TotalMinutes} minutes");
            await Task.Delay(100, Cancel);
        }
    }
}
