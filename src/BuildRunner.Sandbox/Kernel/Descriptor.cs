using System.Runtime.InteropServices;
using BuildRunner.Sandbox.Wire;
using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Kernel;

/// <summary>A file descriptor that is closed once.</summary>
internal sealed unsafe class Descriptor(int number) : IDisposable
{
    public int Number { get; private set; } = number;

    public static Descriptor Open(string path, int flags, uint mode = 0) =>
        new(KernelException.Check(Libc.Open(path, flags | CloseOnExec, mode), "open", path));

    /// <summary>Two ends of a pipe: read the first what was written to the second.</summary>
    public static (Descriptor Read, Descriptor Write) Pipe()
    {
        var ends = stackalloc int[2];
        KernelException.Check(Libc.Pipe(ends, CloseOnExec), "make a pipe");
        return (new Descriptor(ends[0]), new Descriptor(ends[1]));
    }

    /// <summary>Two connected sockets.</summary>
    public static (Descriptor Ours, Descriptor Theirs) SocketPair()
    {
        var ends = stackalloc int[2];
        KernelException.Check(Libc.SocketPair(Unix, StreamSocket | SocketCloseOnExec, 0, ends), "make a socket pair");
        return (new Descriptor(ends[0]), new Descriptor(ends[1]));
    }

    /// <summary>Reads what is there; 0 at the end; -1 if nothing is there and the descriptor does not block.</summary>
    public int Read(Span<byte> buffer)
    {
        fixed (byte* start = buffer)
        {
            while (true)
            {
                var count = Libc.Read(Number, start, (nuint)buffer.Length);
                var error = Marshal.GetLastPInvokeError();
                if (Outcome(count, error) is { } outcome)
                {
                    return outcome;
                }
            }
        }
    }

    /// <summary>Like <see cref="Read"/>, of a socket; takes a descriptor that comes with the bytes, if there was none before.</summary>
    public int Receive(Span<byte> buffer, ref Descriptor? passed)
    {
        fixed (byte* start = buffer)
        {
            while (true)
            {
                var control = new DescriptorMessage();
                var piece = new MessagePiece { Start = start, Length = (nuint)buffer.Length };
                var message = new SocketMessage { Pieces = &piece, PieceCount = 1, Control = &control, ControlLength = (nuint)sizeof(DescriptorMessage) };
                var count = Libc.ReceiveMessage(Number, &message, MessageCloseOnExec);
                var error = Marshal.GetLastPInvokeError();
                if (count >= 0 && message.ControlLength >= DescriptorMessage.WithOne && control.IsDescriptor)
                {
                    var came = new Descriptor(control.Number);
                    if (passed is null)
                    {
                        passed = came;
                    }
                    else
                    {
                        came.Dispose();
                    }
                }

                if (Outcome(count, error) is { } outcome)
                {
                    return outcome;
                }
            }
        }
    }

    // Null: it was interrupted.
    private static int? Outcome(nint count, int error) => (count, error) switch
    {
        ( >= 0, _) => (int)count,
        (_, ErrAgain) => -1,

        // The other side has gone without reading all that was sent to it; what it sent was read before.
        (_, ErrReset) => 0,
        (_, ErrInterrupted) => null,
        _ => throw KernelException.FromErrorNumber("read", error),
    };

    /// <summary>Writes all of it; false if nobody reads any more.</summary>
    public bool Write(ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            var done = 0;
            while (done < bytes.Length)
            {
                var count = Libc.Write(Number, start + done, (nuint)(bytes.Length - done));
                var error = Marshal.GetLastPInvokeError();
                if (count >= 0)
                {
                    done += (int)count;
                }
                else if (error == ErrPipe)
                {
                    return false;
                }
                else if (error != ErrInterrupted)
                {
                    throw KernelException.FromErrorNumber("write", error);
                }
            }
        }

        return true;
    }

    /// <summary>How many bytes fit into this pipe.</summary>
    public int PipeSize => KernelException.Check(Libc.Fcntl(Number, 1032, 0), "ask for the size of a pipe");

    public void SetNonBlocking() => KernelException.Check(Libc.Fcntl(Number, 4, NonBlocking), "set a descriptor's mode");

    public void SetOwnerAndMode(uint user, uint group, uint mode, string path)
    {
        KernelException.Check(Libc.ChangeOwner(Number, user, group), "set the owner of", path);
        KernelException.Check(Libc.ChangeMode(Number, mode), "set the mode of", path);
    }

    public void Dispose()
    {
        if (Number >= 0)
        {
            _ = Libc.Close(Number);
            Number = -1;
        }
    }
}
