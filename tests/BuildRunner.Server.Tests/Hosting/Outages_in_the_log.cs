using System.Net;
using System.Text.RegularExpressions;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.ApiContract;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Tests.Api;
using BuildRunner.Server.Tests.Sources;
using BuildRunner.Testing;
using BuildRunner.Testing.Services;

namespace BuildRunner.Server.Tests.Hosting;

/// <summary>Database and broker of their own, to be killed: what is away is said once, and not each time that somebody looks for it.</summary>
public sealed class Outages_in_the_log(SharedServers servers)
{
    // The shortest of the loops that need the database looks every half second: it looked twenty times in this.
    private static readonly TimeSpan Away = TimeSpan.FromSeconds(10);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_database_and_a_broker_that_are_away_are_a_few_lines_and_a_run_goes_through_before_the_broker_is_back()
    {
        using var folder = TestFolder.Create();
        await using var database = await PostgresServer.StartAsync();
        await using var broker = await RabbitServer.StartAsync();
        var environment = new Dictionary<string, string>
        {
            ["BUILDRUNNER_SOURCES__LOCALFOLDERS"] = folder["repos"],
            ["BUILDRUNNER_DATABASE__PROVIDER"] = "postgresql",
            ["BUILDRUNNER_DATABASE__CONNECTIONSTRING"] = await database.CreateDatabaseAsync(),
            ["BUILDRUNNER_BUS__TRANSPORT"] = "rabbitmq",
            ["BUILDRUNNER_BUS__RABBITMQ__URI"] = broker.Uri.ToString(),
        };
        await using var server = await RunningServer.StartAsync(folder.Path, environment);
        await server.SeesAsync("(nobody can sign in yet)");
        await WholeAsync(server);
        await broker.KillAsync();
        await database.KillAsync();
        await server.SeesAsync(@"(reporting checks)\W+ waits: \W*the database");
        await server.SeesAsync(@"(looking for expired leases and unnoticed work)\W+ waits: \W*the database");
        for (var asked = TimeSpan.Zero; asked < Away; asked += TimeSpan.FromMilliseconds(100))
        {
            using var answer = await server.Http.GetAsync("/readyz", Cancel);
            await Task.Delay(100, Cancel);
        }

        Assert.All(["reporting checks", "looking for expired leases", "carrying out deliveries"], what => Assert.InRange(Count(server, $"\"What\":\"{what}"), 1, 3));
        Assert.InRange(Count(server, "Connection Failed"), 0, 2);
        Assert.InRange(Count(server, "answered with 503"), 0, 4);
        await database.RestartAsync();
        await server.SeesAsync(@"(reporting checks)\W+ succeeds again");
        await server.SeesAsync(@"(looking for expired leases and unnoticed work)\W+ succeeds again");
        await GoesThroughAsync(server, folder, environment);
        Assert.Contains("RabbitMQ", await server.Http.GetStringAsync("/readyz", Cancel), StringComparison.Ordinal);
    }

    // Promise G9. The broker is still away; all that is missing is the bells.
    private static async Task<ApiClient> GoesThroughAsync(RunningServer server, TestFolder folder, Dictionary<string, string> environment)
    {
        var api = new ApiClient(server.With((await RunningServer.RunAsync(folder.Path, environment, "server", "token", "--data-dir", folder["data"])).Output.Trim()));
        var git = new GitRepository(folder["repos/shop"]);
        git.Commit("one", (".buildrunner.yml", "skip_clone: true\nsteps:\n  - name: build\n    image: busybox\n    commands: [ 'true' ]\n"));
        await api.SendAsync("POST", ApiRoutes.Repositories, new AddRepository { Name = "acme/shop", CloneUrl = git.Path }, ApiJson.Default.AddRepository, ApiJson.Default.Repository, HttpStatusCode.Created);
        await api.SendAsync("POST", ApiRoutes.For(ApiRoutes.RunsOfRepository, "acme/shop"), new StartRun(), ApiJson.Default.StartRun, ApiJson.Default.RunSummary, HttpStatusCode.Created);
        using var agent = await HttpAgent.RegisterAsync(server, api);
        var step = await agent.BeginStepAsync();
        Assert.Equal(HttpStatusCode.OK, await agent.WriteLogAsync(step, "hello"));
        Assert.Equal(HttpStatusCode.NoContent, await agent.ReportAsync(step, TestAgent.Ended(new Outcome.Success())));
        Assert.Equal(HttpStatusCode.NoContent, await agent.ReportAsync(await agent.ClaimAsync(), new WorkResult.Released()));
        Assert.Equal("success", (await api.GetAsync(ApiRoutes.For(ApiRoutes.Run, "acme/shop", 1), ApiJson.Default.RunDetails)).Run.State);
        return api;
    }

    /// <summary>RabbitMQ keeps its connections then, and reads nothing from who wants to send something.</summary>
    [Fact]
    public async Task A_broker_without_room_takes_no_messages_and_a_run_goes_through_all_the_same_and_when_it_has_room_they_are_sent_again()
    {
        using var folder = TestFolder.Create();
        await using var broker = await RabbitServer.StartAsync();
        var environment = new Dictionary<string, string>
        {
            ["BUILDRUNNER_SOURCES__LOCALFOLDERS"] = folder["repos"],
            ["BUILDRUNNER_DATABASE__PROVIDER"] = "postgresql",
            ["BUILDRUNNER_DATABASE__CONNECTIONSTRING"] = await servers.DatabaseAsync(),
            ["BUILDRUNNER_BUS__TRANSPORT"] = "rabbitmq",
            ["BUILDRUNNER_BUS__RABBITMQ__URI"] = broker.Uri.ToString(),
        };
        await using var server = await RunningServer.StartAsync(folder.Path, environment);
        await WholeAsync(server);
        await broker.RequireFreeDiskAsync("1000000000000000");
        var api = await GoesThroughAsync(server, folder, environment);
        await server.SeesAsync("the bus does not take (messages)");
        var ready = await server.Http.GetStringAsync("/readyz", Cancel);
        Assert.StartsWith("ready\nbroker: RabbitMQ at ", ready, StringComparison.Ordinal);
        Assert.Contains("takes no messages (low on disk)", ready, StringComparison.Ordinal);
        await broker.RequireFreeDiskAsync("10000000");
        while (!server.Log.Contains("the bus takes messages again", StringComparison.Ordinal))
        {
            await api.SendAsync("POST", ApiRoutes.For(ApiRoutes.RunsOfRepository, "acme/shop"), new StartRun(), ApiJson.Default.StartRun, ApiJson.Default.RunSummary, HttpStatusCode.Created);
            await Task.Delay(500, Cancel);
        }

        Assert.Equal(1, Count(server, "the bus does not take messages"));
        Assert.Equal(0, await server.StopAsync());
    }

    [Theory]
    [InlineData("server")]
    [InlineData("up")]
    public async Task A_database_that_goes_as_soon_as_the_server_listens_does_not_end_it(string verb)
    {
        await using var database = await PostgresServer.StartAsync();
        var environment = new Dictionary<string, string>
        {
            ["BUILDRUNNER_ENGINE__KIND"] = "dummy",
            ["BUILDRUNNER_DATABASE__PROVIDER"] = "postgresql",
            ["BUILDRUNNER_DATABASE__CONNECTIONSTRING"] = await database.CreateDatabaseAsync(),
        };
        await using var server = await RunningServer.StartAsync(environment: environment, verb: verb);
        await database.KillAsync();
        await server.SeesAsync(@"(looking for expired leases and unnoticed work)\W+ waits: \W*the database");
        await database.RestartAsync();
        await server.SeesAsync(@"(looking for expired leases and unnoticed work)\W+ succeeds again");
        if (verb == "up")
        {
            await server.SeesAsync("agent \\W*\\S+ is (ready)");
        }

        Assert.Equal("ok", (await server.Http.GetStringAsync("/healthz", Cancel)).Trim());
        Assert.Equal(0, await server.StopAsync());
    }

    /// <summary>Another program brings the tables to a version, so this one starts without asking for them.</summary>
    [Fact]
    public async Task Up_that_begins_while_its_database_is_away_says_how_to_get_the_link_that_it_cannot_print()
    {
        using var folder = TestFolder.Create();
        await using var database = await PostgresServer.StartAsync();
        var environment = new Dictionary<string, string>
        {
            ["BUILDRUNNER_ENGINE__KIND"] = "dummy",
            ["BUILDRUNNER_DATABASE__PROVIDER"] = "postgresql",
            ["BUILDRUNNER_DATABASE__MIGRATEONSTART"] = "false",
            ["BUILDRUNNER_DATABASE__CONNECTIONSTRING"] = await database.CreateDatabaseAsync(),
        };
        Assert.Equal(0, (await RunningServer.RunAsync(folder.Path, environment, "db", "migrate", "--data-dir", folder["data"])).Code);
        await database.KillAsync();
        await using var server = await RunningServer.StartAsync(folder.Path, environment, "up");
        await server.SeesAsync(@"BuildRunner is up at \S+, and has (no link) to sign in with, because \W*the database cannot be used: .*When it is back, 'buildrunner server link' prints one");
        Assert.DoesNotContain("/login/link", server.Log, StringComparison.Ordinal);
        await database.RestartAsync();
        await server.SeesAsync("agent \\W*\\S+ is (ready)");
        var (code, output, _) = await RunningServer.RunAsync(folder.Path, environment, "server", "link", "--data-dir", folder["data"]);
        Assert.Equal(0, code);
        Assert.Contains("/login/link", output, StringComparison.Ordinal);
        Assert.Equal(0, await server.StopAsync());
    }

    // It has started to its end, and has found the broker.
    private static async Task WholeAsync(RunningServer server)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        patience.CancelAfter(TimeSpan.FromMinutes(2));
        while ((await server.Http.GetStringAsync("/readyz", patience.Token)).Trim().Contains('\n', StringComparison.Ordinal))
        {
            await Task.Delay(100, patience.Token);
        }
    }

    private static int Count(RunningServer server, string what) => Regex.Count(server.Log, Regex.Escape(what));
}
