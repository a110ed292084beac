using System.Text.RegularExpressions;
using BuildRunner.Testing.Services;

namespace BuildRunner.Server.Tests.Hosting;

/// <summary>Database and broker of their own, to be killed: what is away is said once, and not each time that somebody looks for it.</summary>
public sealed class Outages_in_the_log
{
    // The shortest of the loops that need the database looks every half second: it looked twenty times in this.
    private static readonly TimeSpan Away = TimeSpan.FromSeconds(10);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_database_and_a_broker_that_are_away_are_a_few_lines_and_their_return_is_said()
    {
        await using var database = await PostgresServer.StartAsync();
        await using var broker = await RabbitServer.StartAsync();
        await using var server = await RunningServer.StartAsync(environment: new Dictionary<string, string>
        {
            ["BUILDRUNNER_DATABASE__PROVIDER"] = "postgresql",
            ["BUILDRUNNER_DATABASE__CONNECTIONSTRING"] = await database.CreateDatabaseAsync(),
            ["BUILDRUNNER_BUS__TRANSPORT"] = "rabbitmq",
            ["BUILDRUNNER_BUS__RABBITMQ__URI"] = broker.Uri.ToString(),
        });
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
    }

    [Fact]
    public async Task A_database_that_goes_as_soon_as_the_server_listens_does_not_end_it()
    {
        await using var database = await PostgresServer.StartAsync();
        await using var server = await RunningServer.StartAsync(environment: new Dictionary<string, string>
        {
            ["BUILDRUNNER_DATABASE__PROVIDER"] = "postgresql",
            ["BUILDRUNNER_DATABASE__CONNECTIONSTRING"] = await database.CreateDatabaseAsync(),
        });
        await database.KillAsync();
        await server.SeesAsync(@"(looking for expired leases and unnoticed work)\W+ waits: \W*the database");
        await database.RestartAsync();
        await server.SeesAsync(@"(looking for expired leases and unnoticed work)\W+ succeeds again");
        Assert.Equal("ok", (await server.Http.GetStringAsync("/healthz", Cancel)).Trim());
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
