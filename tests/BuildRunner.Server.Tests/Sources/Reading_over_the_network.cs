using System.Diagnostics;
using BuildRunner.Server.Sources;
using BuildRunner.Testing;

namespace BuildRunner.Server.Tests.Sources;

/// <summary>Repositories over https and ssh, with real hosts: credentials open them, go nowhere else, and lie nowhere afterwards.</summary>
public sealed class Reading_over_the_network : IDisposable
{
    private readonly TestFolder folder = TestFolder.Create();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Over_https_a_branch_and_its_pipeline_are_read_with_a_credential_that_lies_nowhere()
    {
        var commit = Repository();
        await using var host = await GitOverHttps.StartAsync(folder["repos"], folder["ca.pem"], "hunter2");
        var remote = Remote(new Uri(host.Root, "acme/shop.git").AbsoluteUri, "kim", "hunter2");
        var (at, tree) = await ReadAsync(remote, new SourcePoint.Branch(null));
        Assert.Equal((commit, "main"), (at.Commit, at.DefaultBranch));
        Assert.Equal(".buildrunner.yml", Assert.Single(tree.Files).Path);
        Assert.Equal("Kim", tree.Facts.Author);
        Assert.Equal([".buildrunner.yml", "big.bin"], tree.Changed!.Order());
        foreach (var file in Directory.EnumerateFiles(folder["git"], "*", SearchOption.AllDirectories))
        {
            Assert.DoesNotContain("hunter2", System.Text.Encoding.Latin1.GetString(await File.ReadAllBytesAsync(file, Cancel)));
        }

        // Without the contents of files that nobody needs.
        Assert.True(Directory.EnumerateFiles(folder["git"], "*", SearchOption.AllDirectories).Sum(f => new FileInfo(f).Length) < 1_000_000);
    }

    [Fact]
    public async Task A_wrong_credential_is_named_as_such_without_being_told()
    {
        Repository();
        await using var host = await GitOverHttps.StartAsync(folder["repos"], folder["ca.pem"], "hunter2");
        var wrong = await Assert.ThrowsAsync<SourceException>(() => ReadAsync(Remote(new Uri(host.Root, "acme/shop.git").AbsoluteUri, "kim", "hunter3"), new SourcePoint.Branch("main")));
        Assert.Equal(SourceFault.NotReadable, wrong.Fault);
        Assert.DoesNotContain("hunter3", wrong.Message);
    }

    [Fact]
    public async Task A_redirect_is_not_followed()
    {
        Repository();
        await using var host = await GitOverHttps.StartAsync(folder["repos"], folder["ca.pem"], "hunter2");
        var moved = await Assert.ThrowsAsync<SourceException>(() => ReadAsync(Remote(new Uri(host.Root, "moved/shop.git").AbsoluteUri, "kim", "hunter2"), new SourcePoint.Branch("main")));
        Assert.Single(host.Seen);
        Assert.DoesNotContain("hunter2", moved.Message);
    }

    [Fact]
    public async Task A_certificate_of_an_unknown_authority_is_refused()
    {
        Repository();
        await using var host = await GitOverHttps.StartAsync(folder["repos"], folder["ca.pem"], "hunter2");
        using var reader = new SourceReader(folder["git"], new SourceOptions(), TimeProvider.System);
        var remote = Remote(new Uri(host.Root, "acme/shop.git").AbsoluteUri, "kim", "hunter2");
        var refused = await Assert.ThrowsAsync<SourceException>(() => reader.LocateAsync(Guid.NewGuid(), remote, new SourcePoint.Branch("main"), Cancel));
        Assert.Contains("Sources:CertificateAuthorities", refused.Message);
        Assert.Empty(host.Seen);
    }

    [Fact]
    public async Task Over_ssh_a_key_opens_it_and_a_host_whose_key_has_changed_is_refused()
    {
        Requires.Root();
        Requires.Program("sshd", "ssh", "ssh-keygen");
        var commit = Repository();
        using var host = SshHost.Start(folder);
        var url = $"ssh://root@127.0.0.1:{host.Port}{folder["repos/acme/shop.git"]}";
        var remote = Remote(url, null, await File.ReadAllTextAsync(folder["id"], Cancel));
        var (at, tree) = await ReadAsync(remote, new SourcePoint.Branch("main"));
        Assert.Equal((commit, 1), (at.Commit, tree.Files.Count));
        Assert.Empty(Directory.EnumerateFiles(folder["git"], "key-*"));

        Assert.Equal(SourceFault.NotReadable, (await Assert.ThrowsAsync<SourceException>(() => ReadAsync(remote with { Secret = SshHost.NewKey(folder, "other") }, new SourcePoint.Branch("main")))).Fault);
        host.ChangeKey();
        var changed = await Assert.ThrowsAsync<SourceException>(() => ReadAsync(remote, new SourcePoint.Branch("main")));
        Assert.Contains("ssh key is not the one that is known", changed.Message);
    }

    private static SourceRemote Remote(string url, string? user, string secret)
    {
        Assert.True(SourceUrl.TryParse(url, [], out var parsed, out var problem), problem);
        return new SourceRemote(parsed, user, secret);
    }

    private async Task<(SourcePosition At, SourceTree Tree)> ReadAsync(SourceRemote remote, SourcePoint point)
    {
        using var reader = new SourceReader(folder["git"], new SourceOptions { CertificateAuthorities = folder["ca.pem"] }, TimeProvider.System);
        var id = Guid.NewGuid();
        var at = await reader.LocateAsync(id, remote, point, Cancel);
        return (at, await reader.ReadAsync(id, remote, at, point, pipelinePath: null, Cancel));
    }

    // With a parent, so that it is known what has changed, and with a file that nobody needs to plan a run.
    private string Repository()
    {
        var git = new GitRepository(folder["work"]);
        git.Commit("nothing");
        File.WriteAllBytes(folder["work/big.bin"], System.Security.Cryptography.RandomNumberGenerator.GetBytes(3_000_000));
        var commit = git.Commit("one", (".buildrunner.yml", "steps: []"));
        git.Git("clone", "--quiet", "--bare", folder["work"], folder["repos/acme/shop.git"]);
        git.Git("-C", folder["repos/acme/shop.git"], "config", "uploadpack.allowFilter", "true");
        return commit;
    }

    /// <summary>An ssh server on loopback that lets one key in.</summary>
    private sealed class SshHost : IDisposable
    {
        private readonly TestFolder folder;
        private Process process;

        private SshHost(TestFolder folder, int port)
        {
            this.folder = folder;
            Port = port;
            process = Run();
        }

        public int Port { get; }

        public static SshHost Start(TestFolder folder)
        {
            using var probe = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
            probe.Start();
            var port = ((System.Net.IPEndPoint)probe.LocalEndpoint).Port;
            probe.Stop();
            NewKey(folder, "host");
            NewKey(folder, "id");
            File.Copy(folder["id.pub"], folder["authorized"]);
            Directory.CreateDirectory("/run/sshd");
            return new SshHost(folder, port);
        }

        public static string NewKey(TestFolder folder, string name)
        {
            using var make = Process.Start(new ProcessStartInfo("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", folder[name]]))!;
            make.WaitForExit();
            return File.ReadAllText(folder[name]);
        }

        public void ChangeKey()
        {
            Dispose();
            File.Delete(folder["host"]);
            NewKey(folder, "host");
            process = Run();
        }

        public void Dispose()
        {
            process.Kill();
            process.WaitForExit();
        }

        private Process Run()
        {
            string[] options = ["ListenAddress=127.0.0.1", $"AuthorizedKeysFile={folder["authorized"]}", "StrictModes=no", "PidFile=none", "PermitRootLogin=yes", "UsePAM=no"];
            string[] arguments = ["-D", "-e", "-f", "/dev/null", "-p", $"{Port}", "-h", folder["host"], .. options.SelectMany(o => new[] { "-o", o })];
            var started = Process.Start(new ProcessStartInfo(Requires.Find("sshd")!, arguments) { RedirectStandardError = true })!;
            while (started.StandardError.ReadLine() is { } line && !line.Contains("Server listening", StringComparison.Ordinal))
            {
            }

            started.StandardError.ReadToEndAsync();
            return started;
        }
    }
}
