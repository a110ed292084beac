using System.Text.RegularExpressions;
using BuildRunner.Containers.Engine;
using BuildRunner.Testing.Engine;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>A container that BuildRunner makes itself looks from inside as the one that runc makes of the same description: runc is the oracle.</summary>
public sealed partial class Same_container_as_by_runc
{
    /// <summary>Every line begins with what it is about.</summary>
    private const string Probe =
        """
        cd /; p=/proc
        for i in self 1; do grep -E '^(Umask|Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp|SigBlk|SigIgn|Cpus_allowed_list|Mems_allowed_list|TracerPid):' $p/$i/status | tr '\t' ' ' | sed "s/^/status $i /"; done
        sed 's/^[0-9]* [0-9]* [0-9:]* /mount /; s/ master:[0-9]*//' $p/self/mountinfo
        for f in uid_map gid_map setgroups cgroup oom_score_adj coredump_filter timerslack_ns loginuid; do sed "s/^/$f /" $p/self/$f 2>&1 | tr -s ' '; done
        sed 's/^/limit /' $p/self/limits
        find /dev -exec stat -c 'dev %n %F %a %u:%g %t:%T' {} +
        for l in /dev/fd /dev/stdin /dev/stdout /dev/stderr /dev/core /dev/ptmx; do echo link $l $(readlink $l); done
        for d in null zero full random urandom; do head -c 3 /dev/$d 2>&1 | wc -c | sed "s/^/read $d /"; (echo x > /dev/$d) 2>&1 | sed "s/^/write $d /"; done
        for f in acpi asound interrupts kcore keys latency_stats sched_debug scsi timer_list timer_stats bus fs irq sys sysrq-trigger; do
          echo hidden $f $(stat -c '%F %a %u:%g %t:%T' $p/$f 2>&1) $(head -c 100 $p/$f 2>/dev/null | wc -c) $(ls -A $p/$f 2>/dev/null | wc -l) $(touch $p/$f/x 2>&1 | grep -o ': [A-Z].*') $(echo 1 2>/dev/null > $p/$f && echo written)
        done
        for f in /sys/firmware /sys/devices/virtual/powercap /sys/kernel /sys; do echo sys $f $(stat -c '%F %a %u:%g' $f 2>&1) $(ls -A $f 2>/dev/null | wc -l) $(mkdir $f/x 2>&1 | grep -o ': [A-Z].*'); done
        for f in net/ipv4/ping_group_range net/ipv4/ip_unprivileged_port_start kernel/hostname kernel/domainname kernel/shmmax fs/mqueue/queues_max kernel/msgmni; do echo sysctl $f $(cat $p/sys/$f 2>&1) $( (cat $p/sys/$f > $p/sys/$f) 2>&1 | grep -o ': [A-Z].*'); done
        env | sort | sed 's/^/env /'
        for f in $(ls $p/self/fd); do echo fd $f $(readlink $p/self/fd/$f | sed 's/[0-9][0-9]*/N/g'); done
        echo hostname $(hostname) $(cat /etc/hostname)
        echo cwd $(readlink $p/self/cwd) root $(readlink $p/self/root) exe $(readlink $p/self/exe)
        echo process $(cut -d' ' -f 5-8,18,19,40,41 $p/self/stat | sed 's/[0-9][0-9]* /N /; s/ [0-9][0-9]* / N /')
        for i in environ exe cwd fd mem; do echo first $i $(head -c 10 $p/1/$i 2>&1 | grep -o ': [A-Z].*') $(ls $p/1/$i 2>&1 | grep -o ': [A-Z].*'); done
        ls -lan / /.buildrunner /etc/hosts /etc/hostname /etc/resolv.conf /woodpecker | awk '{print "list", $1, $3, $4, $NF}'
        awk '{print "key", $6, $7, $8, $9}' $p/keys 2>/dev/null
        for n in mnt pid ipc uts cgroup net user time; do echo ns $n $(readlink $p/self/ns/$n); done
        """;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("root")]
    [InlineData("builder")]
    [InlineData("may gain rights")]
    [InlineData("privileged")]
    [InlineData("limited")]
    public async Task Looks_the_same_from_inside(string kind)
    {
        var (theirs, ours) = (await LookAsync("runc", kind), await LookAsync("direct", kind));
        if (kind == "privileged")
        {
            // Meant to differ: with no cgroup of devices, no device node of an image works.
            theirs = [.. theirs.Select(l => l.Replace("mount / / rw,relatime", "mount / / rw,nodev,relatime", StringComparison.Ordinal))];
        }

        Assert.True(theirs.Count > 150, string.Join('\n', theirs));
        var differences = theirs.Except(ours).Select(l => "runc:   " + l).Concat(ours.Except(theirs).Select(l => "direct: " + l)).ToList();
        Assert.True(differences.Count == 0, string.Join('\n', differences));
    }

    private static async Task<List<string>> LookAsync(string runtime, string kind)
    {
        await using var host = OciHost.Create(o => o.RuntimePath = runtime);
        Directory.CreateDirectory(host.Folder["tree"]);
        Directory.CreateDirectory(host.Folder["volume"]);
        await using var group = await host.CreateGroupAsync(new WorkspaceSpec { SourceDirectory = host.Folder["tree"], BasePath = "/woodpecker", TreePath = "/woodpecker/src", CopyOnWrite = true });
        var spec = host.Shell(Probe) with
        {
            User = kind == "builder" ? "builder" : null,
            AllowNewPrivileges = kind == "may gain rights",
            Privileged = kind == "privileged",
            Limits = kind == "limited" ? new ResourceLimits(MemoryBytes: 64 << 20, Cpus: 0.5, Pids: 100) : ResourceLimits.None,
            HostMounts = [new HostMount(host.Folder["volume"], "/volume", ReadOnly: true)],
            Files = [new InjectedFile("given", "x"u8.ToArray(), Executable: false, Secret: true)],
        };
        var output = new OutputRecorder();
        var container = await group.PrepareAsync(spec, Cancellation);
        Assert.Equal(new ContainerExit.Exited(0), await group.RunAsync(container, StartSpec.AsPrepared, output, Cancellation));
        return [.. output.Out.TrimEnd('\n').Split('\n').Select(l => Normalize(l, host)).Order(StringComparer.Ordinal)];
    }

    /// <summary>What is another in every container: its group's name and ids, and the numbers of its namespaces, of which only counts whether they are the host's.</summary>
    private static string Normalize(string line, OciHost host)
    {
        line = line.Replace(host.Options.StateRoot, "STATE", StringComparison.Ordinal).Replace(host.Folder.Path, "FOLDER", StringComparison.Ordinal);
        line = GroupName().Replace(line, "GROUP");
        if (line.StartsWith("ns ", StringComparison.Ordinal))
        {
            var words = line.Split(' ');
            return $"ns {words[1]} {(words[2] == new FileInfo("/proc/self/ns/" + words[1]).LinkTarget ? "of the host" : "its own")}";
        }

        // The room for the files that the container is given has a description more where a runtime reads one.
        return GivenRoom().Replace(HostId().Replace(line, id => (uint.Parse(id.Value) % 65536).ToString()), "size=GIVEN,mode=711");
    }

    [GeneratedRegex("test-[0-9a-f]{32}")]
    private static partial Regex GroupName();

    [GeneratedRegex("size=[0-9]+k,mode=711")]
    private static partial Regex GivenRoom();

    /// <summary>Of the ids of groups, which begin at a multiple of 65,536.</summary>
    [GeneratedRegex("(?<=uid=|gid=|_map 0 )[0-9]{8,}")]
    private static partial Regex HostId();
}
