using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Oci;
using BuildRunner.Sandbox.Kernel;
using BuildRunner.Testing;
using BuildRunner.Testing.Engine;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>What <c>Engine:Runtime=direct</c> needs of the host, and what it asks of the kernel.</summary>
public sealed partial class Our_own_launcher
{
    /// <summary>The names that the kernel's headers have for what <see cref="CallNumbers"/> has.</summary>
    private static readonly Dictionary<string, string> Names = new (string Field, string Call)[]
    {
        ("Clone", "clone"), ("Read", "read"), ("Write", "write"), ("Close", "close"), ("Exit", "exit_group"), ("ControlProcess", "prctl"), ("Unshare", "unshare"),
        ("DuplicateTo", "dup3"), ("NewSession", "setsid"), ("OpenAt", "openat"), ("SetGroups", "setgroups"), ("SetUser", "setresuid"), ("SetGroup", "setresgid"),
        ("ChangeDirectory", "chdir"), ("Execute", "execve"), ("SignalAction", "rt_sigaction"), ("SignalMask", "rt_sigprocmask"), ("MakeDirectoryAt", "mkdirat"),
        ("SetNamespace", "setns"), ("PivotRoot", "pivot_root"), ("Unmount", "umount2"), ("SetHostName", "sethostname"), ("ControlKeys", "keyctl"), ("SetCapabilities", "capset"),
        ("Status", "statx"), ("ReadLinkAt", "readlinkat"), ("LinkAt", "symlinkat"), ("ChangeDirectoryTo", "fchdir"), ("Filter", "seccomp"), ("FileMask", "umask"),
        ("LimitResource", "prlimit64"), ("FileSystemStatus", "fstatfs"),
    }.ToDictionary(n => n.Field, n => n.Call);

    [Theory]
    [InlineData("5.18", Architecture.X64, ReadinessStatus.Failed, "needs Linux 5.19, and this is 5.18")]
    [InlineData("5.19", Architecture.X64, ReadinessStatus.Ok, "direct: containers are made by BuildRunner itself (Linux 5.19)")]
    [InlineData("6.1", Architecture.Arm64, ReadinessStatus.Failed, "for x86-64, and this is Arm64, where nobody has tried it")]
    public void The_doctor_says_what_makes_the_containers_or_why_it_cannot(string kernel, Architecture processor, ReadinessStatus status, string said)
    {
        var check = OciProbe.OfDirect(Version.Parse(kernel), processor);
        Assert.Equal(status, check.Status);
        Assert.Contains(said, check.Detail, StringComparison.Ordinal);
        Assert.Equal(status == ReadinessStatus.Failed ? "take Engine:Runtime=runc" : null, check.Remedy);
    }

    [Theory]
    [InlineData(Architecture.X64, "/usr/include/x86_64-linux-gnu/asm/unistd_64.h")]
    [InlineData(Architecture.Arm64, "/usr/include/asm-generic/unistd.h")]
    public void Numbers_of_system_calls_are_those_of_the_kernels_headers(Architecture processor, string header)
    {
        Requires.Path(header);
        var defined = Definition().Matches(File.ReadAllText(header)).GroupBy(m => m.Groups[1].Value).ToDictionary(g => g.Key, g => g.First().Groups[2].Value);
        object numbers = CallNumbers.Of(processor);
        var fields = typeof(CallNumbers).GetFields(BindingFlags.Public | BindingFlags.Instance).Where(f => f.FieldType == typeof(nint)).ToList();
        Assert.Equal(Names.Keys.Order(), fields.Select(f => f.Name).Order());
        foreach (var field in fields)
        {
            Assert.Equal($"{field.Name} {defined[Names[field.Name]]}", $"{field.Name} {(nint)field.GetValue(numbers)!}");
        }

        (string Call, nint Number)[] alike =
        [
            ("pidfd_send_signal", Constants.CallPidfdSendSignal), ("open_tree", Constants.CallOpenTree), ("move_mount", Constants.CallMoveMount),
            ("fsopen", Constants.CallOpenFileSystem), ("fsconfig", Constants.CallConfigureFileSystem), ("fsmount", Constants.CallMountFileSystem),
            ("pidfd_open", Constants.CallPidfdOpen), ("clone3", Constants.CallClone3), ("close_range", Constants.CallCloseRange), ("openat2", Constants.CallOpenAt2),
            ("mount_setattr", Constants.CallMountSetAttributes),
        ];
        Assert.All(alike, c => Assert.Equal(defined[c.Call], c.Number.ToString(CultureInfo.InvariantCulture)));
    }

    /// <summary>The launcher takes every cgroup that is there by the container's name, also one of version 2 that has no controller, as where both versions are side by side.</summary>
    [Fact]
    public async Task A_container_is_born_in_its_cgroup_of_version_2_with_all_that_it_starts()
    {
        var root = new[] { "/sys/fs/cgroup/unified", "/sys/fs/cgroup" }.FirstOrDefault(d => File.Exists(d + "/cgroup.controllers"));
        Requires.That(root is not null, "cgroups of version 2");
        await using var host = OciHost.Create(o => o.RuntimePath = "direct");
        var id = $"test-{Guid.CreateVersion7():N}";
        host.Auditor.Watch(id);
        var group = await host.Engine.CreateGroupAsync(new GroupSpec { Id = id, Owner = "tests" }, TestContext.Current.CancellationToken);
        var own = $"{root}/buildrunner/{id}/c1";
        Directory.CreateDirectory(own);
        var output = new OutputRecorder();
        var container = await group.PrepareAsync(host.Shell("grep '^0::' /proc/self/cgroup; echo begun; sleep 600"), TestContext.Current.CancellationToken);
        var members = await File.ReadAllLinesAsync(own + "/cgroup.procs", TestContext.Current.CancellationToken);
        var first = Assert.Single(members);
        Assert.Contains("buildrunner-init", await File.ReadAllTextAsync($"/proc/{first}/cmdline", TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.Contains($"0::/buildrunner/{id}/c1\n", await File.ReadAllTextAsync($"/proc/{first}/cgroup", TestContext.Current.CancellationToken), StringComparison.Ordinal);

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var running = group.RunAsync(container, StartSpec.AsPrepared, output, stop.Token);
        await output.Contains("begun\n");
        Assert.Equal("0::/\nbegun\n", output.Out);
        Assert.True((await File.ReadAllLinesAsync(own + "/cgroup.procs", TestContext.Current.CancellationToken)).Length > 1);

        // The kernel's switch for the whole cgroup ends all of it.
        await File.WriteAllTextAsync(own + "/cgroup.kill", "1", TestContext.Current.CancellationToken);
        Assert.IsType<ContainerExit.Signaled>(await running);
        await group.DisposeAsync();
        Assert.False(Directory.Exists($"{root}/buildrunner/{id}"));
        Assert.Empty(await host.FindLeftOversAsync());
    }

    /// <summary>The generic header serves two widths, and has the numbers of what differs by them under names of their own.</summary>
    [GeneratedRegex(@"^#define __NR(?:3264)?_(\w+)\s+(\d+)\s*$", RegexOptions.Multiline)]
    private static partial Regex Definition();
}
