using System.Text;
using System.Text.Json;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>Reads what a builder answers while it builds: a row of JSON objects, of the old builder's and Podman's kind or of BuildKit's.</summary>
internal sealed class BuildOutput(Action<string>? output)
{
    private readonly BuildTrace _trace = new(output);
    private readonly StringBuilder _line = new();

    /// <summary>Why the build failed, in the builder's words; null if it did not.</summary>
    public string? Error { get; private set; }

    /// <summary>The id of what was built; null if the builder did not tell.</summary>
    public string? ImageId { get; private set; }

    /// <summary>Reads to the end.</summary>
    public async Task ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        await JsonMessages.ReadAsync(stream, Read, cancellationToken);
        Flush();
    }

    private void Read(JsonElement message)
    {
        if (message.TryGetProperty("error", out var error) && error.ValueKind == JsonValueKind.String)
        {
            Error ??= error.GetString();
        }

        if (message.TryGetProperty("stream", out var text) && text.ValueKind == JsonValueKind.String)
        {
            Print(text.GetString()!);
        }

        var id = message.TryGetProperty("id", out var kind) && kind.ValueKind == JsonValueKind.String ? kind.GetString() : null;
        if (!message.TryGetProperty("aux", out var more))
        {
            return;
        }

        if (more.ValueKind == JsonValueKind.String && id == "moby.buildkit.trace" && more.TryGetBytesFromBase64(out var trace))
        {
            _trace.Read(trace);
        }
        else if (more.ValueKind == JsonValueKind.Object && more.TryGetProperty("ID", out var built) && built.ValueKind == JsonValueKind.String)
        {
            ImageId = built.GetString();
        }
    }

    private void Print(string text)
    {
        _line.Append(text);
        for (var all = _line.ToString(); all.Contains('\n', StringComparison.Ordinal); all = _line.ToString())
        {
            var end = all.IndexOf('\n');
            output?.Invoke(all[..end].TrimEnd('\r'));
            _line.Remove(0, end + 1);
        }
    }

    private void Flush()
    {
        if (_line.Length > 0)
        {
            output?.Invoke(_line.ToString());
        }
    }
}
