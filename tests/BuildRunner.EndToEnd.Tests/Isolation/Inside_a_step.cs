using System.Text.RegularExpressions;

namespace BuildRunner.EndToEnd.Tests.Isolation;

/// <summary>What a step finds when it looks around: it is alone, new, and may do little.</summary>
public sealed partial class Inside_a_step
{
    private const string ShowNamespaces = "for n in mnt pid net user ipc uts cgroup; do echo \"ns $n $(readlink /proc/self/ns/$n)\"; done";

    // Each line: the call's name, its number, and its arguments. They are tried as root of the container.
    private const string ForbiddenCalls = """
        perl -e '
          my $buffer = "\0" x 256;
          my @calls = (
            [mount => 165, 0, $buffer, 0, 0, 0], [umount2 => 166, $buffer, 0], [pivot_root => 155, $buffer, $buffer], [unshare_user => 272, 0x10000000],
            [unshare_net => 272, 0x40000000], [setns => 308, 0, 0], [clone_newuser => 56, 0x10000011, 0, 0, 0, 0], [clone3 => 435, $buffer, 88],
            [keyctl => 250, 0, -1, 0, 0, 0], [add_key => 248, $buffer, $buffer, $buffer, 1, -4], [request_key => 249, $buffer, $buffer, $buffer, -4],
            [bpf => 321, 0, $buffer, 128], [perf_event_open => 298, $buffer, 0, -1, -1, 0], [userfaultfd => 323, 0], [io_uring_setup => 425, 1, $buffer],
            [open_by_handle_at => 304, 0, $buffer, 0], [init_module => 175, $buffer, 1, $buffer], [finit_module => 313, 0, $buffer, 0], [delete_module => 176, $buffer, 0],
            [kexec_load => 246, 0, 0, 0, 0], [reboot => 169, 0xfee1dead, 672274793, 0], [swapon => 167, $buffer, 0], [acct => 163, 0], [syslog => 103, 10, 0, 0],
            [settimeofday => 164, $buffer, 0], [clock_settime => 227, 0, $buffer], [sethostname => 170, $buffer, 1], [iopl => 172, 3], [ioperm => 173, 0, 1, 1],
            [open_tree => 428, -100, $buffer, 1], [move_mount => 429, 0, $buffer, 0, $buffer, 4], [fsopen => 430, $buffer, 0], [mount_setattr => 442, 0, $buffer, 0x1000, $buffer, 32],
            [quotactl => 179, 0, 0, 0, 0], [lookup_dcookie => 212, 0, $buffer, 1], [vhangup => 153], [fanotify_init => 300, 0, 0], [personality => 135, 0x0040000],
            [af_alg => 41, 38, 5, 0], [af_vsock => 41, 40, 1, 0], [af_packet => 41, 17, 3, 0], [af_bluetooth => 41, 31, 3, 0], [af_xdp => 41, 44, 3, 0],
            [raw_socket => 41, 2, 3, 1], [mknod_device => 133, "/tmp/device\0", 020666, 0x801],
          );
          for (@calls) { my ($name, @call) = @$_; my $r = syscall($call[0], @call[1 .. $#call]); print "$name ", $r < 0 ? $!{EPERM} || $!{ENOSYS} || $!{EAFNOSUPPORT} ? "refused" : "ERROR $!" : "ALLOWED $r", "\n"; exit 0 if $name =~ /^clone/ && $r == 0; }'
        """;

    [Fact]
    public async Task Every_namespace_is_new_and_only_the_user_namespace_is_shared_in_a_workflow()
    {
        using var host = new Sandboxed();

        // Both at once: the kernel gives the number of a namespace that is gone to the next.
        static string Together(string mine, string other) => $"touch {mine}; while [ ! -e {other} ]; do sleep 0.05; done\n{ShowNamespaces}";
        var run = await host.RunAsync(Sandboxed.Pipeline(
            Sandboxed.Step("one", Sandboxed.Reveal + "\n" + Together("first", "second"), more: "    depends_on: []"),
            Sandboxed.Step("two", Together("second", "first"), more: "    depends_on: []")));

        Assert.True(run.Code == 0, run.All);
        var (one, two) = (NamespacesOf(run, "one"), NamespacesOf(run, "two"));
        Assert.Equal(7, one.Count);
        foreach (var (kind, name) in one)
        {
            Assert.NotEqual(File.ResolveLinkTarget($"/proc/self/ns/{kind}", returnFinalTarget: false)?.Name, name);
            Assert.True(kind == "user" ? two[kind] == name : two[kind] != name, $"{kind}: {name}, then {two[kind]}");
        }

        await host.NothingIsLeftAsync();
    }

    [Theory]
    [InlineData("", "00000000800405fb")]
    [InlineData("    backend_options: {docker: {user: '1234'}}", "0000000000000000")]
    public async Task Filter_and_capabilities_are_those_of_the_profile(string more, string capabilities)
    {
        using var host = new Sandboxed();

        var run = await host.RunAsync(Sandboxed.Pipeline(Sandboxed.Step("one", Sandboxed.Reveal + "\ngrep -E '^(Cap|Sec|NoNew)' /proc/self/status; ulimit -c", more: more)));

        Assert.True(run.Code == 0, run.All);
        string[] expected =
        [
            "CapInh:\t0000000000000000", $"CapPrm:\t{capabilities}", $"CapEff:\t{capabilities}", "CapBnd:\t00000000800405fb", "CapAmb:\t0000000000000000",
            "NoNewPrivs:\t1", "Seccomp:\t2", "Seccomp_filters:\t1", "0",
        ];
        Assert.Equal(expected, LinesOf(run, "one").Skip(2 + Echo(run, "one")));
    }

    [Fact]
    public async Task Calls_for_the_kernels_own_affairs_are_refused()
    {
        using var host = new Sandboxed();

        var run = await host.RunAsync(Sandboxed.Pipeline(Sandboxed.Step("one", "set +e\n" + ForbiddenCalls)));

        Assert.True(run.Code == 0, run.All);
        var answers = LinesOf(run, "one").Where(l => AnswerLine().IsMatch(l)).ToList();
        Assert.DoesNotContain(answers, a => !a.EndsWith(" refused", StringComparison.Ordinal));
        Assert.True(answers.Count > 40, run.Error);
    }

    [Fact]
    public async Task The_kernels_files_are_masked_or_cannot_be_written()
    {
        using var host = new Sandboxed();
        const string script = """
            set +e
            for f in /proc/kcore /proc/keys /proc/timer_list /proc/interrupts; do [ -e $f ] && echo "size $(head -c 100 $f 2>/dev/null | wc -c)"; done
            for d in /proc/acpi /proc/scsi /sys/firmware; do ls -A $d 2>/dev/null | sed 's,^,visible ,'; done
            for f in /proc/sys/kernel/core_pattern /proc/sys/kernel/hostname /proc/sys/vm/drop_caches /proc/sysrq-trigger /proc/irq/default_smp_affinity /sys/kernel/mm/ksm/run /sys/power/state /sys/kernel/uevent_helper; do (echo 1 > $f) 2>/dev/null && echo "WRITTEN $f"; done
            ls /sys/fs/cgroup/* /sys/kernel/debug/* /sys/kernel/tracing/* 2>/dev/null
            for f in /dev/* /dev/pts/*; do [ -c $f -o -b $f ] && [ ! -L $f ] && printf '%s ' $f; done; echo
            cat /proc/1/environ /proc/1/mem 2>/dev/null; readlink /proc/1/exe; readlink /proc/1/fd/0
            dmesg 2>/dev/null | head -1
            for s in HUP INT QUIT ILL ABRT BUS FPE KILL SEGV TERM STOP; do kill -$s 1 2>/dev/null; done; echo end
            """;

        var run = await host.RunAsync(Sandboxed.Pipeline(Sandboxed.Step("one", script)));

        Assert.True(run.Code == 0, run.All);
        var lines = LinesOf(run, "one").Skip(Echo(run, "one")).Where(l => l != "size 0").ToList();
        Assert.Equal(["/dev/full /dev/null /dev/random /dev/tty /dev/urandom /dev/zero /dev/pts/ptmx ", "end"], lines);
    }

    [Fact]
    public async Task Homes_credentials_and_our_own_folders_are_hidden_by_whatever_name_the_root_is_called()
    {
        using var host = new Sandboxed();
        Directory.CreateSymbolicLink(host["machine"], "/");
        Directory.CreateDirectory(host.StateRoot);
        File.WriteAllText(host.StateRoot + "/state", "x");
        const string script = """
            set +e
            ls -A /root /home/* /etc/ssh/ssh_host* /var/lib/docker /var/lib/buildrunner /run /srv /var/log/* 2>/dev/null | grep -v ':$' | grep -vE '^(/var/log/|lock$)' | grep .
            cat /etc/shadow /etc/gshadow /etc/machine-id 2>/dev/null
            echo end
            """;

        var run = await host.RunAsync(Sandboxed.Pipeline(
            Sandboxed.Step("plain", script),
            Sandboxed.Step("dots", script, "rootfs:/usr/../."),
            Sandboxed.Step("link", script, $"rootfs:{host["machine"]}"),
            Sandboxed.Step("relative", script, "rootfs:./machine")));

        Assert.True(run.Code == 0, run.All);
        foreach (var step in (string[])["plain", "dots", "link", "relative"])
        {
            Assert.Equal(["end"], LinesOf(run, step).Skip(Echo(run, step)));
        }
    }

    [Fact]
    public async Task Processes_of_the_host_are_neither_seen_nor_reached()
    {
        using var host = new Sandboxed();
        var own = Environment.ProcessId;

        var run = await host.RunAsync(Sandboxed.Pipeline(Sandboxed.Step("one", $"set +e\necho $(ls -d /proc/[0-9]* | wc -l) processes; [ -e /proc/{own} ] && echo SEEN; kill -9 {own} 2>/dev/null && echo KILLED; kill -0 -1 2>/dev/null; cat /proc/{own}/environ 2>/dev/null; echo end")));

        Assert.True(run.Code == 0, run.All);
        Assert.DoesNotMatch(@"one │ (SEEN|KILLED)", run.Error);
        Assert.Matches(@"one │ [2-9] processes\n", run.Error);
    }

    private static Dictionary<string, string> NamespacesOf(Finished run, string step) =>
        NamespaceLine().Matches(run.Error).Where(m => m.Groups["step"].Value == step).ToDictionary(m => m.Groups["kind"].Value, m => m.Groups["name"].Value);

    private static List<string> LinesOf(Finished run, string step) =>
        [.. run.Error.Split('\n').Where(l => l.StartsWith(step + " ", StringComparison.Ordinal) && l.Contains('│')).Select(l => l[(l.IndexOf('│', StringComparison.Ordinal) + 2)..]).Where(l => !l.StartsWith("start ", StringComparison.Ordinal) && !l.StartsWith("done in", StringComparison.Ordinal))];

    // The script is echoed before it runs.
    private static int Echo(Finished run, string step) => LinesOf(run, step).Count(l => l.StartsWith("+ ", StringComparison.Ordinal) || l.StartsWith("> ", StringComparison.Ordinal));

    [GeneratedRegex(@"^\w+ (refused|ALLOWED|ERROR)")]
    private static partial Regex AnswerLine();

    [GeneratedRegex(@"^(?<step>\w+) +│ ns (?<kind>\w+) (?<name>\S+)$", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex NamespaceLine();
}
