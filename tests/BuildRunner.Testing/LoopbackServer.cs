using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;

namespace BuildRunner.Testing;

/// <summary>A port of the loopback interface. Each connection to it is served beside the others; all of them are over when this is disposed.</summary>
public sealed class LoopbackServer : IAsyncDisposable
{
    private readonly Socket _listener;
    private readonly CancellationTokenSource _stop = new();
    private readonly Func<Socket, CancellationToken, Task> _serve;
    private readonly Task _accepting;

    private LoopbackServer(Socket listener, Func<Socket, CancellationToken, Task> serve)
    {
        _listener = listener;
        _serve = serve;
        Port = ((IPEndPoint)listener.LocalEndPoint!).Port;
        _accepting = AcceptAsync();
    }

    /// <summary>The port to connect to.</summary>
    public int Port { get; }

    /// <summary><c>127.0.0.1:PORT</c></summary>
    public string Host => $"127.0.0.1:{Port}";

    /// <summary>Starts it.</summary>
    /// <param name="serve">
    /// Serves one connection, which is closed when it returns. That either side hangs up or breaks a protocol of its transport is no failure; whatever else it throws, disposing throws.
    /// When this is disposed the token is cancelled and the connection closed.
    /// </param>
    /// <param name="port">Where it listens; 0: on any free port.</param>
    /// <exception cref="SocketException">Somebody else has the port.</exception>
    public static LoopbackServer Start(Func<Socket, CancellationToken, Task> serve, int port = 0) => new(Listen(port), serve);

    /// <summary>The same with a socket that listens already, in the network of another process say.</summary>
    public static LoopbackServer Start(Func<Socket, CancellationToken, Task> serve, Socket listener) => new(listener, serve);

    /// <summary>A socket that listens on the loopback interface of the network that the thread is in.</summary>
    /// <exception cref="SocketException">Somebody else has the port.</exception>
    public static Socket Listen(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
        socket.Listen();
        return socket;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting;
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        var connections = new List<Task>();
        try
        {
            while (true)
            {
                connections.Add(ServeAsync(await _listener.AcceptAsync(_stop.Token)));
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over: the listener was closed while it waited, or before it waited again.
            await Task.WhenAll(connections);
        }
    }

    private async Task ServeAsync(Socket connection)
    {
        using (connection)
        {
            await using var over = _stop.Token.Register(connection.Dispose);
            try
            {
                await _serve(connection, _stop.Token);
            }
            catch (Exception exception) when (exception is IOException or SocketException or AuthenticationException or OperationCanceledException or ObjectDisposedException)
            {
                // Either side hung up or does not trust the other, or the test is over.
            }
        }
    }
}
