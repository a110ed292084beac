using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace BuildRunner.Testing.Registries;

/// <summary>A proxy as companies have them: it wants a password, connects clients with the hosts that they name (<c>CONNECT</c>), and fetches plain HTTP for them. Names lead where the test says.</summary>
public sealed class ForwardProxy : IAsyncDisposable
{
    /// <summary>User and password.</summary>
    public const string Login = "tester:opensesame";

    private readonly LoopbackServer _server;
    private readonly IReadOnlyDictionary<string, string> _hosts;
    private readonly ConcurrentQueue<string> _passed = new();
    private int _refused;

    private ForwardProxy(IReadOnlyDictionary<string, string> hosts)
    {
        _hosts = hosts;
        _server = LoopbackServer.Start(ServeAsync);
    }

    /// <summary><c>127.0.0.1:PORT</c></summary>
    public string Host => _server.Host;

    /// <summary>First lines of the requests that were let through, in order.</summary>
    public IReadOnlyList<string> Passed => [.. _passed];

    /// <summary>How many requests came without the password.</summary>
    public int Refused => _refused;

    /// <summary>Starts it.</summary>
    /// <param name="hosts"><c>HOST:PORT</c> as clients name it, and <c>127.0.0.1:PORT</c> where it is; no other is to be had.</param>
    public static ForwardProxy Start(IReadOnlyDictionary<string, string> hosts) => new(hosts);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private async Task ServeAsync(Socket client, CancellationToken stopped)
    {
        await using var near = new NetworkStream(client);
        while (await FakeRequest.ReadAsync(near, stopped) is { } request && !await ForwardAsync(request, near, stopped))
        {
        }
    }

    /// <summary>Serves one request; true if the connection has ended with it.</summary>
    private async Task<bool> ForwardAsync(FakeRequest request, NetworkStream client, CancellationToken stopped)
    {
        var answer = new FakeAnswer(client, request, stopped);
        if (request.Headers.GetValueOrDefault("Proxy-Authorization") != "Basic " + Convert.ToBase64String(Encoding.ASCII.GetBytes(Login)))
        {
            Interlocked.Increment(ref _refused);
            await answer.SendAsync(407, [], ("Proxy-Authenticate", "Basic realm=\"test\""));
            return false;
        }

        var isTunnel = request.Method == "CONNECT";
        var url = isTunnel ? null : new Uri(request.Path);
        if (!_hosts.TryGetValue(url?.Authority ?? request.Path, out var target))
        {
            await answer.SendAsync(502, []);
            return true;
        }

        _passed.Enqueue($"{request.Method} {request.Path}");
        using var far = new TcpClient();
        await far.ConnectAsync(IPEndPoint.Parse(target), stopped);
        var server = far.GetStream();
        if (url is null)
        {
            await answer.SendBytesAsync("HTTP/1.1 200 Connection established\r\n\r\n"u8.ToArray());
        }
        else
        {
            var headers = request.Headers.Where(h => !h.Key.StartsWith("Proxy-", StringComparison.OrdinalIgnoreCase) && !h.Key.Equals("Connection", StringComparison.OrdinalIgnoreCase));
            var head = $"{request.Method} {url.PathAndQuery} HTTP/1.1\r\n{string.Concat(headers.Select(h => $"{h.Key}: {h.Value}\r\n"))}Connection: close\r\n\r\n";
            await server.WriteAsync(Encoding.ASCII.GetBytes(head), stopped);
            far.Client.Shutdown(SocketShutdown.Send);
        }

        var there = isTunnel ? client.CopyToAsync(server, stopped) : Task.CompletedTask;
        var back = server.CopyToAsync(client, stopped);
        await (isTunnel ? Task.WhenAny(there, back).Unwrap() : back);
        return true;
    }
}
