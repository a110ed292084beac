using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace BuildRunner.Testing.Docker;

/// <summary>A port of one loopback interface that leads to a port of another's: between this process's network and that of a private engine.</summary>
public sealed partial class LoopbackBridge : IAsyncDisposable
{
    private const int NetworkNamespace = 0x40000000;

    private readonly LoopbackServer _server;
    private readonly Func<Socket> _connect;

    private LoopbackBridge(Socket listener, Func<Socket> connect)
    {
        _connect = connect;
        _server = LoopbackServer.Start(BridgeAsync, listener);
    }

    /// <summary>The port to connect to.</summary>
    public int Port => _server.Port;

    /// <summary>From a free port of ours to a port in a process's network.</summary>
    public static LoopbackBridge Into(int processId, int port) =>
        new(LoopbackServer.Listen(0), () => InNetworkOf(processId, () => Connect(port)));

    /// <summary>From a port in a process's network to a port of ours.</summary>
    public static LoopbackBridge OutOf(int processId, int inside, int port) =>
        new(InNetworkOf(processId, () => LoopbackServer.Listen(inside)), () => Connect(port));

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private static Socket Connect(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(IPAddress.Loopback, port);
        return socket;
    }

    /// <summary>A socket belongs to the network in which it was made, whoever uses it. The thread that makes it is thrown away.</summary>
    private static Socket InNetworkOf(int processId, Func<Socket> make)
    {
        Socket? made = null;
        Exception? problem = null;
        var thread = new Thread(() =>
        {
            try
            {
                using var network = File.OpenHandle($"/proc/{processId}/ns/net");
                made = SetNamespace(network, NetworkNamespace) == 0
                    ? make()
                    : throw new InvalidOperationException($"the network of process {processId} cannot be entered: {Marshal.GetLastPInvokeErrorMessage()}");
            }
            catch (Exception e) when (e is IOException or SocketException or InvalidOperationException)
            {
                problem = e;
            }
        });
        thread.Start();
        thread.Join();
        return made ?? throw new InvalidOperationException(problem?.Message, problem);
    }

    private async Task BridgeAsync(Socket near, CancellationToken stopped)
    {
        Socket far;
        try
        {
            far = _connect();
        }
        catch (InvalidOperationException)
        {
            // The process has ended, and its network with it: as a cable that was pulled.
            return;
        }

        using (far)
        {
            await Task.WhenAll(CopyAsync(near, far, stopped), CopyAsync(far, near, stopped));
        }
    }

    private static async Task CopyAsync(Socket from, Socket to, CancellationToken stopped)
    {
        var buffer = new byte[64 * 1024];
        int count;
        while ((count = await from.ReceiveAsync(buffer, stopped)) > 0)
        {
            await to.SendAsync(buffer.AsMemory(0, count), stopped);
        }

        to.Shutdown(SocketShutdown.Send);
    }

    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    private static partial int SetNamespace(SafeFileHandle descriptor, int kind);
}
