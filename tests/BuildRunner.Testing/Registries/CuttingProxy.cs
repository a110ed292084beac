using System.Net;
using System.Net.Sockets;
using System.Text;

namespace BuildRunner.Testing.Registries;

/// <summary>Stands before a server on the loopback interface, counts what clients send, and cuts connections.</summary>
public sealed class CuttingProxy : IAsyncDisposable
{
    private readonly TcpListener _listener;
    private readonly CancellationTokenSource _stop = new();
    private readonly IPEndPoint _target;
    private readonly Task _accepting;
    private readonly byte[] _cutBefore;
    private long _sent;
    private long _cutAt;

    private CuttingProxy(string target, long cutAt, int port, string cutBefore)
    {
        _cutBefore = Encoding.ASCII.GetBytes(cutBefore);
        _listener = new TcpListener(IPAddress.Loopback, port);
        _target = IPEndPoint.Parse(target);
        _cutAt = cutAt;
        _listener.Start();
        Host = $"127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";
        _accepting = AcceptAsync();
    }

    /// <summary><c>127.0.0.1:PORT</c></summary>
    public string Host { get; }

    /// <summary>Bytes that clients have sent so far.</summary>
    public long Sent => Interlocked.Read(ref _sent);

    /// <summary>True once a connection was cut.</summary>
    public bool HasCut { get; private set; }

    /// <summary>Starts one.</summary>
    /// <param name="target"><c>127.0.0.1:PORT</c> of the server.</param>
    /// <param name="cutAt">Cuts the connection over which the byte of this number would go, once.</param>
    /// <param name="port">Where it listens; 0: on any free port.</param>
    /// <param name="cutBefore">
    /// Empty: it cuts in the middle of a request. Else the beginning of a request: from <paramref name="cutAt"/> on it cuts before the first of them, of
    /// which the server sees nothing.
    /// </param>
    /// <exception cref="SocketException">Somebody else has the port.</exception>
    public static CuttingProxy Start(string target, long cutAt = long.MaxValue, int port = 0, string cutBefore = "") => new(target, cutAt, port, cutBefore);

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
                connections.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or InvalidOperationException)
        {
            // The test is over: the listener was closed while it waited, or before it waited again.
            await Task.WhenAll(connections);
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var near = client;
        using var far = new TcpClient();
        using var over = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        try
        {
            await far.ConnectAsync(_target, over.Token);
            var answers = far.GetStream().CopyToAsync(near.GetStream(), over.Token);
            var requests = ForwardAsync(near.GetStream(), far.GetStream(), over.Token);
            await Task.WhenAny(answers, requests);
            await over.CancelAsync();
            await Task.WhenAll(answers, requests);
        }
        catch (Exception exception) when (exception is IOException or SocketException or OperationCanceledException)
        {
            // Either side hung up, or the cut.
        }
    }

    private async Task ForwardAsync(NetworkStream from, NetworkStream to, CancellationToken cancellationToken)
    {
        var buffer = new byte[16 * 1024];
        while (await from.ReadAsync(buffer, cancellationToken) is var count and > 0)
        {
            if (Interlocked.Add(ref _sent, count) >= Interlocked.Read(ref _cutAt) && buffer.AsSpan(0, count).StartsWith(_cutBefore))
            {
                Interlocked.Exchange(ref _cutAt, long.MaxValue);
                HasCut = true;
                if (_cutBefore.Length == 0)
                {
                    await to.WriteAsync(buffer.AsMemory(0, count), cancellationToken);
                }

                throw new IOException("cut");
            }

            await to.WriteAsync(buffer.AsMemory(0, count), cancellationToken);
        }
    }
}
