using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using BuildRunner.Containers.Images;
using BuildRunner.Testing.Images;

namespace BuildRunner.Testing.Registries;

/// <summary>A server on the loopback interface that serves images, and misbehaves as a test wants: every answer can be written byte by byte.</summary>
public sealed class FakeRegistry : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Func<FakeRequest, FakeAnswer, Task<bool>> _answer;
    private readonly ConcurrentDictionary<string, (string Type, byte[] Bytes)> _content = new();
    private readonly ConcurrentQueue<FakeRequest> _requests = new();
    private readonly Task _accepting;

    private FakeRegistry(Func<FakeRequest, FakeAnswer, Task<bool>> answer)
    {
        _answer = answer;
        _listener.Start();
        Host = $"127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";
        _accepting = AcceptAsync();
    }

    /// <summary><c>127.0.0.1:PORT</c></summary>
    public string Host { get; }

    /// <summary>Every request that came, in order.</summary>
    public IReadOnlyList<FakeRequest> Requests => [.. _requests];

    /// <summary>Starts it.</summary>
    /// <param name="answer">Answers a request and returns true, or returns false: then it is answered as a good registry does.</param>
    public static FakeRegistry Start(Func<FakeRequest, FakeAnswer, Task<bool>>? answer = null) => new(answer ?? ((_, _) => Task.FromResult(false)));

    /// <summary>Serves an image as <c>REPOSITORY:latest</c>.</summary>
    public ImageReference Serve(TestImage image, string repository = "image")
    {
        foreach (var layer in image.Layers)
        {
            Put(repository, "blobs", layer.Blob, "application/octet-stream");
        }

        Put(repository, "blobs", image.Config, "application/octet-stream");
        Put(repository, "manifests", image.Manifest, image.MediaType);
        _content[$"/v2/{repository}/manifests/latest"] = (image.MediaType, image.Manifest);
        return ImageReference.TryParse($"{Host}/{repository}", null, out var reference, out var problem) ? reference : throw new ArgumentException(problem);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting;
        _stop.Dispose();
    }

    private void Put(string repository, string kind, byte[] bytes, string type) => _content[$"/v2/{repository}/{kind}/{TestImage.DigestOf(bytes)}"] = (type, bytes);

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
        using var connection = client;
        connection.NoDelay = true;
        try
        {
            var stream = connection.GetStream();
            while (await FakeRequest.ReadAsync(stream, _stop.Token) is { } request)
            {
                _requests.Enqueue(request);
                var answer = new FakeAnswer(stream, request, _stop.Token);
                if (!await _answer(request, answer))
                {
                    await AnswerWellAsync(request, answer);
                }

                if (answer.IsLast)
                {
                    return;
                }
            }
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            // The client hung up, or the test is over.
        }
    }

    private Task AnswerWellAsync(FakeRequest request, FakeAnswer answer)
    {
        if (request.Path == "/v2/")
        {
            return answer.SendAsync(200, "{}"u8.ToArray());
        }

        if (!_content.TryGetValue(request.Path, out var content))
        {
            return answer.SendAsync(404, """{"errors":[{"code":"NOT_FOUND","message":"there is no such thing"}]}"""u8.ToArray());
        }

        if (request.Headers.TryGetValue("Range", out var range) && range.StartsWith("bytes=", StringComparison.Ordinal))
        {
            var from = int.Parse(range["bytes=".Length..].TrimEnd('-'));
            return answer.SendAsync(206, content.Bytes[from..], ("Content-Type", content.Type), ("Content-Range", $"bytes {from}-{content.Bytes.Length - 1}/{content.Bytes.Length}"));
        }

        return answer.SendAsync(200, content.Bytes, ("Content-Type", content.Type));
    }
}

/// <summary>A request.</summary>
/// <param name="Method"><c>GET</c> …</param>
/// <param name="Path">Path with query.</param>
/// <param name="Headers">Headers; the last of a name.</param>
/// <param name="Body">The body.</param>
public sealed record FakeRequest(string Method, string Path, IReadOnlyDictionary<string, string> Headers, byte[] Body)
{
    /// <summary>Reads the next request; null at the end of the connection.</summary>
    internal static async Task<FakeRequest?> ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        var head = new StringBuilder();
        var one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            if (await stream.ReadAsync(one, cancellationToken) == 0 || one[0] == 0x16)
            {
                // The end, or a client that wants TLS.
                return null;
            }

            head.Append((char)one[0]);
        }

        var lines = head.ToString().Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        var first = lines[0].Split(' ');
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var line in lines[1..])
        {
            headers[line[..line.IndexOf(':')]] = line[(line.IndexOf(':') + 1)..].Trim();
        }

        var body = new byte[headers.TryGetValue("Content-Length", out var length) ? int.Parse(length) : 0];
        await stream.ReadExactlyAsync(body, cancellationToken);
        return new FakeRequest(first[0], first[1], headers, body);
    }
}

/// <summary>Writes the answer to one request.</summary>
public sealed class FakeAnswer(Stream stream, FakeRequest request, CancellationToken cancellationToken)
{
    /// <summary>True: the connection is closed after this answer.</summary>
    public bool IsLast { get; set; }

    /// <summary>Ends with the test.</summary>
    public CancellationToken Stopped => cancellationToken;

    /// <summary>A whole answer. To a HEAD the body is left out.</summary>
    public async Task SendAsync(int status, byte[] body, params (string Name, string Value)[] headers)
    {
        await SendHeadAsync(status, body.Length, headers);
        if (request.Method != "HEAD")
        {
            await SendBytesAsync(body);
        }
    }

    /// <summary>The head alone, with whatever length it promises.</summary>
    public Task SendHeadAsync(int status, long length, params (string Name, string Value)[] headers) => SendBytesAsync(Encoding.ASCII.GetBytes(
        $"HTTP/1.1 {status} Status\r\nContent-Length: {length}\r\n{string.Concat(headers.Select(header => $"{header.Name}: {header.Value}\r\n"))}\r\n"));

    /// <summary>Any bytes.</summary>
    public async Task SendBytesAsync(ReadOnlyMemory<byte> bytes)
    {
        await stream.WriteAsync(bytes, cancellationToken);
        await stream.FlushAsync(cancellationToken);
    }

    /// <summary>Says nothing more until the test ends.</summary>
    public Task StallAsync() => Task.Delay(Timeout.Infinite, cancellationToken);
}
