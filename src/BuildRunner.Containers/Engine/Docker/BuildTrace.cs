using System.Text;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>Turns BuildKit's account of a build (its control API's <c>StatusResponse</c>, in protocol-buffer encoding) into lines as <c>docker build --progress plain</c> has them.</summary>
/// <remarks>Only what is shown is read: vertices (digest 1, name 3, cached 4, started 5, completed 6, error 7) and logs (vertex 1, text 4).</remarks>
internal sealed class BuildTrace(Action<string>? output)
{
    private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);
    private readonly HashSet<string> _said = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _rests = new(StringComparer.Ordinal);

    /// <summary>Takes one message. What it does not understand it leaves out.</summary>
    public void Read(ReadOnlySpan<byte> message)
    {
        foreach (var (field, start, length) in Fields(message))
        {
            switch (field)
            {
                case 1:
                    ReadVertex(message.Slice(start, length));
                    break;
                case 3:
                    ReadLog(message.Slice(start, length));
                    break;
            }
        }
    }

    private void ReadVertex(ReadOnlySpan<byte> vertex)
    {
        var (digest, name, error) = ("", "", "");
        var (cached, started, completed) = (false, false, false);
        foreach (var (field, start, length) in Fields(vertex))
        {
            var value = vertex.Slice(start, length);
            switch (field)
            {
                case 1:
                    digest = Encoding.UTF8.GetString(value);
                    break;
                case 3:
                    name = Encoding.UTF8.GetString(value);
                    break;
                case 4:
                    cached = value is [not 0];
                    break;
                case 5:
                    started = true;
                    break;
                case 6:
                    completed = true;
                    break;
                case 7:
                    error = Encoding.UTF8.GetString(value);
                    break;
            }
        }

        Say(digest, "", name, started || cached);
        Say(digest, "end", error.Length > 0 ? $"ERROR: {error}" : cached ? "CACHED" : "DONE", completed);
    }

    private void Say(string digest, string what, string text, bool isTrue)
    {
        if (isTrue && _said.Add(digest + what))
        {
            output?.Invoke($"#{NumberOf(digest)} {text}");
        }
    }

    private void ReadLog(ReadOnlySpan<byte> log)
    {
        var (digest, text) = ("", "");
        foreach (var (field, start, length) in Fields(log))
        {
            switch (field)
            {
                case 1:
                    digest = Encoding.UTF8.GetString(log.Slice(start, length));
                    break;
                case 4:
                    text = Encoding.UTF8.GetString(log.Slice(start, length));
                    break;
            }
        }

        string[] lines = (_rests.GetValueOrDefault(digest) + text).Split('\n');
        _rests[digest] = lines[^1];
        foreach (var line in lines[..^1])
        {
            output?.Invoke($"#{NumberOf(digest)} {line.TrimEnd('\r')}");
        }
    }

    private int NumberOf(string digest)
    {
        _numbers.TryAdd(digest, _numbers.Count + 1);
        return _numbers[digest];
    }

    // Where each field's value is: a number is its bytes, everything else that is not a fixed number has a length.
    private static List<(int Field, int Start, int Length)> Fields(ReadOnlySpan<byte> message)
    {
        var fields = new List<(int, int, int)>();
        for (var at = 0; at < message.Length && TryNumber(message, ref at, out var key);)
        {
            var start = at;
            switch (key & 7)
            {
                case 0 when TryNumber(message, ref at, out _):
                    fields.Add(((int)(key >> 3), start, at - start));
                    break;
                case 1:
                    at += 8;
                    break;
                case 2 when TryNumber(message, ref at, out var length) && length <= (ulong)(message.Length - at):
                    fields.Add(((int)(key >> 3), at, (int)length));
                    at += (int)length;
                    break;
                case 5:
                    at += 4;
                    break;
                default:
                    return fields;
            }
        }

        return fields;
    }

    private static bool TryNumber(ReadOnlySpan<byte> message, ref int at, out ulong value)
    {
        value = 0;
        for (var shift = 0; at < message.Length && shift < 64; shift += 7)
        {
            var part = message[at++];
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80)
            {
                return true;
            }
        }

        return false;
    }
}
