using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Kernel;

/// <summary>Forks this process.</summary>
/// <remarks>
/// The child is a copy of a process that had a garbage collector and other threads, without those threads, and perhaps of the middle of a collection, which will never end there. It may
/// therefore only run code that makes bare system calls (<see cref="BareCode"/>) on values that were ready before: no allocation, no exception, no static, no call of a library. A test reads
/// the machine code of all of it (<c>Bare_calls_of_forked_children</c>).
/// </remarks>
internal static unsafe class Clone
{
    private const int SignalChild = 17, BlockAll = 0, SetMask = 2, SignalSetSize = 8;

    /// <summary>Forks. Returns the child's process id, or minus the error number.</summary>
    /// <param name="namespaces">New namespaces for the child. Not 0: needs <c>clone3</c>, which containers do not have.</param>
    /// <param name="child">What the child does. It ends the process and does not return; signals are held in it.</param>
    /// <param name="given">What it is given: lies outside of the collector's memory, or on this thread's stack.</param>
    public static int Fork(ulong namespaces, delegate*<void*, void> child, void* given)
    {
        var arguments = new CloneArguments { Flags = namespaces, ExitSignal = SignalChild };
        return Fork(&arguments, child, given);
    }

    /// <summary>The same, into a cgroup of version 2, so that the child never has to move.</summary>
    /// <param name="cgroup">The cgroup's directory, open; -1: that of this process.</param>
    /// <param name="child">What the child does.</param>
    /// <param name="given">What it is given.</param>
    public static int ForkInto(int cgroup, delegate*<void*, void> child, void* given)
    {
        var arguments = new CloneArguments { ExitSignal = SignalChild };
        if (cgroup >= 0)
        {
            (arguments.Flags, arguments.Cgroup) = (IntoCgroup, (ulong)cgroup);
        }

        return Fork(&arguments, child, given);
    }

    private static int Fork(CloneArguments* arguments, delegate*<void*, void> child, void* given)
    {
        var numbers = CallNumbers.OfThisProcessor();
        return Split(&numbers, BareCode.Call(), arguments, child, given);
    }

    /// <summary>
    /// Signals are held meanwhile: the runtime has its threads return to the collector by a signal, which changes where a function returns to. For the same reason the child does not return from
    /// here: what this function returns to may have been changed before.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Split(CallNumbers* numbers, delegate*<nint, nint, nint, nint, nint, nint, nint> call, CloneArguments* arguments, delegate*<void*, void> child, void* given)
    {
        ulong all = ulong.MaxValue, before;
        call(numbers->SignalMask, BlockAll, (nint)(&all), (nint)(&before), SignalSetSize, 0);
        var pid = arguments->Flags == 0 ? call(numbers->Clone, SignalChild, 0, 0, 0, 0) : call(CallClone3, (nint)arguments, sizeof(CloneArguments), 0, 0, 0);
        if (pid == 0)
        {
            child(given);
            call(numbers->Exit, 127, 0, 0, 0, 0);
        }

        call(numbers->SignalMask, SetMask, (nint)(&before), 0, SignalSetSize, 0);
        return (int)pid;
    }

}

/// <summary><c>struct clone_args</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CloneArguments
{
    public ulong Flags, PidFd, ChildTid, ParentTid, ExitSignal, Stack, StackSize, Tls, SetTid, SetTidSize, Cgroup;
}
