using System.Net;
using System.Net.Sockets;
using System.Text;

namespace BuildRunner.Testing.Registries;

/// <summary>Stands before a server on the loopback interface, counts what clients send, and cuts connections.</summary>
public sealed class CuttingProxy : IAsyncDisposable
{
    private readonly LoopbackServer _server;
    private readonly IPEndPoint _target;
    private readonly byte[] _cutBefore;
    private long _sent;
    private long _cutAt;

    private CuttingProxy(string target, long cutAt, int port, string cutBefore)
    {
        _cutBefore = Encoding.ASCII.GetBytes(cutBefore);
        _target = IPEndPoint.Parse(target);
        _cutAt = cutAt;
        _server = LoopbackServer.Start(ServeAsync, port);
    }

    /// <summary><c>127.0.0.1:PORT</c></summary>
    public string Host => _server.Host;

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

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private async Task ServeAsync(Socket client, CancellationToken stopped)
    {
        await using var near = new NetworkStream(client);
        using var far = new TcpClient();
        using var over = CancellationTokenSource.CreateLinkedTokenSource(stopped);
        await far.ConnectAsync(_target, over.Token);
        var answers = far.GetStream().CopyToAsync(near, over.Token);
        var requests = ForwardAsync(near, far.GetStream(), over.Token);
        await Task.WhenAny(answers, requests);
        await over.CancelAsync();
        await Task.WhenAll(answers, requests);
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
