using System.Runtime.InteropServices;
using BuildRunner.Sandbox.Kernel;

namespace BuildRunner.Sandbox.Launch;

/// <summary>What a container's process gives up before it becomes the first program. Bare calls only.</summary>
internal static unsafe class ChildRights
{
    private const int DropBounding = 24, NoNewPrivileges = 38, Ambient = 47, ClearAmbient = 4;
    private const nint SetModeFilter = 1;
    private const uint CapabilityVersion = 0x20080522;
    private const int CloseRangeOnExec = 4, SetMask = 2;

    /// <summary>Tells the host's security modules which label the program has from its first instruction on. The files are opened in the new <c>/proc</c> itself, whatever is mounted over it.</summary>
    public static void Label(NativePlan* plan)
    {
        var n = plan->Numbers;
        for (var i = 0; i < plan->LabelCount; i++)
        {
            var label = plan->Labels + i;
            var file = Child.Demand(plan, LaunchStage.Label, i, plan->Call(n.OpenAt, plan->FileSystems[plan->Proc].Mount, (nint)label->Path, Constants.WriteOnly | Constants.CloseOnExec, 0, 0));
            Demand(plan, LaunchStage.Label, i, plan->Call(n.Write, file, (nint)label->Value, label->Length, 0, 0));
            plan->Call(n.Close, file, 0, 0, 0, 0);
        }
    }

    /// <summary>Resources, standard streams, the right to get more rights, system calls, capabilities, and every other open file.</summary>
    public static void GiveUp(NativePlan* plan)
    {
        var n = plan->Numbers;
        for (var i = 0; i < plan->LimitCount; i++)
        {
            var limit = plan->Limits + i;
            Demand(plan, LaunchStage.ResourceLimit, i, plan->Call(n.LimitResource, 0, limit->Resource, (nint)(&limit->Soft), 0, 0));
        }

        Demand(plan, LaunchStage.Streams, 0, plan->Call(n.DuplicateTo, plan->Input, 0, 0, 0, 0));
        Demand(plan, LaunchStage.Streams, 1, plan->Call(n.DuplicateTo, plan->Output, 1, 0, 0, 0));
        Demand(plan, LaunchStage.Streams, 2, plan->Call(n.DuplicateTo, plan->Error, 2, 0, 0, 0));
        if (plan->NoNewPrivileges)
        {
            Demand(plan, LaunchStage.Privileges, 0, plan->Call(n.ControlProcess, NoNewPrivileges, 1, 0, 0, 0));
        }

        // Without no_new_privs only who has rights may put it in force.
        if (plan->FilterLength > 0)
        {
            var program = new FilterProgram { Length = plan->FilterLength, Instructions = plan->Filter };
            Demand(plan, LaunchStage.Filter, 0, plan->Call(n.Filter, SetModeFilter, 0, (nint)(&program), 0, 0));
        }

        LimitCapabilities(plan);
        ulong none = 0;
        plan->Call(n.SignalMask, SetMask, (nint)(&none), 0, sizeof(ulong), 0);
        Demand(plan, LaunchStage.Streams, 3, plan->Call(Constants.CallCloseRange, 3, int.MaxValue, CloseRangeOnExec, 0, 0));
    }

    private static void LimitCapabilities(NativePlan* plan)
    {
        var n = plan->Numbers;
        for (var i = 0; i < plan->CapabilityCount; i++)
        {
            if ((plan->Capabilities & (1UL << i)) == 0)
            {
                Demand(plan, LaunchStage.Capabilities, i, plan->Call(n.ControlProcess, DropBounding, i, 0, 0, 0));
            }
        }

        Demand(plan, LaunchStage.Capabilities, 0, plan->Call(n.ControlProcess, Ambient, ClearAmbient, 0, 0, 0));
        var (low, high) = ((uint)plan->Capabilities, (uint)(plan->Capabilities >> 32));
        var header = new CapabilityHeader { Version = CapabilityVersion };
        var sets = stackalloc uint[6];
        sets[0] = low;
        sets[1] = low;
        sets[2] = 0;
        sets[3] = high;
        sets[4] = high;
        sets[5] = 0;
        Demand(plan, LaunchStage.Capabilities, 0, plan->Call(n.SetCapabilities, (nint)(&header), (nint)sets, 0, 0, 0));
    }

    private static void Demand(NativePlan* plan, LaunchStage stage, int index, nint result) => Child.Demand(plan, stage, index, result);

    [StructLayout(LayoutKind.Sequential)]
    private struct CapabilityHeader
    {
        public uint Version;
        public int Process;
    }

    /// <summary><c>struct sock_fprog</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct FilterProgram
    {
        public ushort Length;
        public byte* Instructions;
    }
}
