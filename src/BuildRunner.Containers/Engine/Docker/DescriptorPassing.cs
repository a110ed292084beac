using System.Net.Sockets;
using System.Runtime.InteropServices;
using BuildRunner.Sandbox.Wire;
using Microsoft.Win32.SafeHandles;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>Gives an open file to the process at the other end of a socket of this host.</summary>
internal static unsafe partial class DescriptorPassing
{
    private const int NoSignal = 0x4000, Interrupted = 4;

    /// <summary>Sends a small message, and the file with it. Nothing was sent on that socket before, so there is room.</summary>
    /// <exception cref="ContainerException">The message could not be sent.</exception>
    public static void Send(Socket socket, ReadOnlySpan<byte> bytes, SafeFileHandle file)
    {
        var held = false;
        try
        {
            file.DangerousAddRef(ref held);
            var control = DescriptorMessage.Of((int)file.DangerousGetHandle());
            fixed (byte* start = bytes)
            {
                var piece = new MessagePiece { Start = start, Length = (nuint)bytes.Length };
                var message = new SocketMessage { Pieces = &piece, PieceCount = 1, Control = &control, ControlLength = (nuint)sizeof(DescriptorMessage) };
                Send(socket, &message, bytes.Length);
            }
        }
        finally
        {
            if (held)
            {
                file.DangerousRelease();
            }
        }
    }

    private static void Send(Socket socket, SocketMessage* message, int length)
    {
        nint sent;
        int error;
        do
        {
            sent = SendMessage(socket.SafeHandle, message, NoSignal);
            error = Marshal.GetLastPInvokeError();
        }
        while (sent < 0 && error == Interrupted);
        if (sent != length)
        {
            throw new ContainerException(ContainerFailure.Lost, $"a container could not be given the record of its output (error {error}); it may have ended", isTransient: true);
        }
    }

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    private static partial nint SendMessage(SafeSocketHandle socket, SocketMessage* message, int flags);
}
