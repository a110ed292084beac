using System.Runtime.InteropServices;
using System.Text;
using BuildRunner.Sandbox.Kernel;

namespace BuildRunner.Sandbox.Waiter;

/// <summary>A connection to a socket in the file system.</summary>
internal static unsafe partial class UnixSocket
{
    private const int MaximumPath = 107;

    public static Descriptor Connect(string path)
    {
        var bytes = Encoding.UTF8.GetBytes(path);
        if (bytes.Length > MaximumPath)
        {
            throw new ArgumentException($"the path of a socket has at most {MaximumPath} bytes", nameof(path));
        }

        var address = stackalloc byte[2 + MaximumPath + 1];
        new Span<byte>(address, 2 + MaximumPath + 1).Clear();
        address[0] = Constants.Unix;
        bytes.CopyTo(new Span<byte>(address + 2, MaximumPath));
        var socket = new Descriptor(KernelException.Check(Libc.Socket(Constants.Unix, Constants.StreamSocket | Constants.SocketCloseOnExec, 0), "make a socket"));
        KernelException.Check(Connect(socket.Number, address, 2 + MaximumPath + 1), "connect to", path);
        return socket;
    }

    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    private static partial int Connect(int socket, byte* address, uint length);
}
