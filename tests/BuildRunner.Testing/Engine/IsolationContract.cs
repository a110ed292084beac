using BuildRunner.Containers.Engine;
using Xunit;

namespace BuildRunner.Testing.Engine;

/// <summary>What a step cannot see, keep or touch, on any engine.</summary>
public abstract partial class IsolationContract : EngineContract
{
    /// <summary>Leaves something behind in every way that a step can, and then tells "left".</summary>
    private const string Leave =
        """
        echo mine > /tmp/left; echo mine > $HOME/left; mkdir -p /opt/left 2>/dev/null; echo mine > /dev/shm/left
        (trap '' TERM HUP; echo mine > /tmp/background; exec sleep 600) >/dev/null 2>&1 &
        (exec setsid sleep 601) >/dev/null 2>&1 &
        nc -l -p 9099 >/dev/null 2>&1 &
        ln -sf /etc/passwd /tmp/link; mkfifo /tmp/pipe
        echo left
        """;

    /// <summary>Says what a step finds that is not its own. The channel is that of its own first process.</summary>
    private const string Find =
        """
        ls -d /tmp/left /root/left /home/builder/left /opt/left /dev/shm/left /tmp/background /tmp/link /tmp/pipe 2>/dev/null
        ls -A /dev/shm; ls -A /dev/mqueue
        for p in /proc/[0-9]*; do tr '\0' ' ' < $p/cmdline; done 2>/dev/null | grep -o 'sleep 60[01]'
        awk 'NR > 1 && NF > 7 && $8 !~ /\/channel$/' /proc/net/unix
        tail -n +2 /proc/sysvipc/shm
        grep -c :238B /proc/net/tcp /proc/net/tcp6 | grep -v ':0'
        echo end
        """;

    [Theory]
    [InlineData(null, "exit 0")]
    [InlineData("builder", "exit 0")]
    [InlineData(null, "sleep 600")]
    [InlineData("builder", "trap '' TERM; while true; do sleep 1; done")]
    public async Task What_a_step_leaves_the_next_step_does_not_find(string? user, string ending)
    {
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host);
        var output = new OutputRecorder();
        using var stop = new CancellationTokenSource();
        var leaving = await group.PrepareAsync(Shell(host, Leave + "\n" + ending) with { User = user, StopGrace = TimeSpan.FromMilliseconds(200) }, Cancellation);
        var next = await group.PrepareAsync(Shell(host, Find), Cancellation);
        var running = group.RunAsync(leaving, StartSpec.AsPrepared, output, stop.Token);
        await output.Contains("left\n");
        if (ending != "exit 0")
        {
            await stop.CancelAsync();
        }

        await Record.ExceptionAsync(() => running);
        var found = new OutputRecorder();
        await group.RunAsync(next, StartSpec.AsPrepared, found, Cancellation);
        Assert.Equal("end\n", found.Out);
        Assert.Equal("end", (await RunAsync(group, Shell(host, Find))).Text);
    }

    [Fact]
    public async Task What_a_step_changes_in_its_image_is_gone_in_the_next_step_and_on_the_host()
    {
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host);
        Assert.Equal("changed", (await RunAsync(group, Shell(host, "echo changed > /etc/passwd; rm /etc/group; chmod 777 /etc; cat /etc/passwd"))).Text);
        Assert.StartsWith("root:", (await RunAsync(group, Shell(host, "cat /etc/passwd; ls /etc/group; [ $(stat -c %a /etc) = 755 ]"))).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_steps_at_once_have_nothing_in_common()
    {
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host);
        var output = new OutputRecorder();
        var service = await group.StartServiceAsync(Shell(host, "echo mine > /tmp/left; echo mine > /dev/shm/left; echo up; exec sleep 600", "first"), output, Cancellation);
        await output.Contains("up\n");
        Assert.Equal("end", (await RunAsync(group, Shell(host, Find, "second"))).Text);
        await service.DisposeAsync();
    }

    private static readonly string[] Namespaces = ["mnt", "pid", "ipc", "uts"];

    private static readonly string[] Attempts =
    [
        "mount -t tmpfs none /tmp",
        "umount /proc",
        "unshare -r true",
        "mknod /tmp/disk b 8 0 && head -c 1 /tmp/disk",
        "hostname other",
        "echo 1 > /proc/sys/kernel/panic",
        "echo b > /proc/sysrq-trigger",
        "dmesg",
        "date -s 2001-01-01; [ $(date +%Y) = 2001 ]",
        "ip link add dummy0 type dummy",
        "nice -n -5 true",
        "test -s /proc/kcore && head -c 1 /proc/kcore | grep -q .",
        "ls /sys/firmware | grep -q .",
        "touch /sys/kernel/x",
        "kill -9 1; sleep 0.1; kill -STOP 1; cat /proc/1/environ | grep -q .",
    ];

    [Fact]
    public async Task A_step_may_not_touch_what_is_the_hosts()
    {
        await using var host = CreateHost();
        var script = string.Concat(Attempts.Select((attempt, i) => $"({attempt}) >/dev/null 2>&1 && echo {i}\n")) + "echo end";
        var allowed = (await RunAloneAsync(host, script)).Text.Split('\n')[..^1].Select(i => Attempts[int.Parse(i)]);
        Assert.Empty(allowed);
    }

    /// <summary>As root of the container. Each must fail for lack of right, not for its arguments.</summary>
    [Fact]
    public async Task A_step_may_not_make_calls_that_give_a_hold_on_the_kernel()
    {
        const int NotPermitted = 1, NoSuchCall = 38, NoSuchFamily = 97;
        await using var host = CreateHost();
        var script = string.Concat(BusyboxImage.DeniedCalls.Keys.Select(call => $"{BusyboxImage.ProgramOf(call)}; echo {call} $?\n"));
        var answers = (await RunAloneAsync(host, script)).Text.Split('\n').Select(l => l.Split(' ')).ToDictionary(w => w[0], w => int.Parse(w[1]));
        Assert.Equal(BusyboxImage.DeniedCalls.Keys, answers.Keys);
        Assert.Empty(answers.Where(a => a.Value is not (NotPermitted or NoSuchCall or NoSuchFamily)));
    }

    [Theory]
    [InlineData(null, "00000000800405fb")]
    [InlineData("builder", "0000000000000000")]
    public async Task The_filter_and_the_capabilities_are_those_of_the_profile(string? user, string effective)
    {
        const string Report = "grep -E '^(Seccomp|NoNewPrivs|CapInh|CapPrm|CapEff|CapBnd|CapAmb):' /proc/self/status | tr -d '\t' | sort";
        await using var host = CreateHost();
        var report = (await RunAloneAsync(host, Report, s => s with { User = user })).Text.Split('\n');
        Assert.Equal(
            ["CapAmb:0000000000000000", "CapBnd:00000000800405fb", $"CapEff:{effective}", "CapInh:0000000000000000", $"CapPrm:{effective}", "NoNewPrivs:1", "Seccomp:2"],
            report);
    }

    [Fact]
    public async Task Every_step_has_namespaces_of_its_own()
    {
        var report = $"for n in {string.Join(' ', Namespaces)}; do readlink /proc/self/ns/$n; done";
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host);
        var output = new OutputRecorder();
        await group.StartServiceAsync(Shell(host, report + "; echo up; sleep 600", "service"), output, Cancellation);
        await output.Contains("up\n");
        var seen = output.Out.Split('\n')[..4].Concat((await RunAsync(group, Shell(host, report))).Text.Split('\n'))
            .Concat(Namespaces.Select(n => new FileInfo("/proc/self/ns/" + n).LinkTarget!)).ToList();
        Assert.Equal(12, seen.Distinct().Count());
    }

    [Theory]
    [InlineData(false, 1000 & 0xFF)]
    [InlineData(true, 0)]
    public async Task A_setuid_program_works_only_where_new_privileges_are_allowed(bool allowed, int effectiveUser)
    {
        await using var host = CreateHost();
        var result = await RunAloneAsync(host, "exec " + BusyboxImage.SetUserIdProgram, s => s with { User = "builder", AllowNewPrivileges = allowed });
        Assert.Equal(new ContainerExit.Exited(effectiveUser), result.Exit);
    }

    [Fact]
    public async Task Name_servers_and_host_names_of_a_container_are_its_own_files()
    {
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host);
        await RunAsync(group, Shell(host, "echo '192.0.2.9 left' >> /etc/hosts; echo > /etc/resolv.conf"));
        Assert.Equal("0\n1", (await RunAsync(group, Shell(host, "grep -c left /etc/hosts; grep -q nameserver /etc/resolv.conf; echo $((1 - $?))"))).Text);
    }
}
