using System.Net;
using System.Text.Json;
using BuildRunner.Core.ApiContract;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Tests.Api;
using BuildRunner.Server.Tests.Sources;
using BuildRunner.Testing;
using BuildRunner.Testing.Services;
using Npgsql;

namespace BuildRunner.Server.Tests.Hosting;

/// <summary>
/// PostgreSQL has no room: callers are told so, every run that was accepted is there, nothing is damaged, and when there is room again work goes on without a restart of the server, also where PostgreSQL itself has to
/// be started anew.
/// </summary>
public sealed class Full_disk_of_the_database
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(PostgresServer.SmallPart.Tables)]
    [InlineData(PostgresServer.SmallPart.WriteAheadLog)]
    public async Task Calls_are_refused_with_the_reason_and_go_on_when_there_is_room(PostgresServer.SmallPart small)
    {
        Requires.Root();
        using var folder = TestFolder.Create();
        await using var database = await PostgresServer.StartAsync(durable: true, small);
        var connection = await database.CreateDatabaseAsync();
        var environment = new Dictionary<string, string>
        {
            ["BUILDRUNNER_SOURCES__LOCALFOLDERS"] = folder["repos"],
            ["BUILDRUNNER_DATABASE__PROVIDER"] = "postgresql",
            ["BUILDRUNNER_DATABASE__CONNECTIONSTRING"] = connection,
        };
        await using var server = await RunningServer.StartAsync(folder.Path, environment);
        var api = new ApiClient(server.With((await RunningServer.RunAsync(folder.Path, environment, "server", "token", "--data-dir", folder["data"])).Output.Trim()));
        var git = new GitRepository(folder["repos/shop"]);
        git.Commit("one", (".buildrunner.yml", "skip_clone: true\nsteps:\n  - name: build\n    image: busybox\n    commands: [ 'true' ]\n"));
        await api.SendAsync("POST", ApiRoutes.Repositories, new AddRepository { Name = "acme/shop", CloneUrl = git.Path }, ApiJson.Default.AddRepository, ApiJson.Default.Repository, HttpStatusCode.Created);
        var accepted = new List<int> { (await TryStartAsync(api)).Number };
        using var agent = await HttpAgent.RegisterAsync(server, api);
        var step = await agent.BeginStepAsync();

        database.Disk!.Fill();
        if (small is PostgresServer.SmallPart.WriteAheadLog)
        {
            await UseUpAsync(connection);
        }

        ApiProblem? problem = null;
        for (var tries = 0; tries < 150 && problem is null; tries++)
        {
            (var number, problem) = await TryStartAsync(api);
            accepted.AddRange(problem is null ? [number] : []);
        }

        Assert.Equal((503, ApiProblems.Unavailable), (problem?.Status, problem?.Code));
        Assert.Matches(small is PostgresServer.SmallPart.Tables ? "^the database's disk is full; free some space" : "^the database('s disk is full| does not answer| does not take calls now)", problem!.Detail);
        await server.SeesAsync("answered with (503)");

        database.Disk.Free();
        await database.ComeBackAsync();
        await KeepNothingAsync(connection);
        accepted.Add(await UntilAsync<int>(async () => await TryStartAsync(api) is { Problem: null } started ? started.Number : null));
        Assert.Equal(HttpStatusCode.OK, await UntilAsync<HttpStatusCode>(async () => await agent.WriteLogAsync(step, "hello") is var answer and not HttpStatusCode.ServiceUnavailable ? answer : null));
        Assert.Equal(HttpStatusCode.NoContent, await UntilAsync<HttpStatusCode>(async () => await agent.ReportAsync(step, TestAgent.Ended(new Outcome.Success())) is var answer and not HttpStatusCode.ServiceUnavailable ? answer : null));
        Assert.StartsWith("ready", await server.Http.GetStringAsync("/readyz", Cancel), StringComparison.Ordinal);

        // A call whose answer was that it did not work may have been stored all the same, as with any commit that was cut off; what was accepted is there in any case.
        var stored = (await api.GetAsync(ApiRoutes.Runs + "?limit=200", ApiJson.Default.RunPage)).Items.Select(r => r.Number).ToList();
        Assert.Empty(accepted.Except(stored));
        Assert.Equal(stored.Count, stored.Distinct().Count());
        Assert.Equal("success", (await api.GetAsync(ApiRoutes.For(ApiRoutes.Run, "acme/shop", 1), ApiJson.Default.RunDetails)).Workflows[0].Steps[0].State);
        await database.CheckAsync();
        var (code, output, _) = await RunningServer.RunAsync(folder.Path, environment, "db", "check", "--data-dir", folder["data"]);
        Assert.True(code == 0, output);
    }

    // As it happens in life: a copy of the database that is gone is waited for, so nothing of the write-ahead log is given back. What asks for the last room ends the server.
    private static async Task UseUpAsync(string connection)
    {
        await using var source = NpgsqlDataSource.Create(connection + ";Pooling=false");
        await using var open = await source.OpenConnectionAsync(Cancel);
        await RunAsync(open, "SELECT pg_create_physical_replication_slot('gone', true)");
        await Assert.ThrowsAnyAsync<NpgsqlException>(async () =>
        {
            for (var megabyte = 0; megabyte < 200; megabyte++)
            {
                await RunAsync(open, "SELECT pg_logical_emit_message(true, 'test', repeat('x', 1000000))");
            }
        });
    }

    private static async Task KeepNothingAsync(string connection)
    {
        await using var source = NpgsqlDataSource.Create(connection + ";Pooling=false");
        await using var open = await source.OpenConnectionAsync(Cancel);
        await RunAsync(open, "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots");
    }

    private static async Task RunAsync(NpgsqlConnection connection, string statement)
    {
        await using var command = new NpgsqlCommand(statement, connection);
        await command.ExecuteNonQueryAsync(Cancel);
    }

    private static async Task<(int Number, ApiProblem? Problem)> TryStartAsync(ApiClient api)
    {
        using var answer = await api.SendAsync("POST", ApiRoutes.For(ApiRoutes.RunsOfRepository, "acme/shop"), "{}");
        var text = await answer.Content.ReadAsStringAsync(Cancel);
        return answer.IsSuccessStatusCode ? (JsonSerializer.Deserialize(text, ApiJson.Default.RunSummary)!.Number, null) : (0, JsonSerializer.Deserialize(text, ApiJson.Default.ApiProblem));
    }

    // Connections that broke are noticed one by one.
    private static async Task<T> UntilAsync<T>(Func<Task<T?>> ask)
        where T : struct
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        patience.CancelAfter(TimeSpan.FromMinutes(2));
        while (true)
        {
            if (await ask() is { } answer)
            {
                return answer;
            }

            await Task.Delay(200, patience.Token);
        }
    }
}
