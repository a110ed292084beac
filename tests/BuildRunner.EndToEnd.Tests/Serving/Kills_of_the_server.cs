using System.Net;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using BuildRunner.Testing;
using BuildRunner.Testing.Git;
using BuildRunner.Testing.GitHub;

namespace BuildRunner.EndToEnd.Tests.Serving;

/// <summary><c>kill -9</c> of the server at the moments that hurt: what it answered for is done all the same, and once.</summary>
public sealed class Kills_of_the_server(GitHubEmulator github) : IClassFixture<GitHubEmulator>, IDisposable
{
    private const int Pushes = 20;

    // Occurrences of a schedule that are told of.
    private const int Listed = 10;
    private readonly TestFolder folder = TestFolder.Create();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Deliveries_that_were_accepted_become_a_run_each_and_a_check_that_was_made_but_not_noted_is_not_made_again()
    {
        github.Needed();
        await using var proxy = new HoldingProxy(github.Address);
        await using var service = await GitHubService.StartAsync(github, folder, ("GitHub:ApiUrl", proxy.Address.AbsoluteUri));
        var commit = await github.CommitAsync(".buildrunner.yml", "stepz: []\n");

        // All are stored. The server dies while it asks GitHub for the first one's files.
        var reading = proxy.KeepBack(request => request.RawUrl!.Contains("/git/trees/", StringComparison.Ordinal));
        for (var i = 0; i < Pushes; i++)
        {
            var push = service.Events.Push(commit, before: Convert.ToHexStringLower(SHA256.HashData([(byte)i]))[..40]);
            Assert.Equal(HttpStatusCode.Accepted, await service.Sender.SendAsync("push", push));
        }

        await reading.WaitAsync(TimeSpan.FromMinutes(2), Cancel);
        Assert.Empty(await RunsAsync(service.Service, "kim/shop"));

        // GitHub has made a check, and the server that asked for it dies before it hears so.
        var making = proxy.KeepBack(request => request.HttpMethod == "POST" && request.RawUrl!.EndsWith("/check-runs", StringComparison.Ordinal));
        await service.Service.KillAndServeAgainAsync();
        await making.WaitAsync(TimeSpan.FromMinutes(2), Cancel);
        proxy.HandOn();
        await service.Service.KillAndServeAgainAsync();
        Assert.NotEmpty(await github.ChecksAsync(commit));

        var checks = await service.ChecksAsync(commit, all => all.Count >= Pushes && all.All(c => (string?)c!["status"] == "completed"));
        Assert.Equal(Pushes, checks.Select(c => (string)c!["external_id"]!).Distinct().Count());
        Assert.Equal(Pushes, checks.Count);
        Assert.All(checks, c => Assert.Equal("failure", (string?)c!["conclusion"]));
        Assert.Equal(Pushes, (await RunsAsync(service.Service, "kim/shop")).Count);
        var deliveries = (await service.Service.SendAsync(HttpMethod.Get, "/api/v1/deliveries?source=github"))!["items"]!.AsArray();
        Assert.Equal(Pushes, deliveries.Count);
        Assert.All(deliveries, d => Assert.Equal("done", (string?)d!["state"]));
    }

    [Fact]
    public async Task An_occurrence_that_was_noted_and_has_no_run_yet_gets_its_one_run_from_the_next_server()
    {
        await using var service = await Service.ApartAsync(folder, ("Schedules:MinInterval", "1s"));
        var repository = TestRepository.Create(folder["repos"], "shop");
        repository.Commit(".buildrunner.yml", "when: { event: cron }\nsteps:\n  - { name: a, image: busybox, commands: [ id ] }\n");
        await service.AddAsync("acme/shop", repository.Bare);
        await service.SendAsync(HttpMethod.Post, "/api/v1/queue/pause", new JsonObject { ["why"] = "only the runs count" });

        // A file that nobody writes to: git waits for it, and the server for git, between occurrence and run.
        var stuck = Path.Combine(repository.Bare, "packed-refs");
        using (var make = System.Diagnostics.Process.Start("mkfifo", [stuck]))
        {
            await make.WaitForExitAsync(Cancel);
            Assert.Equal(0, make.ExitCode);
        }

        const string path = "/api/v1/repos/acme/shop/schedules/often";
        await service.SendAsync(HttpMethod.Put, path, new JsonObject { ["cron"] = "*/5 * * * * *", ["misfire"] = "all" });
        var noted = await UntilAsync(service, last => last.Any(f => f!["run"] is null && f["why"] is null));
        await service.KillAndServeAgainAsync(() => Free(stuck));

        await UntilAsync(service, last => last.Count(f => f!["run"] is not null) >= 3);
        await service.SendAsync(HttpMethod.Post, path + "/pause", new JsonObject());
        var fires = await UntilAsync(service, last => last.All(f => f!["run"] is not null || f["why"] is not null));
        var made = fires.Select(f => (int?)f!["run"]).OfType<int>().ToList();
        Assert.Equal(made.Count, made.Distinct().Count());
        var runs = await RunsAsync(service, "acme/shop");
        Assert.Equal(made.Order(), runs.Select(r => (int)r!["number"]!).Where(n => n >= made.Min()).Order());

        // What had been noted when the server died is the first run there is, unless so many came since that it is not listed any more.
        var first = noted.Min(f => (string)f!["due"]!);
        Assert.True(fires.Count == Listed || (int?)fires.Single(f => (string?)f!["due"] == first)!["run"] == runs.Min(r => (int)r!["number"]!), fires.ToJsonString());
    }

    /// <summary>Lets go whoever waits for a pipe, and removes it.</summary>
    private static void Free(string pipe)
    {
        using (new FileStream(pipe, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
        {
            File.Delete(pipe);
        }
    }

    private static async Task<JsonArray> RunsAsync(Service service, string repository) =>
        (await service.SendAsync(HttpMethod.Get, $"/api/v1/runs?repo={repository}&limit=100"))!["items"]!.AsArray();

    private static async Task<JsonArray> FiresAsync(Service service) =>
        (await service.SendAsync(HttpMethod.Get, "/api/v1/repos/acme/shop/schedules"))!["items"]![0]!["last"]!.AsArray();

    private static async Task<JsonArray> UntilAsync(Service service, Func<JsonArray, bool> enough)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        while (true)
        {
            var seen = await FiresAsync(service);
            if (enough(seen))
            {
                return seen;
            }

            Assert.False(patience.IsCancellationRequested, $"not within two minutes; now: {seen}\n{service.Said}");
            await Task.Delay(100, Cancel);
        }
    }
}
