using BuildRunner.Sandbox.Init;
using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Wire;
using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Waiter;

/// <summary>What the command behind a waiter reads: one piece waits until the command has room for it. Nothing here blocks.</summary>
internal sealed unsafe class WaiterInput
{
    private const byte EndOfFile = 4;

    private readonly Descriptor _write;
    private readonly Descriptor? _read;
    private byte[] _piece = [];
    private int _done;
    private bool _closed;

    private WaiterInput(Descriptor write, Descriptor? read, PseudoTerminal? terminal)
    {
        _write = write;
        _read = read;
        Terminal = terminal;
        write.SetNonBlocking();
    }

    /// <summary>The command's terminal; null: its input is a pipe.</summary>
    public PseudoTerminal? Terminal { get; }

    public CommandStreams Streams => new(false, _read?.Number ?? -1, Terminal?.SlavePath);

    /// <summary>The descriptor that must have room before the rest of the piece can be handed on; -1: nothing waits.</summary>
    public int Waiting => _done < _piece.Length ? _write.Number : -1;

    public static WaiterInput Create(InputKind kind, uint user)
    {
        if (kind.IsTerminal)
        {
            var terminal = PseudoTerminal.Create(kind.Columns, kind.Rows, user);
            return new WaiterInput(terminal.Master, null, terminal);
        }

        var (read, write) = Descriptor.Pipe();
        _ = Libc.ChangeOwner(read.Number, user, uint.MaxValue);
        return new WaiterInput(write, read, null);
    }

    /// <summary>The command runs.</summary>
    public void Begin() => _read?.Dispose();

    public void Resize(ResizeRequest size) => Terminal?.Resize(size.Columns, size.Rows);

    /// <summary>A piece has come; an empty one is the end of the input.</summary>
    public void Add(byte[] piece)
    {
        _closed |= piece.Length == 0 && Terminal is null;
        (_piece, _done) = (piece.Length == 0 && Terminal is not null ? [EndOfFile] : piece, 0);
    }

    /// <summary>Hands on what the command has room for; true when the piece is dealt with.</summary>
    public bool HandOn()
    {
        if (_done < _piece.Length && _write.Number >= 0)
        {
            fixed (byte* start = _piece)
            {
                var count = Libc.Write(_write.Number, start + _done, (nuint)(_piece.Length - _done));
                var error = System.Runtime.InteropServices.Marshal.GetLastPInvokeError();
                if (count < 0 && error is ErrAgain or ErrInterrupted)
                {
                    return false;
                }

                // Of what nobody reads any more nothing is left to do.
                _done = count < 0 ? _piece.Length : _done + (int)count;
            }
        }

        if (_closed)
        {
            _write.Dispose();
        }

        return _done >= _piece.Length;
    }
}
