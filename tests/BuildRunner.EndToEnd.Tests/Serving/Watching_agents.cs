using System.Net;
using System.Net.Http.Headers;
using BuildRunner.Testing;
using BuildRunner.Testing.Git;
using BuildRunner.Testing.Services;

namespace BuildRunner.EndToEnd.Tests.Serving;

/// <summary>What an operator sees of agents: whether one works, what it is for, and where the time of its steps goes.</summary>
public sealed class Watching_agents : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);
    private readonly TestFolder folder = TestFolder.Create();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task One_tells_that_it_works_and_that_its_server_is_away_and_the_server_where_the_time_of_its_steps_went()
    {
        var health = new Uri($"http://127.0.0.1:{OwnedProcess.FreePort()}/healthz");
        await using var service = await Service.ApartAsync(
            folder, ("Agent:HealthListen", health.GetLeftPart(UriPartial.Authority)), ("Server:MetricsToken", "abc"), ("Agent:LeaseRenew", "4s"));
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        Assert.Matches(@"^ok\n0 of \d+ slots are in use\n$", await UntilAsync(http, health, HttpStatusCode.OK, "ok", service));

        // The numbers are made only once somebody has asked for them.
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "abc");
        var metrics = new Uri(service.Http.BaseAddress!, "/metrics");
        await UntilAsync(http, metrics, HttpStatusCode.OK, "buildrunner_build_info", service);
        Make(labels: "");
        await service.AddAsync("acme/shop", folder["repos/shop.git"]);
        await (await service.RunAsync("acme/shop")).EndedAsAsync("success", "build");
        foreach (var phase in new[] { "queue", "claim", "pull", "create", "run", "drain", "cleanup" })
        {
            await UntilAsync(http, metrics, HttpStatusCode.OK, $"phase=\"{phase}\"", service);
        }

        await UntilAsync(http, metrics, HttpStatusCode.OK, "buildrunner_log_lag_seconds_count", service);

        // The agent was idle, and had seen no workflow after which it could have made something ahead.
        Assert.Matches(@"(?m)^buildrunner_container_ahead_total\S*result=""miss""\S* 1\b", await UntilAsync(http, metrics, HttpStatusCode.OK, "buildrunner_container_ahead_total", service));
        _ = Release.Kill(service.Server.Id, 9);
        Assert.Contains("its server has not answered for 12 s", await UntilAsync(http, health, HttpStatusCode.ServiceUnavailable, "not working", service));
    }

    [Fact]
    public async Task The_one_in_the_servers_process_has_the_labels_of_its_setting_and_no_other_may_choose_its_own()
    {
        await using var service = await Service.UpAsync(folder, ("Agent:Labels", "gpu=yes,region=eu"));
        Make(labels: "labels: { gpu: 'yes' }\n");
        await service.AddAsync("acme/shop", folder["repos/shop.git"]);
        await (await service.RunAsync("acme/shop")).EndedAsAsync("success", "build");
        await using var other = Release.Start(
            folder.Path, new Dictionary<string, string?> { ["BUILDRUNNER_AGENT__LABELS"] = "gpu=yes" }, "agent", "--server", service.Http.BaseAddress!.ToString());
        var refused = await other.EndAsync(Patience);
        Assert.Equal(2, refused.Code);
        Assert.Contains("buildrunner agent token --label KEY=VALUE", refused.All, StringComparison.Ordinal);
    }

    private void Make(string labels)
    {
        var shop = TestRepository.Create(folder["repos"], "shop");
        shop.Commit(".buildrunner.yml", $"skip_clone: true\n{labels}steps:\n  - name: build\n    image: rootfs:/\n    commands: [ 'echo hello' ]\n");
    }

    private static async Task<string> UntilAsync(HttpClient http, Uri address, HttpStatusCode status, string text, Service service)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        patience.CancelAfter(Patience);
        var last = "";
        try
        {
            while (true)
            {
                try
                {
                    using var answer = await http.GetAsync(address, patience.Token);
                    last = $"{(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync(patience.Token)}";
                    if (answer.StatusCode == status && last.Contains(text, StringComparison.Ordinal))
                    {
                        return last[4..];
                    }
                }
                catch (HttpRequestException e)
                {
                    // It does not listen yet.
                    last = e.Message;
                }

                await Task.Delay(50, patience.Token);
            }
        }
        catch (OperationCanceledException) when (!Cancel.IsCancellationRequested)
        {
            Assert.Fail($"{address} never answered {(int)status} with '{text}', but:\n{last}\n{service.Said}");
            throw;
        }
    }
}
