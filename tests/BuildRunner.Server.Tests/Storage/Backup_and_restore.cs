using System.Text;
using BuildRunner.Cli;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.ApiContract;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Secrets;
using BuildRunner.Server.Storage.Backup;
using BuildRunner.Server.Tests.Api;
using BuildRunner.Server.Tests.Hosting;
using BuildRunner.Server.Tests.Sources;
using BuildRunner.Testing;

namespace BuildRunner.Server.Tests.Storage;

/// <summary><c>db backup</c> of a server that runs, and <c>db restore</c> into an empty place: everything is there again, and goes on.</summary>
public sealed class Backup_and_restore(SharedServers servers)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("backup.tar", false)]
    [InlineData("backup.tar.gz", false)]
    [InlineData("backup.tar", true)]
    public async Task A_backup_of_a_running_server_is_restored_elsewhere_with_runs_logs_tokens_and_credentials(string name, bool postgres)
    {
        if (postgres)
        {
            Requires.Program("pg_dump", "pg_restore");
        }

        using var folder = TestFolder.Create();
        var git = new GitRepository(folder["repos/shop"]);
        git.Commit("one", (".buildrunner.yml", "skip_clone: true\nsteps:\n  - name: build\n    image: busybox\n    commands: [ 'true' ]\n"));
        var environment = await EnvironmentAsync(folder, postgres);
        string token;
        WorkItem begun;
        HttpAgent agent;
        await using (var server = await RunningServer.StartAsync(folder.Path, environment))
        {
            token = (await RunningServer.RunAsync(folder.Path, environment, "server", "token", "--data-dir", folder["data"])).Output.Trim();
            var api = new ApiClient(server.With(token));
            await api.SendAsync("POST", ApiRoutes.Repositories, new AddRepository { Name = "acme/shop", CloneUrl = git.Path, User = "kim", Credential = "hunter2" }, ApiJson.Default.AddRepository, ApiJson.Default.Repository, System.Net.HttpStatusCode.Created);
            await api.SendAsync("POST", ApiRoutes.For(ApiRoutes.RunsOfRepository, "acme/shop"), new StartRun(), ApiJson.Default.StartRun, ApiJson.Default.RunSummary, System.Net.HttpStatusCode.Created);
            agent = await HttpAgent.RegisterAsync(server, api);
            begun = await agent.BeginStepAsync();
            Assert.Equal(System.Net.HttpStatusCode.OK, await agent.WriteLogAsync(begun, "hello"));

            var (code, output, error) = await RunningServer.RunAsync(folder.Path, environment, "db", "backup", folder[name], "--data-dir", folder["data"]);
            Assert.Equal((0, ""), (code, error));
            Assert.Contains("The master key", output);
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(folder[name]));
        }

        Assert.DoesNotContain((await File.ReadAllTextAsync(folder["etc/master.key"], Cancel)).Trim(), Encoding.Latin1.GetString(await File.ReadAllBytesAsync(folder[name], Cancel)));
        var elsewhere = await EnvironmentAsync(folder, postgres);
        Assert.Equal(0, (await RunningServer.RunAsync(folder.Path, elsewhere, "db", "restore", folder[name], "--data-dir", folder["other"])).Code);
        Assert.Equal((int)ExitCode.Error, (await RunningServer.RunAsync(folder.Path, elsewhere, "db", "restore", folder[name], "--data-dir", folder["other"])).Code);
        var (check, findings, _) = await RunningServer.RunAsync(folder.Path, elsewhere, "db", "check", "--data-dir", folder["other"]);
        Assert.Equal((0, "tables: fine\ndatabase: fine\nlogs: fine\nkeys: fine\n"), (check, findings));

        await using var restored = await RunningServer.StartAsync(folder.Path, elsewhere, data: "other");
        var again = new ApiClient(restored.With(token));
        Assert.Equal("hello\n", await again.Http.GetStringAsync(ApiRoutes.For(ApiRoutes.Log, "acme/shop", 1) + "?step=build", Cancel));
        Assert.Equal("running", (await again.GetAsync(ApiRoutes.For(ApiRoutes.Run, "acme/shop", 1), ApiJson.Default.RunDetails)).Run.State);
        await again.SendAsync("POST", ApiRoutes.For(ApiRoutes.RunsOfRepository, "acme/shop"), new StartRun(), ApiJson.Default.StartRun, ApiJson.Default.RunSummary, System.Net.HttpStatusCode.Created);

        // What was claimed in a time that is no more is not reported into this one.
        using var same = agent.At(restored);
        Assert.Equal(System.Net.HttpStatusCode.Conflict, await same.ReportAsync(begun, TestAgent.Ended(new Outcome.Success())));
        agent.Dispose();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(19)]
    [InlineData(4096)]
    public async Task A_file_that_is_no_backup_is_refused_and_changes_nothing(int length)
    {
        using var folder = TestFolder.Create();
        await File.WriteAllTextAsync(folder["x.tar"], new string('x', length), Cancel);
        var (code, _, error) = await RunningServer.RunAsync(folder.Path, null, "db", "restore", folder["x.tar"], "--data-dir", folder["data"]);
        Assert.Equal((int)ExitCode.Error, code);
        Assert.Contains("x.tar cannot be restored: it is no backup of BuildRunner", error);
        Assert.Equal(["server.lock"], Directory.EnumerateFileSystemEntries(folder["data"]).Select(Path.GetFileName));
    }

    [Theory]
    [InlineData("backup.tar", "backup.tar.gz")]
    [InlineData("backup.tar.gz", "yesterday")]
    public async Task A_backup_is_read_under_another_name(string written, string read)
    {
        using var folder = TestFolder.Create();
        await File.WriteAllTextAsync(folder["db"], "a database", Cancel);
        var manifest = new BackupManifest(1, "0.1.0", "SQLite", "first", DateTimeOffset.UnixEpoch, "key");
        await BackupFile.WriteAsync(folder[written], manifest, folder["db"], BackupFile.SqliteName, folder["logs"], Cancel);
        File.Move(folder[written], folder[read]);
        Assert.Equal(manifest, await BackupFile.ReadAsync(folder[read], folder["unpacked"], Cancel));
        Assert.Equal("a database", await File.ReadAllTextAsync(Path.Combine(folder["unpacked"], BackupFile.SqliteName), Cancel));
    }

    [Fact]
    public async Task Check_names_a_log_that_is_shorter_than_it_was_and_a_key_that_is_gone()
    {
        using var folder = TestFolder.Create();
        await using (var server = await RunningServer.StartAsync(folder.Path, new Dictionary<string, string> { ["BUILDRUNNER_SOURCES__LOCALFOLDERS"] = folder["repos"] }))
        {
            var git = new GitRepository(folder["repos/shop"]);
            git.Commit("one", (".buildrunner.yml", "skip_clone: true\nsteps:\n  - name: build\n    image: busybox\n    commands: [ 'true' ]\n"));
            var api = new ApiClient(server.With((await RunningServer.RunAsync(folder.Path, null, "server", "token", "--data-dir", folder["data"])).Output.Trim()));
            await api.SendAsync("POST", ApiRoutes.Repositories, new AddRepository { Name = "acme/shop", CloneUrl = git.Path, Credential = "x" }, ApiJson.Default.AddRepository, ApiJson.Default.Repository, System.Net.HttpStatusCode.Created);
            await api.SendAsync("POST", ApiRoutes.For(ApiRoutes.RunsOfRepository, "acme/shop"), new StartRun(), ApiJson.Default.StartRun, ApiJson.Default.RunSummary, System.Net.HttpStatusCode.Created);
            using var agent = await HttpAgent.RegisterAsync(server, api);
            Assert.Equal(System.Net.HttpStatusCode.OK, await agent.WriteLogAsync(await agent.BeginStepAsync(), "hello"));
        }

        File.Delete(Directory.EnumerateFiles(folder["data/logs"], "*.output", SearchOption.AllDirectories).Single());
        var other = new Dictionary<string, string> { ["BUILDRUNNER_SECRETS__MASTERKEY"] = MasterKey.Generate().Export() };
        var (code, output, _) = await RunningServer.RunAsync(folder.Path, other, "db", "check", "--data-dir", folder["data"]);
        Assert.Equal((int)ExitCode.Error, code);
        Assert.Contains("logs: 1 is shorter", output);
        Assert.Contains("Secrets:PreviousKeys", output);
    }

    [Fact]
    public async Task Migrating_says_what_it_did_and_does_it_once()
    {
        using var folder = TestFolder.Create();
        Assert.Contains("made ", (await RunningServer.RunAsync(folder.Path, null, "db", "migrate", "--data-dir", folder["data"])).Output);
        Assert.Equal("the database is at this version already\n", (await RunningServer.RunAsync(folder.Path, null, "db", "migrate", "--data-dir", folder["data"])).Output);
    }

    private async Task<Dictionary<string, string>> EnvironmentAsync(TestFolder folder, bool postgres)
    {
        var environment = new Dictionary<string, string> { ["BUILDRUNNER_SOURCES__LOCALFOLDERS"] = folder["repos"] };
        if (postgres)
        {
            environment["BUILDRUNNER_DATABASE__PROVIDER"] = "postgresql";
            environment["BUILDRUNNER_DATABASE__CONNECTIONSTRING"] = await servers.DatabaseAsync();
        }

        return environment;
    }
}
