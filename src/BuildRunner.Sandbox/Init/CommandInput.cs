using System.Collections.Concurrent;
using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Sandbox.Init;

/// <summary>What the command of a container reads, and its terminal if it has one, each served by a thread: neither a command that does not read nor
/// one that only prints keeps the init from hearing the shim.</summary>
internal sealed class CommandInput
{
    private const byte EndOfFile = 4;
    private static readonly TimeSpan LastWords = TimeSpan.FromMilliseconds(500);

    private readonly BlockingCollection<byte[]> _pieces = [];
    private readonly Descriptor _write;
    private readonly Descriptor? _read;
    private readonly PseudoTerminal? _terminal;
    private readonly Action _taken;
    private readonly Thread? _printing;

    private CommandInput(Descriptor write, Descriptor? read, PseudoTerminal? terminal, Action taken)
    {
        _write = write;
        _read = read;
        _terminal = terminal;
        _taken = taken;
        _printing = terminal is null ? null : new Thread(Print, maxStackSize: 256 * 1024) { IsBackground = true };
    }

    public CommandStreams Streams => new(false, _read?.Number ?? -1, _terminal?.SlavePath);

    /// <summary>Makes what the command reads from.</summary>
    /// <param name="kind">What it is.</param>
    /// <param name="user">To whom a terminal belongs.</param>
    /// <param name="taken">Called when a piece was handed on.</param>
    public static CommandInput Create(InputKind kind, uint user, Action taken)
    {
        if (kind.IsTerminal)
        {
            var terminal = PseudoTerminal.Create(kind.Columns, kind.Rows, user);
            return new CommandInput(terminal.Master, null, terminal, taken);
        }

        var (read, write) = Descriptor.Pipe();
        _ = Libc.ChangeOwner(read.Number, user, uint.MaxValue);
        return new CommandInput(write, read, null, taken);
    }

    /// <summary>The command runs.</summary>
    public void Begin()
    {
        _read?.Dispose();
        _printing?.Start();
        new Thread(HandOn, maxStackSize: 256 * 1024) { IsBackground = true }.Start();
    }

    /// <summary>A piece has come; an empty one is the end. The sender waits until it was taken before it sends the next.</summary>
    public void Add(byte[] piece) => _pieces.Add(piece);

    public void Resize(ResizeRequest size) => _terminal?.Resize(size.Columns, size.Rows);

    /// <summary>The command has ended: what it printed last is handed out. Processes that it left may keep the terminal; they are not waited for.</summary>
    public void End()
    {
        _terminal?.CloseSlave();
        _printing?.Join(LastWords);
    }

    private void HandOn()
    {
        foreach (var piece in _pieces.GetConsumingEnumerable())
        {
            try
            {
                if (piece.Length > 0)
                {
                    _write.Write(piece);
                }
                else if (_terminal is not null)
                {
                    _write.Write([EndOfFile]);
                }
                else
                {
                    _write.Dispose();
                }
            }
            catch (KernelException)
            {
                // Nobody reads it any more; the command's end is told by other means.
            }

            _taken();
        }
    }

    private void Print()
    {
        var output = new Descriptor(1);
        var buffer = new byte[16 * 1024];
        try
        {
            while (_terminal!.Master.Read(buffer) is var count and > 0)
            {
                output.Write(buffer.AsSpan(0, count));
            }
        }
        catch (KernelException)
        {
            // The master of a terminal that nobody has open ends with an error.
        }
    }
}
