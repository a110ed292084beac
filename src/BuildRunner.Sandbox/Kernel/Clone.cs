using System.Runtime.InteropServices;
using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Kernel;

/// <summary>Forks this process.</summary>
/// <remarks>
/// The child is a copy of a process that had a garbage collector and a finaliser thread, without those threads. It may therefore only run
/// code that makes bare system calls (<see cref="Libc.BareCall"/>) on values that were ready before: no allocation, no exception, no static.
/// </remarks>
internal static unsafe class Clone
{
    /// <summary>Forks. In the child it returns 0, in the parent the child's process id, or minus the error number.</summary>
    /// <param name="namespaces">New namespaces for the child. Not 0: needs <c>clone3</c>, which containers do not have.</param>
    public static int Fork(ulong namespaces)
    {
        nint pid;
        if (namespaces == 0)
        {
            pid = Libc.BareCall(CallClone, SignalChild, 0, 0, 0, 0);
        }
        else
        {
            var arguments = new Arguments { Flags = namespaces, ExitSignal = SignalChild };
            pid = Libc.BareCall(CallClone3, (nint)(&arguments), sizeof(Arguments), 0, 0, 0);
        }

        return pid < 0 ? -*Libc.BareErrorLocation() : (int)pid;
    }

    private const int SignalChild = 17;

    [StructLayout(LayoutKind.Sequential)]
    private struct Arguments
    {
        public ulong Flags, PidFd, ChildTid, ParentTid, ExitSignal, Stack, StackSize, Tls, SetTid, SetTidSize, Cgroup;
    }
}
