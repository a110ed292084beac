using System.Runtime.InteropServices;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>The filter of system calls that a process has, read from the kernel, and what it says.</summary>
/// <param name="program">Its instructions.</param>
internal sealed partial class LoadedFilter(LoadedFilter.Instruction[] program)
{
    private const int Seize = 0x4206, Interrupt = 0x4207, Detach = 17, GetFilter = 0x420C, WaitForAll = 0x40000000;

    /// <summary>What a filter answers: let through, end the process, or refuse with an error number.</summary>
    public const uint Allow = 0x7FFF0000, KillThread = 0, KillProcess = 0x80000000, Error = 0x00050000;

    /// <summary>How many instructions it has.</summary>
    public int Length => program.Length;

    /// <summary>Reads the newest filter of a process; the caller must be root. One thread traces and lets go.</summary>
    /// <exception cref="InvalidOperationException">The kernel refused.</exception>
    public static LoadedFilter Of(int process)
    {
        Check(Trace(Seize, process, 0, 0), "seize");
        try
        {
            Check(Trace(Interrupt, process, 0, 0), "interrupt");
            Check(WaitFor(process, out _, WaitForAll), "wait for");
            var length = Check(Trace(GetFilter, process, 0, 0), "ask for the filter of");
            var program = new Instruction[length];
            unsafe
            {
                fixed (Instruction* first = program)
                {
                    Check(Trace(GetFilter, process, 0, (nint)first), "read the filter of");
                }
            }

            return new LoadedFilter(program);
        }
        finally
        {
            _ = Trace(Detach, process, 0, 0);
        }

        long Check(long result, string what) => result >= 0 ? result : throw new InvalidOperationException($"could not {what} process {process}: error {Marshal.GetLastPInvokeError()}");
    }

    /// <summary>Runs it as the kernel would for a call.</summary>
    /// <param name="architecture">The architecture's number (<c>AUDIT_ARCH_…</c>).</param>
    /// <param name="number">The call's number.</param>
    /// <param name="first">Its first argument; the others are 0.</param>
    public uint Verdict(uint architecture, uint number, ulong first = 0)
    {
        // struct seccomp_data: number, architecture, instruction pointer, six arguments.
        uint[] data = [number, architecture, 0, 0, (uint)first, (uint)(first >> 32), .. new uint[10]];
        uint accumulator = 0;
        for (var at = 0; ; at++)
        {
            var (code, yes, no, k) = (program[at].Code, program[at].Yes, program[at].No, program[at].Value);
            switch (code)
            {
                case 0x20:
                    accumulator = data[k / 4];
                    break;
                case 0x54:
                    accumulator &= k;
                    break;
                case 0x05:
                    at += (int)k;
                    break;
                case 0x15:
                    at += accumulator == k ? yes : no;
                    break;
                case 0x25:
                    at += accumulator > k ? yes : no;
                    break;
                case 0x35:
                    at += accumulator >= k ? yes : no;
                    break;
                case 0x45:
                    at += (accumulator & k) != 0 ? yes : no;
                    break;
                case 0x06:
                    return k;
                default:
                    throw new NotSupportedException($"instruction {at} has the code {code:x}");
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "ptrace", SetLastError = true)]
    private static partial long Trace(int request, int process, nint address, nint data);

    [LibraryImport("libc", EntryPoint = "waitpid", SetLastError = true)]
    private static partial int WaitFor(int process, out int status, int options);

    /// <summary>struct sock_filter.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Instruction
    {
        public ushort Code;
        public byte Yes;
        public byte No;
        public uint Value;
    }
}
