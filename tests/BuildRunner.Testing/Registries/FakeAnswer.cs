using System.Text;

namespace BuildRunner.Testing.Registries;

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
