using System.Net;
using BuildRunner.Core.ApiContract;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Tests.Api;
using BuildRunner.Server.Tests.Sources;
using BuildRunner.Testing;

namespace BuildRunner.Server.Tests.Hosting;

/// <summary>The server's disk is full: callers are told so, nothing is corrupted, and when there is space again everything goes on without a restart.</summary>
public sealed class Full_disk(SharedServers servers)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Calls_are_refused_for_a_while_and_then_work_with_nothing_lost(bool postgres)
    {
        Requires.Root();
        using var folder = TestFolder.Create();
        using var disk = SmallDisk.Mount(folder["data"], "24m");
        var environment = await EnvironmentAsync(folder, postgres);
        await using var server = await RunningServer.StartAsync(folder.Path, environment);
        var token = (await RunningServer.RunAsync(folder.Path, environment, "server", "token", "--data-dir", folder["data"])).Output.Trim();
        var api = new ApiClient(server.With(token));
        var git = new GitRepository(folder["repos/shop"]);
        git.Commit("one", (".buildrunner.yml", "skip_clone: true\nsteps:\n  - name: build\n    image: busybox\n    commands: [ 'true' ]\n"));
        await api.SendAsync("POST", ApiRoutes.Repositories, new AddRepository { Name = "acme/shop", CloneUrl = git.Path }, ApiJson.Default.AddRepository, ApiJson.Default.Repository, HttpStatusCode.Created);
        var accepted = new List<int> { await StartAsync(api) };
        using var agent = await HttpAgent.RegisterAsync(server, api);
        var step = await agent.BeginStepAsync();

        // The commit has to be fetched, so that there is something to store beside the server whatever its database is.
        git.Commit("two", ("more", "words"));
        disk.Fill();
        ApiProblem? problem = null;
        for (var tries = 0; tries < 200 && problem is null; tries++)
        {
            using var answer = await api.SendAsync("POST", ApiRoutes.For(ApiRoutes.RunsOfRepository, "acme/shop"), "{}");
            var text = await answer.Content.ReadAsStringAsync(Cancel);
            if (answer.IsSuccessStatusCode)
            {
                accepted.Add(System.Text.Json.JsonSerializer.Deserialize(text, ApiJson.Default.RunSummary)!.Number);
            }
            else
            {
                problem = System.Text.Json.JsonSerializer.Deserialize(text, ApiJson.Default.ApiProblem);
            }
        }

        Assert.Equal((503, ApiProblems.Unavailable), (problem?.Status, problem?.Code));
        Assert.Contains("disk is full", problem!.Detail);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await agent.WriteLogAsync(step, new string('x', 60_000)));

        disk.Free();
        Assert.Equal(HttpStatusCode.OK, await agent.WriteLogAsync(step, new string('x', 60_000)));
        Assert.Equal(new string('x', 60_000) + "\n", await api.Http.GetStringAsync(ApiRoutes.For(ApiRoutes.Log, "acme/shop", 1) + "?step=build", Cancel));
        Assert.Equal(HttpStatusCode.NoContent, await agent.ReportAsync(step, TestAgent.Ended(new Outcome.Success())));
        accepted.Add(await StartAsync(api));
        var stored = (await api.GetAsync(ApiRoutes.Runs + "?limit=200", ApiJson.Default.RunPage)).Items.Select(r => r.Number).ToList();
        Assert.Equal(accepted.Order(), stored.Order());
        var (code, output, _) = await RunningServer.RunAsync(folder.Path, environment, "db", "check", "--data-dir", folder["data"]);
        Assert.True(code == 0, output);
    }

    private async Task<Dictionary<string, string>> EnvironmentAsync(TestFolder folder, bool postgres)
    {
        var environment = new Dictionary<string, string> { ["BUILDRUNNER_SOURCES__LOCALFOLDERS"] = folder["repos"] };
        if (postgres)
        {
            environment["BUILDRUNNER_DATABASE__PROVIDER"] = "postgresql";
            environment["BUILDRUNNER_DATABASE__CONNECTIONSTRING"] = await servers.DatabaseAsync();
            environment["BUILDRUNNER_BUS__TRANSPORT"] = "rabbitmq";
            environment["BUILDRUNNER_BUS__RABBITMQ__URI"] = (await servers.BrokerAsync()).ToString();
            environment["BUILDRUNNER_BUS__RABBITMQ__QUEUEPREFIX"] = $"full{Guid.NewGuid():N}"[..12];
        }

        return environment;
    }

    private static async Task<int> StartAsync(ApiClient api) => (await api.SendAsync(
        "POST", ApiRoutes.For(ApiRoutes.RunsOfRepository, "acme/shop"), new StartRun(), ApiJson.Default.StartRun, ApiJson.Default.RunSummary, HttpStatusCode.Created)).Number;
}
