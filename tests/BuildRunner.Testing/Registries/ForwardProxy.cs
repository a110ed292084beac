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

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly IReadOnlyDictionary<string, string> _hosts;
    private readonly ConcurrentQueue<string> _passed = new();
    private readonly Task _accepting;
    private int _refused;

    private ForwardProxy(IReadOnlyDictionary<string, string> hosts)
    {
        _hosts = hosts;
        _listener.Start();
        Host = $"127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";
        _accepting = AcceptAsync();
    }

    /// <summary><c>127.0.0.1:PORT</c></summary>
    public string Host { get; }

    /// <summary>First lines of the requests that were let through, in order.</summary>
    public IReadOnlyList<string> Passed => [.. _passed];

    /// <summary>How many requests came without the password.</summary>
    public int Refused => _refused;

    /// <summary>Starts it.</summary>
    /// <param name="hosts"><c>HOST:PORT</c> as clients name it, and <c>127.0.0.1:PORT</c> where it is; no other is to be had.</param>
    public static ForwardProxy Start(IReadOnlyDictionary<string, string> hosts) => new(hosts);

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
        try
        {
            var stream = near.GetStream();
            while (await FakeRequest.ReadAsync(stream, _stop.Token) is { } request)
            {
                if (await ForwardAsync(request, stream))
                {
                    return;
                }
            }
        }
        catch (Exception exception) when (exception is IOException or SocketException or OperationCanceledException)
        {
            // Either side hung up, or the test is over.
        }
    }

    /// <summary>Serves one request; true if the connection has ended with it.</summary>
    private async Task<bool> ForwardAsync(FakeRequest request, NetworkStream client)
    {
        var answer = new FakeAnswer(client, request, _stop.Token);
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
        await far.ConnectAsync(IPEndPoint.Parse(target), _stop.Token);
        var server = far.GetStream();
        if (url is null)
        {
            await answer.SendBytesAsync("HTTP/1.1 200 Connection established\r\n\r\n"u8.ToArray());
        }
        else
        {
            var headers = request.Headers.Where(h => !h.Key.StartsWith("Proxy-", StringComparison.OrdinalIgnoreCase) && !h.Key.Equals("Connection", StringComparison.OrdinalIgnoreCase));
            var head = $"{request.Method} {url.PathAndQuery} HTTP/1.1\r\n{string.Concat(headers.Select(h => $"{h.Key}: {h.Value}\r\n"))}Connection: close\r\n\r\n";
            await server.WriteAsync(Encoding.ASCII.GetBytes(head), _stop.Token);
            far.Client.Shutdown(SocketShutdown.Send);
        }

        var there = isTunnel ? client.CopyToAsync(server, _stop.Token) : Task.CompletedTask;
        var back = server.CopyToAsync(client, _stop.Token);
        await (isTunnel ? Task.WhenAny(there, back).Unwrap() : back);
        return true;
    }
}
