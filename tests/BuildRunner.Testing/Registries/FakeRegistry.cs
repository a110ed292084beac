using System.Collections.Concurrent;
using System.Net.Sockets;
using BuildRunner.Containers.Images;
using BuildRunner.Testing.Images;

namespace BuildRunner.Testing.Registries;

/// <summary>A server on the loopback interface that serves images, and misbehaves as a test wants: every answer can be written byte by byte.</summary>
public sealed class FakeRegistry : IAsyncDisposable
{
    private readonly LoopbackServer _server;
    private readonly Func<FakeRequest, FakeAnswer, Task<bool>> _answer;
    private readonly ConcurrentDictionary<string, (string Type, byte[] Bytes)> _content = new();
    private readonly ConcurrentQueue<FakeRequest> _requests = new();

    private FakeRegistry(Func<FakeRequest, FakeAnswer, Task<bool>> answer)
    {
        _answer = answer;
        _server = LoopbackServer.Start(ServeAsync);
    }

    /// <summary><c>127.0.0.1:PORT</c></summary>
    public string Host => _server.Host;

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

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private void Put(string repository, string kind, byte[] bytes, string type) => _content[$"/v2/{repository}/{kind}/{TestImage.DigestOf(bytes)}"] = (type, bytes);

    private async Task ServeAsync(Socket client, CancellationToken stopped)
    {
        client.NoDelay = true;
        await using var stream = new NetworkStream(client);
        while (await FakeRequest.ReadAsync(stream, stopped) is { } request)
        {
            _requests.Enqueue(request);
            var answer = new FakeAnswer(stream, request, stopped);
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
