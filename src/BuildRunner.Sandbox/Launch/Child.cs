using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using BuildRunner.Sandbox.Kernel;
using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Launch;

/// <summary>The processes between the shim and a container's first program. Everything here makes bare system calls on a plan that was ready before (<see cref="Clone"/>).</summary>
/// <remarks>
/// Two: the first enters cgroups, network and users, and makes the second in new namespaces, which therefore belong to the container's user namespace and give nobody
/// rights on the host; the shim becomes its parent. The second mounts, gives up rights, and becomes the program.
/// </remarks>
internal static unsafe class Child
{
    private const int BlockAll = 2, SignalSetSize = 8;

    /// <summary>Forks the first process; returns it, or minus the error number.</summary>
    /// <remarks>
    /// Signals are held meanwhile: the runtime has its threads return to the collector by a signal, which a child that begins in the middle of it would do alone. The child
    /// never returns from here.
    /// </remarks>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Fork(NativePlan* plan)
    {
        var arguments = new CloneArguments { ExitSignal = SignalChild };
        if (plan->UnifiedCgroup >= 0)
        {
            (arguments.Flags, arguments.Cgroup) = (IntoCgroup, (ulong)plan->UnifiedCgroup);
        }

        ulong all = ulong.MaxValue, before;
        Libc.BareCall(plan->Numbers.SignalMask, BlockAll, (nint)(&all), (nint)(&before), SignalSetSize, 0);
        var pid = (int)Libc.BareCall(CallClone3, (nint)(&arguments), sizeof(CloneArguments), 0, 0, 0);
        if (pid == 0)
        {
            EnterNamespaces(plan);
        }

        var result = pid < 0 ? -*Libc.BareErrorLocation() : pid;
        Libc.BareCall(plan->Numbers.SignalMask, BlockAll, (nint)(&before), 0, SignalSetSize, 0);
        return result;
    }

    /// <summary>Tells the shim what failed, and ends.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Fail(NativePlan* plan, LaunchStage stage, int index, int error)
    {
        Tell(plan, stage, index, error);
        Libc.BareCall(plan->Numbers.Exit, 1, 0, 0, 0, 0);
    }

    /// <summary>Returns the result of a call; if it failed, this is the end.</summary>
    public static int Demand(NativePlan* plan, LaunchStage stage, int index, nint result)
    {
        if (result < 0)
        {
            Fail(plan, stage, index, *Libc.BareErrorLocation());
        }

        return (int)result;
    }

    private static void Tell(NativePlan* plan, LaunchStage stage, int index, int value)
    {
        var report = stackalloc int[3];
        report[0] = (int)stage;
        report[1] = index;
        report[2] = value;
        Libc.BareCall(plan->Numbers.Write, plan->Report, (nint)report, sizeof(int) * 3, 0, 0);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void EnterNamespaces(NativePlan* plan)
    {
        var n = plan->Numbers;
        for (var i = 0; i < plan->CgroupCount; i++)
        {
            var zero = (byte)'0';
            Demand(plan, LaunchStage.Cgroup, i, Libc.BareCall(n.Write, plan->Cgroups[i], (nint)(&zero), 1, 0, 0));
        }

        // What the container may not look into is secret before anybody of it could be there.
        Libc.BareCall(n.ControlProcess, SetDumpable, 0, 0, 0, 0);
        Demand(plan, LaunchStage.Network, 0, Libc.BareCall(n.SetNamespace, plan->Network, NewNetwork, 0, 0, 0));
        Demand(plan, LaunchStage.Users, 0, Libc.BareCall(n.SetNamespace, plan->Users, NewUsers, 0, 0, 0));

        // It ends as its brother does: with a signal to the same parent, which is not to be given here.
        var arguments = new CloneArguments { Flags = (ulong)(uint)(NewMounts | NewProcesses | NewIpc | NewHostName | NewCgroups | SameParent) };
        var pid = Demand(plan, LaunchStage.Namespaces, 0, Libc.BareCall(CallClone3, (nint)(&arguments), sizeof(CloneArguments), 0, 0, 0));
        if (pid == 0)
        {
            Become(plan);
        }

        Tell(plan, LaunchStage.Started, 0, pid);
        Libc.BareCall(n.Exit, 0, 0, 0, 0, 0);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Become(NativePlan* plan)
    {
        var n = plan->Numbers;
        Demand(plan, LaunchStage.Session, 0, Libc.BareCall(n.NewSession, 0, 0, 0, 0, 0));
        Demand(plan, LaunchStage.Identity, 0, Libc.BareCall(n.SetGroups, 0, 0, 0, 0, 0));
        Demand(plan, LaunchStage.Identity, 0, Libc.BareCall(n.SetGroup, 0, 0, 0, 0, 0));
        Demand(plan, LaunchStage.Identity, 0, Libc.BareCall(n.SetUser, 0, 0, 0, 0, 0));
        Demand(plan, LaunchStage.Keyring, 0, Libc.BareCall(n.ControlKeys, JoinSessionKeyring, (nint)plan->KeyringName, 0, 0, 0));
        var mask = Libc.BareCall(n.FileMask, 0, 0, 0, 0, 0);
        ChildMounts.Prepare(plan);
        ChildMounts.EnterRoot(plan);
        ChildMounts.Attach(plan);
        ChildMounts.Restrict(plan);
        Libc.BareCall(n.FileMask, mask, 0, 0, 0, 0);
        Demand(plan, LaunchStage.HostName, 0, Libc.BareCall(n.SetHostName, (nint)plan->HostName, plan->HostNameLength, 0, 0, 0));
        ChildRights.GiveUp(plan);
        Libc.BareCall(n.Execute, (nint)plan->Program, (nint)plan->Arguments, (nint)plan->Environment, 0, 0);
        Fail(plan, LaunchStage.Execute, 0, *Libc.BareErrorLocation());
    }

    private const int SignalChild = 17, JoinSessionKeyring = 1;

    /// <summary><c>struct clone_args</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct CloneArguments
    {
        public ulong Flags, PidFd, ChildTid, ParentTid, ExitSignal, Stack, StackSize, Tls, SetTid, SetTidSize, Cgroup;
    }
}
