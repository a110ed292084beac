using System.Globalization;
using System.Runtime.InteropServices;
using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Kernel;

/// <summary>A terminal of this container's own <c>/dev/pts</c>: what is written to the master, a command reads from the slave, and the other way round.</summary>
/// <remarks>The slave stays open here, so that the master has no end while the command lives, whatever its processes close.</remarks>
internal sealed unsafe class PseudoTerminal : IDisposable
{
    private const nuint GetNumber = 0x80045430, SetLock = 0x40045431, SetSize = 0x5414;

    private readonly Descriptor _slave;

    private PseudoTerminal(Descriptor master, Descriptor slave, string path)
    {
        Master = master;
        _slave = slave;
        SlavePath = path;
    }

    public Descriptor Master { get; }

    /// <summary>Where the slave is; opening it makes it the terminal of a session that has none.</summary>
    public string SlavePath { get; }

    /// <summary>Makes one that belongs to a user.</summary>
    public static PseudoTerminal Create(ushort columns, ushort rows, uint user)
    {
        var master = Descriptor.Open("/dev/ptmx", ReadWrite | NoTerminal);
        int number, unlocked = 0;
        KernelException.Check(Libc.Control(master.Number, SetLock, &unlocked), "unlock a terminal");
        KernelException.Check(Libc.Control(master.Number, GetNumber, &number), "ask for a terminal's number");
        var path = "/dev/pts/" + number.ToString(CultureInfo.InvariantCulture);
        var slave = Descriptor.Open(path, ReadWrite | NoTerminal);
        KernelException.Check(Libc.ChangeOwner(slave.Number, user, uint.MaxValue), "give a terminal to its user", path);
        var terminal = new PseudoTerminal(master, slave, path);
        terminal.Resize(columns, rows);
        return terminal;
    }

    /// <summary>Tells the command, by a signal, that it has another size.</summary>
    public void Resize(ushort columns, ushort rows)
    {
        var size = new Size { Rows = rows, Columns = columns };
        _ = Libc.Control(Master.Number, SetSize, &size);
    }

    /// <summary>Closes the slave: when nobody else has it open, the master ends once it has been read empty.</summary>
    public void CloseSlave() => _slave.Dispose();

    public void Dispose()
    {
        _slave.Dispose();
        Master.Dispose();
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Size
    {
        public ushort Rows, Columns, Width, Height;
    }
}
