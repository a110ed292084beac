using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using BuildRunner.Agent.Checkout;
using BuildRunner.Agent.Tests.Steps;
using BuildRunner.Agent.Tests.Work;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Planning;
using BuildRunner.Testing;
using BuildRunner.Testing.Git;

namespace BuildRunner.Agent.Tests.Checkout;

/// <summary>Clone steps without an image, from a real git server, with real containers; what is in the workspace is looked at from outside.</summary>
public sealed class Checking_out : IDisposable
{
    private const string Token = "t0ken-that-must-not-stay";
    private readonly ScriptedServer server = new();
    private readonly TestFolder sources = TestFolder.Create();

    public void Dispose() => sources.Dispose();

    [Fact]
    public async Task The_commit_its_submodules_and_tags_are_in_the_workspace_and_the_token_is_nowhere()
    {
        var library = TestRepository.Create(sources["repos"], "lib");
        library.Commit("lib.txt", "library");
        var shop = TestRepository.Create(sources["repos"], "shop");
        shop.Commit("a.txt", "one");
        shop.Git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../lib.git", "vendor/lib");
        var commit = shop.Commit("b.txt", "two");
        shop.Git("tag", "v1");
        shop.Git("push", "-q", "origin", "v1");
        shop.Commit("c.txt", "later");
        await using var git = GitHttpsServer.Start(sources["repos"], Token, sources["authority.pem"]);
        await using var agent = AgentProcess.Create(server);
        agent.Variables["SSL_CERT_FILE"] = sources["authority.pem"];
        var source = new SourceAccess { Url = git.Address + "/shop.git", Ref = "refs/heads/main", Commit = commit, Secret = Token };
        var (work, step) = await CloneAsync(agent, source, ("PLUGIN_RECURSIVE", "true"), ("PLUGIN_TAGS", "true"));

        await server.SeesAsync("result clone success");
        var tree = agent.Tree(work.StartId);
        Assert.Equal("two", File.ReadAllText(Path.Combine(tree, "b.txt")));
        Assert.False(File.Exists(Path.Combine(tree, "c.txt")), "a later commit is in the workspace");
        Assert.Equal("library", File.ReadAllText(Path.Combine(tree, "vendor/lib/lib.txt")));
        Assert.Equal($"{commit} main v1 {git.Address}/shop.git", $"{Git(tree, "rev-parse", "HEAD")} {Git(tree, "branch", "--show-current")} {Git(tree, "tag")} {Git(tree, "remote", "get-url", "origin")}");
        Assert.False(File.Exists(Path.Combine(tree, ".git/objects/info/alternates")));
        Assert.Equal("", Git(tree, "fsck", "--no-progress"));
        Assert.DoesNotContain(Directory.EnumerateFiles(agent.Work, "*", SearchOption.AllDirectories), f => Path.GetFileName(f) != "lock" && File.ReadAllText(f).Contains(Token, StringComparison.Ordinal));
        Assert.DoesNotContain(Token, server.Text(step.Id), StringComparison.Ordinal);
        Assert.Contains($"fetching {git.Address}/shop.git", server.Text(step.Id), StringComparison.Ordinal);

        // A second run of the same commit asks nobody.
        var asked = git.Served.Count;
        await CloneAsync(agent, source, ("PLUGIN_RECURSIVE", "true"), ("PLUGIN_DEPTH", "0"));
        await server.SeesAsync(s => s.Told.Count(t => t == "result clone success") == 2, "the second clone");
        Assert.Equal(asked, git.Served.Count);
    }

    [Fact]
    public async Task A_pull_requests_head_is_checked_out_from_a_folder_with_as_much_history_as_was_asked_for()
    {
        var shop = TestRepository.Create(sources["repos"], "shop");
        shop.Commit("a.txt", "one");
        shop.Commit("a.txt", "two");
        var commit = shop.Commit("pr.txt", "proposed", "refs/pull/7/head");
        await using var agent = AgentProcess.Create(server, sources["repos"]);
        var (work, _) = await CloneAsync(agent, new SourceAccess { Url = shop.Bare, Ref = "refs/pull/7/head", Commit = commit }, ("PLUGIN_DEPTH", "2"), ("CI_COMMIT_BRANCH", "main"));
        await server.SeesAsync("result clone success");
        var tree = agent.Tree(work.StartId);
        Assert.Equal($"proposed {commit} 2", $"{File.ReadAllText(Path.Combine(tree, "pr.txt"))} {Git(tree, "rev-parse", "HEAD")} {Git(tree, "rev-list", "--count", "HEAD")}");
    }

    [Fact]
    public async Task A_wrong_token_and_a_commit_that_is_gone_are_said_in_the_words_of_the_problem()
    {
        var shop = TestRepository.Create(sources["repos"], "shop");
        shop.Commit("a.txt", "one");
        await using var git = GitHttpsServer.Start(sources["repos"], Token, sources["authority.pem"]);
        await using var agent = AgentProcess.Create(server);
        agent.Variables["SSL_CERT_FILE"] = sources["authority.pem"];
        var source = new SourceAccess { Url = git.Address + "/shop.git", Ref = "refs/heads/main", Commit = new string('a', 40), Secret = Token };
        await CloneAsync(agent, source with { Secret = "wrong" });
        await server.SeesAsync(s => s.Told.Any(t => t.StartsWith("result clone error access_denied:", StringComparison.Ordinal) && t.Contains("credential", StringComparison.Ordinal)), "access denied");
        await CloneAsync(agent, source);
        await server.SeesAsync(s => s.Told.Any(t => t.Contains("may have been removed by a forced push", StringComparison.Ordinal)), "the commit is gone");
    }

    [Fact]
    public async Task What_one_repositorys_credential_fetched_is_not_given_to_another_ones_submodule()
    {
        var secret = TestRepository.Create(sources["repos"], "secret");
        var known = secret.Commit("key.txt", "private");
        var evil = TestRepository.Create(sources["repos"], "evil");
        evil.Commit("a.txt", "one");
        await using var git = GitHttpsServer.Start(sources["repos"], Token, sources["authority.pem"]);
        evil.Commit(".gitmodules", $"[submodule \"stolen\"]\n\tpath = stolen\n\turl = {git.Address}/secret.git\n");
        evil.Git("update-index", "--add", "--cacheinfo", $"160000,{known},stolen");
        evil.Git("commit", "-q", "-m", "steal");
        evil.Git("push", "-q", "origin", "HEAD:refs/heads/main");
        var commit = evil.Git("rev-parse", "HEAD").Trim();
        await using var agent = AgentProcess.Create(server, sources["repos"]);
        agent.Variables["SSL_CERT_FILE"] = sources["authority.pem"];
        await CloneAsync(agent, new SourceAccess { Url = git.Address + "/secret.git", Ref = "refs/heads/main", Commit = known, Secret = Token });
        await server.SeesAsync("result clone success");

        await CloneAsync(agent, new SourceAccess { Url = evil.Bare, Ref = "refs/heads/main", Commit = commit }, ("PLUGIN_RECURSIVE", "true"));
        await server.SeesAsync(s => s.Told.Any(t => t.StartsWith("result clone error access_denied:", StringComparison.Ordinal)), "access denied");

        // A credential for its own repository only opens no submodule, also where that was fetched with it before; one that an administrator gave for more does.
        var own = new SourceAccess { Url = git.Address + "/evil.git", Ref = "refs/heads/main", Commit = commit, Secret = Token };
        await CloneAsync(agent, own, ("PLUGIN_RECURSIVE", "true"));
        await server.SeesAsync(s => s.Told.Count(t => t == "result clone success") == 2, "a clone with its submodule");
        await CloneAsync(agent, own with { ForItselfOnly = true }, ("PLUGIN_RECURSIVE", "true"));
        await server.SeesAsync(s => s.Told.Count(t => t.StartsWith("result clone error access_denied:", StringComparison.Ordinal)) == 2, "access denied to the submodule");
        await CloneAsync(agent, own with { ForItselfOnly = true }, ("PLUGIN_RECURSIVE", "false"));
        await server.SeesAsync(s => s.Told.Count(t => t == "result clone success") == 3, "the clone itself");

        // Nor to whoever clones the same repository without it, as a stranger's own clone step does.
        await CloneAsync(agent, new SourceAccess { Url = git.Address + "/secret.git", Ref = "refs/heads/main", Commit = known });
        await server.SeesAsync(s => s.Told.Count(t => t.StartsWith("result clone error access_denied:", StringComparison.Ordinal)) == 3, "access denied again");
    }

    [Fact]
    public async Task What_is_said_of_a_setting_that_is_a_secret_does_not_tell_it()
    {
        var shop = TestRepository.Create(sources["repos"], "shop");
        var commit = shop.Commit("a.txt", "one");
        await using var agent = AgentProcess.Create(server, sources["repos"]);
        await CloneAsync(agent, new SourceAccess { Url = shop.Bare, Ref = "refs/heads/main", Commit = commit, Secret = Token }, ("PLUGIN_DEPTH", Token));
        await server.SeesAsync(s => s.Told.Any(t => t.StartsWith("result clone error invalid_spec:", StringComparison.Ordinal) && t.Contains("depth takes a number", StringComparison.Ordinal)), "the setting");
        Assert.DoesNotContain(server.Told, t => t.Contains(Token, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_submodule_reads_no_other_repository_of_the_machine_by_what_attributes_make_of_its_address_or_by_dots_in_it(bool byAttributes)
    {
        // In a folder that is not hidden from containers that see the machine: what such hold is read by whoever may use rootfs:, and by nobody else.
        var elsewhere = $"/opt/{Path.GetFileName(sources.Path)}";
        using var removed = new Removed(elsewhere);
        var secret = TestRepository.Create(elsewhere, "secret");
        var stolen = secret.Commit("key.txt", "of somebody else on this machine");
        var pinned = TestRepository.Create(sources["repos"], "lib").Commit("lib.txt", "library");

        // What the agent finds where it looks for the address with dots.
        var decoy = TestRepository.Create(sources["repos"] + elsewhere, "secret").Commit("decoy.txt", "nothing");
        await using var git = GitHttpsServer.Start(sources["repos"], null, sources["authority.pem"]);
        var evil = TestRepository.Create(sources["repos"], "evil");
        evil.Commit(".gitattributes", byAttributes ? ".gitmodules working-tree-encoding=IBM037\n" : "");
        evil.Commit(".gitmodules", $"[submodule \"lib\"]\npath = lib\nurl = {git.Address}/lib.git\n[submodule \"stolen\"]\npath = stolen\nurl = {(byAttributes ? secret.Bare : $"{git.Address}/lib.git/../../../../../..{secret.Bare}")}\n");
        evil.Git("update-index", "--add", "--cacheinfo", $"160000,{pinned},lib", "--cacheinfo", $"160000,{decoy},stolen");
        evil.Git("commit", "-q", "-m", "steal");
        evil.Git("push", "-q", "origin", "HEAD:refs/heads/main");
        await using var agent = AgentProcess.Create(server);
        agent.Variables["SSL_CERT_FILE"] = sources["authority.pem"];
        var source = new SourceAccess { Url = git.Address + "/evil.git", Ref = "refs/heads/main", Commit = evil.Git("rev-parse", "HEAD").Trim() };
        var (work, step) = await CloneAsync(agent, source, ("PLUGIN_RECURSIVE", "true"));
        await server.SeesAsync(s => s.Told.Any(t => t.StartsWith("result clone ", StringComparison.Ordinal)), "the end");
        Assert.NotEqual("commit", Git(agent.Tree(work.StartId), "--git-dir=.git/modules/stolen", "cat-file", "-t", stolen));
        Assert.Contains("is not an address that this agent has fetched from", server.Text(step.Id), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://127.0.0.1:{0}/x")]
    [InlineData("ssh://git@127.0.0.1:{0}/x")]
    public async Task A_repository_does_not_send_the_agent_for_large_files_to_its_own_machine_or_out_with_its_keys(string address)
    {
        Requires.Program("git-lfs");
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var shop = TestRepository.Create(sources["repos"], "shop");
        shop.Commit(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n");
        shop.Commit(".lfsconfig", $"[lfs]\nurl = {string.Format(CultureInfo.InvariantCulture, address, ((IPEndPoint)listener.LocalEndpoint).Port)}\n");
        var commit = shop.Commit("big.bin", $"version https://git-lfs.github.com/spec/v1\noid sha256:{new string('a', 64)}\nsize 5\n");
        await using var agent = AgentProcess.Create(server, sources["repos"]);
        await CloneAsync(agent, new SourceAccess { Url = shop.Bare, Ref = "refs/heads/main", Commit = commit }, ("PLUGIN_LFS", "true"));

        // Without an answer git-lfs would wait: whoever calls is seen first.
        var called = listener.AcceptTcpClientAsync(TestContext.Current.CancellationToken).AsTask();
        var ended = server.SeesAsync(s => s.Told.Any(t => t.StartsWith("result clone error access_denied:", StringComparison.Ordinal) && t.Contains("is no https address", StringComparison.Ordinal)), "access denied");
        Assert.Same(ended, await Task.WhenAny(called, ended));
        await ended;
    }

    /// <summary>Whoever may reach those without a credential is not protected from the agent's machine: a step of the same stranger could not have reached them.</summary>
    [Theory]
    [InlineData("https://127.0.0.1:{0}/lib.git", "private or this machine")]
    [InlineData("https://localhost:{0}/lib.git", "private or this machine")]
    [InlineData("ssh://git@127.0.0.1:{0}/lib.git", "private or this machine")]
    [InlineData("{1}", "another repository of the agent's machine")]
    public async Task A_strangers_submodule_sends_the_agent_neither_to_private_addresses_nor_to_other_repositories_of_its_machine(string address, string why)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var library = TestRepository.Create(sources["repos"], "lib");
        var pinned = library.Commit("lib.txt", "library");
        var evil = TestRepository.Create(sources["repos"], "evil");
        evil.Commit(".gitmodules", $"[submodule \"lib\"]\n\tpath = lib\n\turl = {string.Format(CultureInfo.InvariantCulture, address, ((IPEndPoint)listener.LocalEndpoint).Port, library.Bare)}\n");
        evil.Git("update-index", "--add", "--cacheinfo", $"160000,{pinned},lib");
        evil.Git("commit", "-q", "-m", "look around");
        evil.Git("push", "-q", "origin", "HEAD:refs/heads/main");
        await using var agent = AgentProcess.Create(server, sources["repos"]);
        var source = new SourceAccess { Url = evil.Bare, Ref = "refs/heads/main", Commit = evil.Git("rev-parse", "HEAD").Trim() };
        var called = listener.AcceptTcpClientAsync(TestContext.Current.CancellationToken).AsTask();

        await CloneAsync(agent, source, stranger: true, ("PLUGIN_RECURSIVE", "true"));
        var refused = server.SeesAsync(s => s.Told.Any(t => t.StartsWith("result clone error access_denied:", StringComparison.Ordinal) && t.Contains(why, StringComparison.Ordinal)), "access denied");
        Assert.Same(refused, await Task.WhenAny(called, refused));
        await refused;

        // The repository's own people send it there: the address is one that leads somewhere.
        await CloneAsync(agent, source, stranger: false, ("PLUGIN_RECURSIVE", "true"));
        await Task.WhenAny(called, server.SeesAsync("result clone success"));
        Assert.True(called.IsCompletedSuccessfully || server.Told.Contains("result clone success"));
    }

    [Fact]
    public async Task A_strangers_large_files_do_not_come_from_where_his_commit_says()
    {
        Requires.Program("git-lfs");
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var shop = TestRepository.Create(sources["repos"], "shop");
        shop.Commit(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n");
        shop.Commit(".lfsconfig", $"[lfs]\nurl = https://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/x\n");
        var commit = shop.Commit("big.bin", $"version https://git-lfs.github.com/spec/v1\noid sha256:{new string('a', 64)}\nsize 5\n");
        await using var agent = AgentProcess.Create(server, sources["repos"]);
        var source = new SourceAccess { Url = shop.Bare, Ref = "refs/heads/main", Commit = commit };
        var called = listener.AcceptTcpClientAsync(TestContext.Current.CancellationToken).AsTask();
        await CloneAsync(agent, source, stranger: true, ("PLUGIN_LFS", "true"));
        var refused = server.SeesAsync(s => s.Told.Any(t => t.StartsWith("result clone error access_denied:", StringComparison.Ordinal) && t.Contains("in a stranger's run", StringComparison.Ordinal)), "access denied");
        Assert.Same(refused, await Task.WhenAny(called, refused));
        await refused;

        // Where nobody insists, they stay pointers.
        await CloneAsync(agent, source, stranger: true);
        var ended = server.SeesAsync("result clone success");
        Assert.Same(ended, await Task.WhenAny(called, ended));
        await ended;
    }

    [Theory]
    [InlineData("140.82.112.3", true)]
    [InlineData("2606:50c0:8000::153", true)]
    [InlineData("10.1.2.3", false)]
    [InlineData("100.100.100.200", false)]
    [InlineData("127.9.9.9", false)]
    [InlineData("168.63.129.16", false)]
    [InlineData("169.254.169.254", false)]
    [InlineData("172.31.0.1", false)]
    [InlineData("192.168.1.1", false)]
    [InlineData("0.0.0.0", false)]
    [InlineData("::", false)]
    [InlineData("::1", false)]
    [InlineData("::ffff:169.254.169.254", false)]
    [InlineData("::ffff:140.82.112.3", true)]
    [InlineData("::169.254.169.254", false)]
    [InlineData("64:ff9b::a9fe:a9fe", false)]
    [InlineData("2002:a9fe:a9fe::1", false)]
    [InlineData("2001:0:a9fe:a9fe::1", false)]
    [InlineData("fd00:ec2::254", false)]
    [InlineData("fe80::1", false)]
    public void An_address_is_of_the_world_or_it_is_near(string address, bool isPublic) => Assert.Equal(isPublic, PublicHost.IsPublic(IPAddress.Parse(address)));

    private Task<(TestWork Work, WorkItem Step)> CloneAsync(AgentProcess agent, SourceAccess source, params (string Name, string Value)[] variables) => CloneAsync(agent, source, stranger: false, variables);

    private async Task<(TestWork Work, WorkItem Step)> CloneAsync(AgentProcess agent, SourceAccess source, bool stranger, params (string Name, string Value)[] variables)
    {
        var step = AgentRun.Step("clone") with
        {
            Kind = StepKind.Clone,
            Image = "docker.io/woodpeckerci/plugin-git:2.10.0",
            Commands = [],
            Environment = variables.ToDictionary(v => v.Name, PlanValue (v) => new PlanValue.Literal(v.Value)),
        };
        var work = new TestWork(AgentRun.Workflow(step)) { Grants = new WorkGrants { Stranger = stranger } };
        var item = work.Step("clone", s => s with { Source = source });
        agent.StartOnce();
        var ready = server.Told.Count(t => t == "result start ready");
        server.Queue(work.Start);
        await server.SeesAsync(s => s.Told.Count(t => t == "result start ready") > ready, "ready");
        server.Queue(item);
        return (work, item);
    }

    private static string Git(string directory, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("git", ["-c", "safe.directory=*", "-C", directory, .. arguments]) { RedirectStandardOutput = true })!;
        var output = process.StandardOutput.ReadToEnd().Trim();
        process.WaitForExit();
        return output;
    }

    private sealed class Removed(string folder) : IDisposable
    {
        public void Dispose() => Directory.Delete(folder, recursive: true);
    }
}
