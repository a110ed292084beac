using System.Runtime.CompilerServices;
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
    /// <summary>Forks the first process; returns it, or minus the error number.</summary>
    public static int Fork(NativePlan* plan) => Clone.ForkInto(plan->UnifiedCgroup, &EnterNamespaces, plan);

    /// <summary>Tells the shim what failed, and ends.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Fail(NativePlan* plan, LaunchStage stage, int index, int error)
    {
        var report = plan->Said;
        report[0] = (int)stage;
        report[1] = index;
        report[2] = error;
        plan->Call(plan->Numbers.Write, plan->Report, (nint)report, sizeof(int) * 3, 0, 0);
        plan->Call(plan->Numbers.Exit, 1, 0, 0, 0, 0);
    }

    /// <summary>Returns the result of a call; if it failed, this is the end.</summary>
    public static int Demand(NativePlan* plan, LaunchStage stage, int index, nint result)
    {
        if (result < 0)
        {
            Fail(plan, stage, index, (int)-result);
        }

        return (int)result;
    }

    private static void EnterNamespaces(void* given)
    {
        var plan = (NativePlan*)given;
        var n = plan->Numbers;
        for (var i = 0; i < plan->CgroupCount; i++)
        {
            var zero = (byte)'0';
            Demand(plan, LaunchStage.Cgroup, i, plan->Call(n.Write, plan->Cgroups[i], (nint)(&zero), 1, 0, 0));
        }

        // What the container may not look into is secret before anybody of it could be there.
        plan->Call(n.ControlProcess, SetDumpable, 0, 0, 0, 0);
        Demand(plan, LaunchStage.Network, 0, plan->Call(n.SetNamespace, plan->Network, NewNetwork, 0, 0, 0));
        Demand(plan, LaunchStage.Users, 0, plan->Call(n.SetNamespace, plan->Users, NewUsers, 0, 0, 0));

        // It ends as its brother does: with a signal to the same parent, which is not to be given here. The kernel writes its number where the shim reads it before it lives, so that
        // the shim knows of it also if this process is killed at once.
        const int namespaces = NewMounts | NewProcesses | NewIpc | NewHostName | NewCgroups;
        var arguments = new CloneArguments { Flags = (ulong)(uint)(namespaces | SameParent | WriteNumber), ParentTid = (ulong)plan->Container };
        var pid = Demand(plan, LaunchStage.Namespaces, 0, plan->Call(CallClone3, (nint)(&arguments), sizeof(CloneArguments), 0, 0, 0));
        if (pid == 0)
        {
            Become(plan);
        }

        plan->Call(n.Exit, 0, 0, 0, 0, 0);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Become(NativePlan* plan)
    {
        var n = plan->Numbers;
        Demand(plan, LaunchStage.Session, 0, plan->Call(n.NewSession, 0, 0, 0, 0, 0));
        Demand(plan, LaunchStage.Identity, 0, plan->Call(n.SetGroups, 0, 0, 0, 0, 0));
        Demand(plan, LaunchStage.Identity, 0, plan->Call(n.SetGroup, 0, 0, 0, 0, 0));
        Demand(plan, LaunchStage.Identity, 0, plan->Call(n.SetUser, 0, 0, 0, 0, 0));
        Demand(plan, LaunchStage.Keyring, 0, plan->Call(n.ControlKeys, JoinSessionKeyring, (nint)plan->KeyringName, 0, 0, 0));
        var mask = plan->Call(n.FileMask, 0, 0, 0, 0, 0);
        ChildMounts.Prepare(plan);
        ChildMounts.EnterRoot(plan);
        ChildMounts.Attach(plan);
        ChildMounts.Restrict(plan);
        plan->Call(n.FileMask, mask, 0, 0, 0, 0);
        Demand(plan, LaunchStage.HostName, 0, plan->Call(n.SetHostName, (nint)plan->HostName, plan->HostNameLength, 0, 0, 0));
        ChildRights.Label(plan);
        ChildRights.GiveUp(plan);
        Demand(plan, LaunchStage.Execute, 0, plan->Call(n.Execute, (nint)plan->Program, (nint)plan->Arguments, (nint)plan->Environment, 0, 0));
    }

    private const int JoinSessionKeyring = 1;
}
