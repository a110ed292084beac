using BuildRunner.Core.AgentContract;
using BuildRunner.Server.Logs;
using BuildRunner.Server.Sources;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Backup;
using BuildRunner.Server.Tests.Api;
using BuildRunner.Testing;

namespace BuildRunner.Server.Tests.Storage;

/// <summary>Nothing, also where the data folder was there before and lets them in.</summary>
public sealed class What_others_of_the_machine_can_read
{
    private const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode Everybody = (UnixFileMode)0b110_110_110;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Neither_the_database_nor_logs_lie_open_in_a_data_folder_that_does()
    {
        await using var server = await HttpServer.StartAsync(options =>
        {
            Directory.CreateDirectory(options.DataDirectory);
            File.SetUnixFileMode(options.DataDirectory, Everybody | (UnixFileMode)0b001_001_001);
            return options;
        });
        await server.Get<Database>().ReadAsync(server.Get<Database>().NowAsync, Cancel);
        await server.Get<LogFiles>().AppendAsync(Guid.NewGuid(), Guid.NewGuid(), LogStreams.Output, 0, "hello"u8.ToArray(), null, Cancel);
        var open = Directory.EnumerateFiles(server.DataDirectory, "buildrunner.db*").Where(f => !f.EndsWith(".migration", StringComparison.Ordinal)).Where(f => File.GetUnixFileMode(f) != Owner);
        Assert.Empty(open);
        var log = Assert.Single(Directory.GetFiles(Path.Combine(server.DataDirectory, "logs"), "*" + LogStreams.Output, SearchOption.AllDirectories));
        Assert.Equal(Owner | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.GetDirectoryName(log)!));
    }

    [Fact]
    public async Task A_backup_is_not_written_into_a_file_that_somebody_else_has_put_in_its_way()
    {
        using var folder = TestFolder.Create();
        File.WriteAllText(folder["data"], "rows");
        File.WriteAllText(folder["watched"], "");
        File.SetUnixFileMode(folder["watched"], Everybody);
        File.CreateSymbolicLink(folder["b.tar.partial"], folder["watched"]);
        await BackupFile.WriteAsync(folder["b.tar"], new BackupManifest(1, "0.1.0", "SQLite", "m", DateTimeOffset.UnixEpoch, "k"), folder["data"], BackupFile.SqliteName, folder["no-logs"], Cancel);
        Assert.Equal("", File.ReadAllText(folder["watched"]));
        Assert.Null(new FileInfo(folder["b.tar"]).LinkTarget);
        Assert.Equal(Owner, File.GetUnixFileMode(folder["b.tar"]));
    }

    [Fact]
    public void A_private_key_that_a_killed_process_left_is_removed_and_one_that_another_server_uses_is_not()
    {
        using var folder = TestFolder.Create();
        File.WriteAllText(folder["key-left"], "private");
        File.SetLastWriteTimeUtc(folder["key-left"], TimeProvider.System.GetUtcNow().UtcDateTime - TimeSpan.FromHours(1));
        File.WriteAllText(folder["key-used"], "private");
        using (new SourceReader(folder.Path, new SourceOptions(), TimeProvider.System))
        {
            Assert.False(File.Exists(folder["key-left"]));
            Assert.True(File.Exists(folder["key-used"]));
        }
    }
}
