using System.Collections.Concurrent;
using System.Globalization;
using BuildRunner.Testing.Registries;

namespace BuildRunner.Containers.Tests.Registry;

/// <summary>A registry that keeps only a part of the first large piece of each upload, refuses it, and tells how far it got (distribution specification, "Pushing a blob in chunks").</summary>
internal sealed class KeepingRegistry : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, Upload> _uploads = new();
    private readonly FakeRegistry _registry;

    public KeepingRegistry(int kept, int refusal) => _registry = FakeRegistry.Start(async (request, answer) =>
    {
        var id = request.Path.Split('?')[0];
        switch (request.Method)
        {
            case "POST":
                var begun = $"/upload/{Guid.NewGuid():N}";
                _uploads[begun] = new Upload();
                await answer.SendAsync(202, [], ("Location", begun));
                return true;
            case "PATCH":
                var upload = _uploads[id];
                var isRefused = request.Body.Length > kept && upload.Starts.Count == 0;
                upload.Starts.Add(request.Headers["Content-Range"].Split('-')[0]);
                upload.Bytes.Write(isRefused ? request.Body.AsSpan(0, kept) : request.Body);
                await answer.SendAsync(isRefused ? refusal : 202, [], ("Location", id), ("Range", upload.Range));
                return true;
            case "GET" when _uploads.TryGetValue(id, out var asked):
                await answer.SendAsync(204, [], ("Location", id), ("Range", asked.Range));
                return true;
            case "PUT":
                await answer.SendAsync(201, []);
                return true;
            default:
                return false;
        }
    });

    /// <summary><c>127.0.0.1:PORT</c></summary>
    public string Host => _registry.Host;

    /// <summary>The uploads that were begun.</summary>
    public IEnumerable<Upload> Uploads => _uploads.Values;

    public ValueTask DisposeAsync() => _registry.DisposeAsync();

    /// <summary>One upload.</summary>
    internal sealed class Upload
    {
        /// <summary>Where its pieces began, in order.</summary>
        public List<string> Starts { get; } = [];

        /// <summary>What was kept.</summary>
        public MemoryStream Bytes { get; } = new();

        /// <summary>The header that tells how much was kept.</summary>
        public string Range => string.Create(CultureInfo.InvariantCulture, $"0-{Bytes.Length - 1}");
    }
}
