using BuildRunner.Sandbox.Group;
using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Shim;
using BuildRunner.Sandbox.Wire;
using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Launch;

/// <summary>Makes containers by system calls of its own, without an OCI runtime (docs/decisions/0221).</summary>
internal sealed unsafe class DirectLauncher(PrepareRequest request) : IContainerLauncher
{
    private readonly LaunchPlan _plan = LaunchPlan.Decode(request.Configuration);
    private readonly Cgroups _cgroups = Cgroups.OfThisHost();

    /// <inheritdoc/>
    public int Create(Descriptor input, Descriptor output, Descriptor error, Descriptor caller)
    {
        using var users = Descriptor.Open(_plan.UserNamespacePath, ReadOnly);
        using var network = Descriptor.Open(_plan.NetworkNamespacePath, ReadOnly);
        using var cgroup = _plan.HasCgroup ? _cgroups.CreateForContainer(request.CgroupPath, _plan.Limits, _plan.DeviceRules) : null;
        using var arena = new NativeArena();
        var native = new NativePlanWriter(arena, _plan).Write();
        (native->Users, native->Network) = (users.Number, network.Number);
        (native->Input, native->Output, native->Error) = (input.Number, output.Number, error.Number);
        native->KeyringName = arena.Text("_ses." + request.ContainerId);
        if (cgroup is not null)
        {
            native->CgroupCount = cgroup.Members.Count;
            native->Cgroups = arena.Take<int>(cgroup.Members.Count);
            for (var i = 0; i < cgroup.Members.Count; i++)
            {
                native->Cgroups[i] = cgroup.Members[i].Number;
            }

            native->UnifiedCgroup = cgroup.Unified?.Number ?? -1;
        }

        var (reportRead, reportWrite) = Descriptor.Pipe();
        using var made = new SharedNumber();
        native->Container = made.Place;
        using (reportRead)
        {
            int first;
            using (reportWrite)
            {
                native->Report = reportWrite.Number;
                first = Child.Fork(native);
            }

            return first > 0 ? Follow(first, made, reportRead, caller) : throw KernelException.FromErrorNumber("start the container's first process", -first);
        }
    }

    /// <inheritdoc/>
    public void Delete() => _cgroups.Remove(request.CgroupPath);

    /// <summary>Hears what the processes say until both are done: one has ended, the other is the container's first program, or nobody is left.</summary>
    private int Follow(int first, SharedNumber made, Descriptor report, Descriptor caller)
    {
        LaunchReport? failure = null;
        bool wanted;
        while ((wanted = WaitUnlessCallerIsGone(report, caller)) && LaunchReport.Read(report) is { } said)
        {
            failure ??= said;
        }

        if (!wanted)
        {
            _ = Libc.Kill(first, SignalKill);
        }

        // Once the first has ended, there is the second or there will be none.
        _ = Processes.Wait(first);
        var container = made.Value;
        if (wanted && failure is null && container > 0)
        {
            return container;
        }

        if (container > 0)
        {
            _ = Libc.Kill(container, SignalKill);
            _ = Processes.Wait(container);
        }

        return (wanted, failure) switch
        {
            (false, _) => 0,
            (_, { } known) => throw known.Explain(_plan),
            _ => throw new KernelException(FailureKind.Runtime, 0, "the container's first process was killed before it could begin"),
        };
    }

    private static bool WaitUnlessCallerIsGone(Descriptor report, Descriptor caller)
    {
        var entries = stackalloc PollEntry[2];
        entries[0] = new PollEntry { Descriptor = report.Number, Events = PollIn };
        entries[1] = new PollEntry { Descriptor = caller.Number };
        do
        {
            _ = Libc.Poll(entries, 2, -1);
        }
        while (entries[0].Returned == 0 && entries[1].Returned == 0);
        return entries[0].Returned != 0;
    }
}
