using System.Net;
using System.Text.Json.Nodes;
using BuildRunner.Testing;
using BuildRunner.Testing.GitHub;

namespace BuildRunner.EndToEnd.Tests.Serving;

/// <summary>A server and an agent, processes of their own, that work for the emulator's repository <c>kim/shop</c>.</summary>
internal sealed class GitHubService : IAsyncDisposable
{
    private const string Secret = "the secret that the emulator's webhooks are signed with";
    private readonly GitHubEmulator github;
    private bool ended;

    private GitHubService(GitHubEmulator github, Service service, EmulatedEvents events)
    {
        this.github = github;
        Service = service;
        Events = events;
    }

    public Service Service { get; }

    public EmulatedEvents Events { get; }

    public WebhookSender Sender => new(Service.Http, Secret);

    /// <summary>Starts both. Repositories' addresses lead to nobody, so that cloning fails at once.</summary>
    public static async Task<GitHubService> StartAsync(GitHubEmulator github, TestFolder folder, params (string Key, string Value)[] settings)
    {
        github.Needed();
        var service = await Service.ApartAsync(
            folder,
            [
                ("GitHub:AppId", $"{GitHubEmulator.App}"),
                ("GitHub:PrivateKey", github.PrivateKey),
                ("GitHub:WebhookSecret", Secret),
                ("GitHub:ApiUrl", github.Address.AbsoluteUri),
                ("GitHub:WebUrl", "https://127.0.0.1:1"),
                ("GitHub:LookEvery", "0s"),
                .. settings,
            ]);
        await service.AddAsync("kim/shop", "https://127.0.0.1:1/kim/shop");
        return new GitHubService(github, service, await EmulatedEvents.OfAsync(github));
    }

    /// <summary>Sends an event and waits until it was carried out; what was done.</summary>
    public async Task<string> TellAsync(string name, JsonNode payload)
    {
        var id = Guid.NewGuid().ToString();
        Assert.Equal(HttpStatusCode.Accepted, await Sender.SendAsync(name, payload, id));
        var found = await UntilAsync(
            async () => (await Service.SendAsync(HttpMethod.Get, "/api/v1/deliveries?source=github"))!["items"]!.AsArray().FirstOrDefault(d => (string?)d!["delivery"] == id),
            d => d is not null && (string?)d["state"] != "due",
            $"delivery {name}");
        return (string)found!["verdict"]!;
    }

    /// <summary>The latest run of a commit, whole, once it is so.</summary>
    public async Task<JsonNode> RunAsync(string commit, Func<JsonNode, bool> enough) => (await UntilAsync(
        async () =>
        {
            var runs = (await Service.SendAsync(HttpMethod.Get, "/api/v1/runs?repo=kim/shop"))!["items"]!.AsArray();
            return runs.FirstOrDefault(r => (string?)r!["commit"] == commit) is { } run ? await Service.SendAsync(HttpMethod.Get, $"/api/v1/repos/kim/shop/runs/{run["number"]}") : null;
        },
        run => run is not null && enough(run),
        $"the run of {commit}"))!;

    /// <summary>The latest run of a commit once it is in a state.</summary>
    public Task<JsonNode> RunAsync(string commit, string state) => RunAsync(commit, run => (string?)run["run"]!["state"] == state);

    /// <summary>The checks of a commit, those of earlier runs too, once they are so.</summary>
    public async Task<JsonArray> ChecksAsync(string commit, Func<JsonArray, bool> enough) =>
        (await UntilAsync(async () => (await github.AsKimAsync(HttpMethod.Get, $"repos/kim/shop/commits/{commit}/check-runs?filter=all&per_page=100"))["check_runs"]!.AsArray(), checks => enough(checks!), $"the checks of {commit}"))!;

    public async ValueTask DisposeAsync()
    {
        if (!ended)
        {
            ended = true;
            await Service.DisposeAsync();
        }
    }

    private async Task<T?> UntilAsync<T>(Func<Task<T?>> look, Func<T?, bool> enough, string what)
        where T : JsonNode
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        while (true)
        {
            var seen = await look();
            if (enough(seen))
            {
                return seen;
            }

            Assert.False(patience.IsCancellationRequested, $"{what} did not become so within two minutes; now: {seen}\n{Service.Said}");
            await Task.Delay(100, TestContext.Current.CancellationToken);
        }
    }
}
