namespace BuildRunner.EndToEnd.Tests.Isolation;

/// <summary>What a step does outside the workspace is gone in the next step and on the host; what it does inside is there.</summary>
public sealed class What_steps_leave_behind
{
    // A daemon that has left its session and its parent, a listener on an abstract socket, System V memory and queues, files wherever they can be made.
    private const string Litter = """
        set +e
        for d in /tmp /var/tmp /dev/shm /run /run/lock /etc /usr/bin /root / /dev/mqueue /var/lib /opt; do echo litter > $d/LITTER 2>/dev/null; done
        perl -e 'use POSIX; exit if fork; POSIX::setsid(); exit if fork; $0 = "littered-daemon"; open STDOUT, ">/dev/null"; open STDERR, ">/dev/null"; $SIG{TERM} = $SIG{HUP} = "IGNORE"; sleep 600'
        setsid -f nohup sleep 601 > /dev/null 2>&1
        perl -e 'use Socket; socket(my $s, AF_UNIX, SOCK_STREAM, 0); bind($s, pack("Sa*", AF_UNIX, "\0LITTER")) or die; listen($s, 1); exit if fork; open STDOUT, ">/dev/null"; open STDERR, ">/dev/null"; sleep 602'
        perl -e 'shmget(0x11223344, 4096, 01666) // die "shm $!"; msgget(0x11223344, 01666) // die "msg $!"; semget(0x11223344, 1, 01666) // die "sem $!"' || echo NO-SYSV
        mount -t tmpfs none /mnt 2>/dev/null && echo MOUNTED
        mount --bind /tmp /opt 2>/dev/null && echo MOUNTED
        perl -e 'my ($t, $n, $x) = ("user", "LITTER", "x"); print "KEYED\n" if syscall(248, $t, $n, $x, 1, -4) > 0 || syscall(250, 1, 0, 0, 0) > 0'
        hostname littered 2>/dev/null && echo RENAMED
        mkdir -p made && echo inside > made/file && chmod 750 made/file
        echo littered
        """;

    private const string Search = """
        set +e
        find / -xdev -name LITTER 2>/dev/null; ls /dev/shm/LITTER /run/LITTER /dev/mqueue/LITTER /tmp/LITTER 2>/dev/null
        for p in /proc/[0-9]*/cmdline; do tr '\0' ' ' < $p 2>/dev/null | grep -E 'littered-daemon|sleep 60' | grep -v grep; done
        grep -a LITTER /proc/net/unix
        tail -n +2 -q /proc/sysvipc/shm /proc/sysvipc/msg /proc/sysvipc/sem
        perl -e 'print "SHARED\n" if defined shmget(0x11223344, 1, 0)'
        perl -e 'my ($t, $n) = ("user", "LITTER"); print "SEARCHED-KEY\n" if syscall(250, 10, -4, $t, $n, 0) > 0'
        grep -c . /proc/self/mounts > /dev/null; grep -E ' (/mnt|/opt) ' /proc/self/mounts
        [ "$(hostname)" = littered ] && echo RENAMED
        echo "inside: $(cat made/file) $(stat -c '%u:%g %a' made/file)"
        """;

    [Theory]
    [InlineData("", "0:0")]
    [InlineData("backend_options: {docker: {user: '1234:2345'}}", "1234:2345")]
    public async Task Is_gone_in_the_next_step_except_in_the_workspace(string options, string owner)
    {
        var more = options.Length > 0 ? "    " + options : "";
        using var host = new Sandboxed();

        var run = await host.RunAsync(Sandboxed.Pipeline(
            Sandboxed.Step("one", Sandboxed.Reveal + "\n" + Litter, more: more),
            Sandboxed.Step("two", "echo SEARCH-BEGINS\n" + Search + "\necho SEARCH-ENDS", more: more)));

        Assert.True(run.Code == 0, run.All);
        Assert.Contains("one │ littered\n", run.Error);
        Assert.DoesNotMatch("one │ (MOUNTED|KEYED|RENAMED|NO-SYSV)", run.Error);
        Assert.Equal($"inside: inside {owner} 750", FoundBy(run));
        Assert.False(Directory.Exists(host["made"]), "the working tree was changed");
        await host.NothingIsLeftAsync();
    }

    [Fact]
    public async Task Is_gone_after_a_timeout_too()
    {
        using var host = new Sandboxed();
        var stubborn = "trap '' TERM INT HUP\n" + Sandboxed.Reveal + "\n" + Litter + "\nwhile :; do sleep 600; done";

        var run = await host.RunAsync(Sandboxed.Pipeline(
            Sandboxed.Step("one", stubborn, more: "    timeout: 3s\n    failure: ignore"),
            Sandboxed.Step("two", "echo SEARCH-BEGINS\n" + Search + "\necho SEARCH-ENDS")));

        Assert.Contains("timed out", run.Error);
        Assert.Equal("inside: inside 0:0 750", FoundBy(run));
        await host.NothingIsLeftAsync();
    }

    [Fact]
    public async Task Has_the_owner_of_the_tree_when_it_is_written_in_place()
    {
        using var host = new Sandboxed(("seed", "x"));
        File.WriteAllText(host["ci.yml"], "");
        Chown(host.Path, 4321, 4322);
        Chown(host["seed"], 4321, 4322);

        var run = await host.RunAsync(
            Sandboxed.Pipeline(
                Sandboxed.Step("root", Sandboxed.Reveal + "\nstat -c 'seed %u' seed; echo x > by-root"),
                Sandboxed.Step("user", "stat -c 'seed %u' seed; echo x >> seed; echo x > by-user", more: "    backend_options: {docker: {user: '1234:2345'}}")),
            "--in-place");

        Assert.True(run.Code == 0, run.All);
        Assert.Contains("root │ seed 0\n", run.Error);
        Assert.Contains("user │ seed 1234\n", run.Error);
        Assert.Equal(["4321:4322", "4321:4322", "4321:4322"], [Owner(host["seed"]), Owner(host["by-root"]), Owner(host["by-user"])]);
        await host.NothingIsLeftAsync();
    }

    // What the second step found, a line each.
    private static string FoundBy(Finished run)
    {
        var lines = run.Error.Split('\n').Where(l => l.StartsWith("two │ ", StringComparison.Ordinal)).Select(l => l["two │ ".Length..]).ToList();
        return string.Join('\n', lines.SkipWhile(l => l != "SEARCH-BEGINS").Skip(1).TakeWhile(l => l != "SEARCH-ENDS"));
    }

    private static void Chown(string path, int user, int group) => Tools.Run("chown", $"{user}:{group}", path);

    private static string Owner(string path) => Tools.Run("stat", "-c", "%u:%g", path).Trim();
}
