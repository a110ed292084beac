using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace BuildRunner.Testing.Docker;

/// <summary>A port of one loopback interface that leads to a port of another's: between this process's network and that of a private engine.</summary>
public sealed partial class LoopbackBridge : IAsyncDisposable
{
    private const int NetworkNamespace = 0x40000000;

    private readonly Socket _listener;
    private readonly Func<Socket> _connect;
    private readonly Task _accepting;

    private LoopbackBridge(Socket listener, Func<Socket> connect)
    {
        _listener = listener;
        _connect = connect;
        _accepting = AcceptAsync();
    }

    /// <summary>The port to connect to.</summary>
    public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

    /// <summary>From a free port of ours to a port in a process's network.</summary>
    public static LoopbackBridge Into(int processId, int port) =>
        new(Listen(0), () => InNetworkOf(processId, () => Connect(port)));

    /// <summary>From a port in a process's network to a port of ours.</summary>
    public static LoopbackBridge OutOf(int processId, int inside, int port) =>
        new(InNetworkOf(processId, () => Listen(inside)), () => Connect(port));

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        await _accepting;
    }

    private static Socket Listen(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
        socket.Listen();
        return socket;
    }

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

    private async Task AcceptAsync()
    {
        while (true)
        {
            Socket near;
            try
            {
                near = await _listener.AcceptAsync();
            }
            catch (Exception closed) when (closed is SocketException or ObjectDisposedException)
            {
                // Disposed.
                return;
            }

            _ = BridgeAsync(near);
        }
    }

    private async Task BridgeAsync(Socket near)
    {
        using (near)
        {
            try
            {
                using var far = _connect();
                await Task.WhenAll(CopyAsync(near, far), CopyAsync(far, near));
            }
            catch (Exception broken) when (broken is SocketException or IOException or InvalidOperationException)
            {
                // As a cable that was pulled: the other end sees it.
            }
        }
    }

    private static async Task CopyAsync(Socket from, Socket to)
    {
        var buffer = new byte[64 * 1024];
        int count;
        while ((count = await from.ReceiveAsync(buffer)) > 0)
        {
            await to.SendAsync(buffer.AsMemory(0, count));
        }

        to.Shutdown(SocketShutdown.Send);
    }

    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    private static partial int SetNamespace(SafeFileHandle descriptor, int kind);
}
