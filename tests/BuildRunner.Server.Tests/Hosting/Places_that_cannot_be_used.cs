using System.Text.RegularExpressions;
using BuildRunner.Cli;
using BuildRunner.Hosting;
using BuildRunner.Testing;
using Microsoft.Data.Sqlite;

namespace BuildRunner.Server.Tests.Hosting;

/// <summary>Folders and files that are named to the server's verbs and cannot be used, or not now: each is said in a line, with why.</summary>
public sealed class Places_that_cannot_be_used
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("up")]
    [InlineData("server")]
    [InlineData("server", "token")]
    [InlineData("server", "link")]
    [InlineData("db", "migrate")]
    [InlineData("db", "restore", "x.tar")]
    public async Task A_data_directory_that_cannot_be_is_a_mistake_that_is_explained_in_a_line(params string[] verb)
    {
        using var folder = TestFolder.Create();
        File.WriteAllText(folder["file"], "");
        foreach (var (path, why) in new[] { (folder["file"], "it is a file, not a folder"), (folder["file/below"], $"{folder["file"]} is a file, not a folder") })
        {
            var (code, _, error) = await RunningServer.RunAsync(folder.Path, null, [.. verb, "--data-dir", path]);
            Assert.Equal(((int)ExitCode.Usage, $"buildrunner: the data directory {path} cannot be made: {why}; name another one with --data-dir or Server:DataDir\n"), (code, error));
        }

        var (empty, _, said) = await RunningServer.RunAsync(folder.Path, null, [.. verb, "--data-dir", ""]);
        Assert.Equal(((int)ExitCode.Usage, "buildrunner: command line: Server:DataDir takes a path; it is ''\n"), (empty, said));
    }

    [Fact]
    public async Task A_backup_that_cannot_be_written_says_why_in_a_line()
    {
        using var folder = TestFolder.Create();
        File.WriteAllText(folder["file"], "");
        Assert.Equal(0, (await RunningServer.RunAsync(folder.Path, null, "db", "migrate", "--data-dir", folder["data"])).Code);
        foreach (var (path, why) in new[]
        {
            (folder["no/such/b.tar"], $"there is no folder {folder["no"]}"),
            (folder["file/b.tar"], $"{folder["file"]} is a file, not a folder"),
            (folder["data"], "it is a folder, not a file"),
        })
        {
            var (code, _, error) = await RunningServer.RunAsync(folder.Path, null, "db", "backup", path, "--data-dir", folder["data"]);
            Assert.Equal(((int)ExitCode.Error, $"buildrunner: the backup {path} cannot be written: {why}\n"), (code, error));
        }

        var (_, _, restored) = await RunningServer.RunAsync(folder.Path, null, "db", "restore", folder["data"], "--data-dir", folder["new"]);
        Assert.Equal($"buildrunner: {folder["data"]} is a folder, not a backup\n", restored);
    }

    [Fact]
    public void A_database_that_was_locked_for_too_long_is_no_defect() =>
        Assert.StartsWith("the database cannot be used: another process has had it locked for too long. It is buildrunner.db", DatabaseTrouble.Of(new InvalidOperationException("x", new SqliteException("database is locked", 5))), StringComparison.Ordinal);

    [Fact]
    public async Task A_start_that_waits_for_a_locked_database_says_so_and_for_which()
    {
        using var folder = TestFolder.Create();
        Assert.Equal(0, (await RunningServer.RunAsync(folder.Path, null, "db", "migrate", "--data-dir", folder["data"])).Code);
        await using var connection = new SqliteConnection($"Data Source={folder["data/buildrunner.db"]};Pooling=False");
        await connection.OpenAsync(Cancel);
        await using var other = connection.BeginTransaction();
        await using var server = await RunningServer.StartAsync(folder.Path, new Dictionary<string, string> { ["BUILDRUNNER_SERVER__EMBEDDEDAGENT"] = "false" }, "up");
        await server.SeesAsync("the server waits for the database [^ ]*/data/buildrunner.db, which another process seems to have locked");
        Assert.DoesNotContain("BuildRunner is up", server.Log, StringComparison.Ordinal);
        await other.RollbackAsync(Cancel);
        await server.SeesAsync("BuildRunner is up");
        Assert.Single(Regex.Matches(server.Log, "the server waits for"));
    }
}
