using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using BuildRunner.Cli;
using BuildRunner.Hosting;
using BuildRunner.Settings;
using BuildRunner.Testing;
using BuildRunner.Testing.Services;
using Npgsql;
using Serilog.Core;

namespace BuildRunner.Server.Tests.Hosting;

/// <summary>Hangfire tells of a database that is away at length; the log does not.</summary>
public sealed class Hangfire_in_the_log
{
    private const string Reason = "Failed to connect to 127.0.0.1:9: Connection refused";

    private static readonly NpgsqlException Away = Thrown(new NpgsqlException("Failed to connect to 127.0.0.1:9", new SocketException((int)SocketError.ConnectionRefused)));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("text")]
    [InlineData("json")]
    public void A_database_that_is_away_is_one_line_with_the_reason_whichever_process_of_it_says_so(string format)
    {
        var log = Log("information", format, log =>
        {
            foreach (var (process, pause) in new[] { ("BackgroundServerProcess", 15), ("Worker", 5), ("BackgroundServerProcess", 30) })
            {
                Say(log, Away, $"Execution {process} is in the Failed state now due to an exception, execution will be retried in no more than 00:00:{pause:00}");
            }

            Say(log, new NpgsqlException("Exception while reading from stream", new IOException("Connection reset by peer")), "Error occurred during execution of 'Worker' process.");
        });
        var line = Assert.Single(log.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Matches($@"what fires the schedules waits: \W*the database does not answer\W* \(\W*{Regex.Escape(Reason)}\W*\); it is tried again", line);
    }

    [Fact]
    public void A_defect_and_what_others_say_come_with_where_they_happened()
    {
        var log = Log("information", "text", log =>
        {
            Say(log, Thrown(new InvalidOperationException("a defect")), "Execution Worker is in the Failed state now due to an exception");
            Say(log, Thrown(new PostgresException("deadlock detected", "ERROR", "ERROR", PostgresErrorCodes.DeadlockDetected)), "Job 7 has failed");
            Say(log, Away, "of our own", "BuildRunner.Server.Something");
        });
        Assert.Contains("Job 7 has failed", log, StringComparison.Ordinal);
        Assert.Contains("Execution Worker is in the Failed state", log, StringComparison.Ordinal);
        Assert.Contains("of our own", log, StringComparison.Ordinal);
        Assert.Equal(3, Regex.Count(log, $@" at .*{nameof(Hangfire_in_the_log)}\.Thrown"));
    }

    [Fact]
    public void Who_looks_for_something_gets_all_of_it()
    {
        var log = Log("debug", "text", log => Say(log, Away, "Execution Worker is in the Failed state now due to an exception"));
        Assert.Contains("Execution Worker is in the Failed state", log, StringComparison.Ordinal);
        Assert.Contains($"{nameof(Hangfire_in_the_log)}.Thrown", log, StringComparison.Ordinal);
    }

    /// <summary>On demand: Hangfire says something at the first try after a while, and its pauses between tries grow. It may take minutes.</summary>
    [Fact(Explicit = true)]
    public async Task A_server_that_begins_while_its_database_is_away_says_it_in_lines_without_where_in_a_program_it_happened()
    {
        using var folder = TestFolder.Create();
        await using var database = await PostgresServer.StartAsync();
        var environment = new Dictionary<string, string>
        {
            ["BUILDRUNNER_DATABASE__PROVIDER"] = "postgresql",
            ["BUILDRUNNER_DATABASE__MIGRATEONSTART"] = "false",
            ["BUILDRUNNER_DATABASE__CONNECTIONSTRING"] = await database.CreateDatabaseAsync(),
        };
        Assert.Equal(0, (await RunningServer.RunAsync(folder.Path, environment, "db", "migrate", "--data-dir", folder["data"])).Code);
        await database.KillAsync();
        await using var server = await RunningServer.StartAsync(folder.Path, environment);
        await server.SeesAsync(@"(what fires the schedules) waits: \W*the database does not answer.*Connection refused", TimeSpan.FromMinutes(10));
        await Task.Delay(TimeSpan.FromSeconds(20), Cancel);
        Assert.DoesNotContain("Hangfire.Server.", server.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", server.Log, StringComparison.Ordinal);
        Assert.Equal(1, Regex.Count(server.Log, "what fires the schedules waits"));
        await database.RestartAsync();
        await server.SeesAsync(@"(looking for schedules that are due)\W+ succeeds again");
        Assert.Equal(0, await server.StopAsync());
    }

    private static void Say(Logger log, Exception problem, string text, string context = "Hangfire.Processing.BackgroundExecution") =>
        log.ForContext(Constants.SourceContextPropertyName, context).Error(problem, "{State:l}", text);

    private static string Log(string level, string format, Action<Logger> say)
    {
        using var error = new MemoryStream();
        var host = new CliHost
        {
            Output = Stream.Null,
            Error = error,
            Input = Stream.Null,
            Terminal = TerminalFacts.None,
            Environment = new Dictionary<string, string>(),
            Directory = "/",
            Time = TimeProvider.System,
            Signals = StopSignals.Scripted(_ => { }),
            NewEngine = Engines.Create,
        };
        var settings = SettingsReader.Read(null, new Dictionary<string, string> { ["BUILDRUNNER_LOGGING__LEVEL"] = level, ["BUILDRUNNER_LOGGING__FORMAT"] = format });
        using (var log = ServiceLog.Create(settings, host))
        {
            say(log);
        }

        return Encoding.UTF8.GetString(error.ToArray());
    }

    // With a place where it happened.
    private static T Thrown<T>(T problem)
        where T : Exception
    {
        try
        {
            throw problem;
        }
        catch (T thrown)
        {
            return thrown;
        }
    }
}
