using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Oci;
using BuildRunner.Testing;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>What the doctor tells an ordinary user of this host: each piece that is missing, and what to do.</summary>
public sealed class Rootless_account
{
    private const uint User = 1234;

    [Fact]
    public void Has_nothing_to_say_of_a_host_that_has_everything()
    {
        using var host = Whole();
        Assert.All(Account(host), c => Assert.True(c.Status == ReadinessStatus.Ok && c.Remedy is null, $"{c.Name}: {c.Detail}"));
    }

    [Theory]
    [InlineData("etc/subuid", "ann:100000:65536\n1234:1:5\nbob:5", "rootless subuid", "gives bob 5 ids", "usermod --add-subuids")]
    [InlineData("etc/subgid", null, "rootless subgid", "gives bob 0 ids", "usermod --add-subgids")]
    [InlineData("usr/bin/newgidmap", null, "rootless subgid", "newgidmap", "apt-get install uidmap")]
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

        var found = Assert.Single(Account(host), c => c.Status != ReadinessStatus.Ok);
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
    public void Warns_of_limits_that_would_not_be_kept()
    {
        using var host = Whole();
        File.WriteAllText(host["sys/fs/cgroup/user.slice/user-1234.slice/user@1234.service/cgroup.controllers"], "pids\n");
        var partly = Assert.Single(Account(host), c => c.Status == ReadinessStatus.Warning);
        Assert.Contains("not delegated to bob: memory, cpu", partly.Detail, StringComparison.Ordinal);
        File.Delete(host["sys/fs/cgroup/cgroup.controllers"]);
        Assert.Contains("not of version 2", Assert.Single(Account(host), c => c.Status == ReadinessStatus.Warning).Detail, StringComparison.Ordinal);
    }

    private static IReadOnlyList<ReadinessCheck> Account(TestFolder host) => new RootlessAccount(host.Path, "bob", User, "/usr/bin:/bin").Checks();

    private static TestFolder Whole()
    {
        var host = TestFolder.Create();
        Write("etc/subuid", "ann:100000:65536\nbob:165536:65536\n", 0x1A4);
        Write("etc/subgid", "1234:165536:65536\n", 0x1A4);
        Write("usr/bin/newuidmap", "", 0x9ED);
        Write("usr/bin/newgidmap", "", 0x9ED);
        Write("usr/bin/slirp4netns", "", 0x1ED);
        Write("dev/net/tun", "", 0x1B6);
        Write("proc/self/ns/user", "", 0x124);
        Write("proc/sys/user/max_user_namespaces", "15000\n", 0x1A4);
        Write("proc/sys/kernel/apparmor_restrict_unprivileged_userns", "0\n", 0x1A4);
        Write("sys/fs/cgroup/cgroup.controllers", "cpu memory pids\n", 0x124);
        Write("sys/fs/cgroup/user.slice/user-1234.slice/user@1234.service/cgroup.controllers", "cpu io memory pids\n", 0x1A4);
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
