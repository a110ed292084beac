using System.Runtime.InteropServices;
using BuildRunner.Sandbox.Kernel;

namespace BuildRunner.Sandbox.Init;

/// <summary>Puts a filter of system calls in force.</summary>
internal static unsafe class CallFilter
{
    private const nint SetModeFilter = 1, AllThreads = 1;
    private const int InstructionLength = 8;

    /// <summary>For every thread of this process and all that it starts, for ever; the kernel demands <c>no_new_privs</c>.</summary>
    /// <param name="program">The instructions; none: nothing is done.</param>
    /// <returns>0, or the kernel's error.</returns>
    public static int PutInForce(ReadOnlySpan<byte> program)
    {
        if (program.Length == 0)
        {
            return 0;
        }

        fixed (byte* instructions = program)
        {
            var filter = new Program { Length = (ushort)(program.Length / InstructionLength), Instructions = instructions };
            var result = Libc.Call(Constants.CallSeccomp, SetModeFilter, AllThreads, (nint)(&filter), 0, 0);

            // Of several threads one that cannot take the filter is named by its number.
            return result < 0 ? Marshal.GetLastPInvokeError() : result > 0 ? Constants.ErrBusy : 0;
        }
    }

    /// <summary><c>struct sock_fprog</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Program
    {
        public ushort Length;
        public byte* Instructions;
    }
}
