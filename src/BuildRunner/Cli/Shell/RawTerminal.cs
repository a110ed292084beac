using System.ComponentModel;
using System.Runtime.InteropServices;
using BuildRunner.Containers.Engine;

namespace BuildRunner.Cli.Shell;

/// <summary>The terminal at this process's standard input, with its line discipline switched off: every key goes to the container as it is. Disposing it puts the terminal back.</summary>
internal sealed unsafe partial class RawTerminal : IDisposable
{
    private const int Input = 0, Now = 0, Readable = 1;

    // Larger than the structure of any C library for Linux.
    private readonly byte[] before = new byte[256];
    private bool restored;

    private RawTerminal()
    {
    }

    /// <summary>Switches it.</summary>
    /// <exception cref="IOException">Standard input is no terminal.</exception>
    public static RawTerminal Enter()
    {
        var terminal = new RawTerminal();
        var raw = new byte[terminal.before.Length];
        fixed (byte* old = terminal.before, changed = raw)
        {
            if (GetAttributes(Input, old) != 0)
            {
                throw new IOException($"standard input cannot be used as a terminal: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}");
            }

            terminal.before.CopyTo(raw, 0);
            MakeRaw(changed);
            _ = SetAttributes(Input, Now, changed);
        }

        return terminal;
    }

    /// <summary>Reads what was typed; 0 when nothing was for a moment, -1 at the end. So that whoever reads can stop without having taken a key.</summary>
    public static int Read(Span<byte> buffer, int milliseconds)
    {
        var entry = new PollEntry { Descriptor = Input, Events = Readable };
        if (Poll(&entry, 1, milliseconds) <= 0)
        {
            return 0;
        }

        fixed (byte* start = buffer)
        {
            var count = (int)ReadBytes(Input, start, (nuint)buffer.Length);
            return count > 0 ? count : count < 0 && Marshal.GetLastPInvokeError() == Interrupted ? 0 : -1;
        }
    }

    /// <summary>Its size; null if it is not told. Not asked of <see cref="Console"/>, which would write to the terminal.</summary>
    public static TerminalSize? Size()
    {
        const nuint getSize = 0x5413;
        var size = stackalloc ushort[4];
        return Control(Input, getSize, size) == 0 && size[1] > 0 ? new TerminalSize(size[1], size[0]) : null;
    }

    public void Dispose()
    {
        if (restored)
        {
            return;
        }

        restored = true;
        fixed (byte* old = before)
        {
            _ = SetAttributes(Input, Now, old);
        }
    }

    private const int Interrupted = 4;

    [LibraryImport("libc", EntryPoint = "tcgetattr", SetLastError = true)]
    private static partial int GetAttributes(int descriptor, byte* attributes);

    [LibraryImport("libc", EntryPoint = "tcsetattr", SetLastError = true)]
    private static partial int SetAttributes(int descriptor, int when, byte* attributes);

    [LibraryImport("libc", EntryPoint = "cfmakeraw")]
    private static partial void MakeRaw(byte* attributes);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Control(int descriptor, nuint request, void* argument);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(PollEntry* entries, nuint count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint ReadBytes(int descriptor, byte* buffer, nuint count);

    [StructLayout(LayoutKind.Sequential)]
    private struct PollEntry
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }
}
