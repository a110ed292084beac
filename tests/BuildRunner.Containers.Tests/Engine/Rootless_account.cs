using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Oci;
using BuildRunner.Testing;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>What the doctor tells an ordinary user of this host: each piece that is missing, and what to do.</summary>
public sealed class Rootless_account
{
    private const uint User = 1234;

    [Fact]
    public void Has_nothing_to_say_of_a_host_that_has_everything_but_that_no_limit_is_kept()
    {
        using var host = Whole();
        Assert.Contains("memory, processors and processes are not kept", Assert.Single(Account(host), c => c.Status == ReadinessStatus.Warning).Detail, StringComparison.Ordinal);
        Assert.All(Account(host).Where(c => c.Status != ReadinessStatus.Warning), c => Assert.True(c.Status == ReadinessStatus.Ok && c.Remedy is null, $"{c.Name}: {c.Detail}"));
    }

    [Theory]
    [InlineData("etc/subuid", "ann:100000:65536\n1234:1:5\nbob:5", "rootless subuid", "gives bob 5 ids", "usermod --add-subuids")]
    [InlineData("etc/subgid", null, "rootless subgid", "gives bob 0 ids", "usermod --add-subgids")]
    [InlineData("usr/bin/newgidmap", null, "rootless subgid", "newgidmap", "apt-get install uidmap")]
    [InlineData("usr/bin/unshare", null, "rootless namespaces", "the program unshare", "apt-get install util-linux")]
    [InlineData("dev/net/tun", null, "rootless tunnel", "/dev/net/tun is missing", "modprobe tun")]
    [InlineData("usr/bin/slirp4netns", null, "rootless way out", "slirp4netns", "apt-get install slirp4netns")]
    [InlineData("proc/sys/user/max_user_namespaces", "0", "rootless namespaces", "max_user_namespaces is 0", "sysctl user.max_user_namespaces")]
    [InlineData("proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", "rootless namespaces", "apparmor", "sysctl kernel.apparmor")]
    [InlineData("proc/self/ns/user", null, "rootless namespaces", "no user namespaces", null)]
    public void Names_each_piece_that_is_missing(string file, string? content, string name, string detail, string? remedy)
    {
        using var host = Whole();
        if (content is null)
        {
            File.Delete(host[file]);
        }
        else
        {
            File.WriteAllText(host[file], content);
        }

        var found = Assert.Single(Account(host), c => c.Status == ReadinessStatus.Failed);
        Assert.Equal((name, ReadinessStatus.Failed), (found.Name, found.Status));
        Assert.Contains(detail, found.Detail, StringComparison.Ordinal);
        Assert.Contains(remedy ?? "", found.Remedy ?? "", StringComparison.Ordinal);
    }

    [Fact]
    public void Tells_a_device_or_program_that_is_closed_from_one_that_is_missing()
    {
        using var host = Whole();
        File.SetUnixFileMode(host["dev/net/tun"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.SetUnixFileMode(host["usr/bin/newuidmap"], (UnixFileMode)0x1ED);
        Assert.Equal(
            ["/dev/net/tun is closed", "/usr/bin/newuidmap has neither"],
            Account(host).Where(c => c.Status == ReadinessStatus.Failed).Select(c => string.Join(' ', c.Detail.Split(' ')[..3])).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Warns_of_a_session_without_a_folder()
    {
        using var host = Whole();
        Directory.Delete(host["run/user/1234"]);
        Assert.Contains("loginctl enable-linger bob", Account(host).Single(c => c.Name == "rootless session" && c.Status == ReadinessStatus.Warning).Remedy, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bob:165536:65536\n", "0 1234 1 1 165536 65535")]
    [InlineData("bob:1000000:1000\nann:5:5\n1234:2000000:100000\n", "0 1234 1 1 1000000 1000 1001 2000000 64535")]
    public void Maps_the_user_to_root_and_the_ids_of_the_host_behind_it(string subuid, string map)
    {
        using var host = Whole();
        File.WriteAllText(host["etc/subuid"], subuid);
        Assert.Equal(map, AccountOf(host).MapOf("subuid", User));
        Assert.Null(RootlessAccount.ProblemOf(AccountOf(host).Needed()));
    }

    [Fact]
    public void Says_in_one_sentence_what_is_missing_and_what_to_do()
    {
        using var host = Whole();
        File.Delete(host["usr/bin/newuidmap"]);
        File.WriteAllText(host["etc/subgid"], "");
        Assert.Equal(
            "the program newuidmap, which hands ids out, is missing (as root: apt-get install uidmap); "
            + "/etc/subgid gives bob 0 ids; images have up to 65536 (as root: usermod --add-subgids 100000-165535 bob)",
            RootlessAccount.ProblemOf(AccountOf(host).Needed()));
    }

    private static IReadOnlyList<ReadinessCheck> Account(TestFolder host) => AccountOf(host).Checks();

    private static RootlessAccount AccountOf(TestFolder host) => new(host.Path, "bob", User, "/usr/bin:/bin");

    private static TestFolder Whole()
    {
        var host = TestFolder.Create();
        Write("etc/subuid", "ann:100000:65536\nbob:165536:65536\n", 0x1A4);
        Write("etc/subgid", "1234:165536:65536\n", 0x1A4);
        Write("usr/bin/newuidmap", "", 0x9ED);
        Write("usr/bin/newgidmap", "", 0x9ED);
        Write("usr/bin/unshare", "", 0x1ED);
        Write("usr/bin/slirp4netns", "", 0x1ED);
        Write("dev/net/tun", "", 0x1B6);
        Write("proc/self/ns/user", "", 0x124);
        Write("proc/sys/user/max_user_namespaces", "15000\n", 0x1A4);
        Write("proc/sys/kernel/apparmor_restrict_unprivileged_userns", "0\n", 0x1A4);
        Directory.CreateDirectory(host["run/user/1234"]);
        return host;

        void Write(string file, string content, int mode)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(host[file])!);
            File.WriteAllText(host[file], content);
            File.SetUnixFileMode(host[file], (UnixFileMode)mode);
        }
    }
}
