using System.Collections.Specialized;
using System.Security.Cryptography;
using System.Text;
using BuildRunner.Core.AgentContract;

namespace BuildRunner.Agent.Tests.Work;

/// <summary>The logs that a <see cref="ScriptedServer"/> was sent, as the contract has a server keep them.</summary>
internal sealed class ReceivedLogs
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, MemoryStream> logs = [];
    private readonly HashSet<string> ended = [];

    /// <summary>The frames of a log; none where nothing came.</summary>
    public byte[] Frames(WorkId work, string stream)
    {
        lock (gate)
        {
            return logs.TryGetValue($"{work}/{stream}", out var log) ? log.ToArray() : [];
        }
    }

    /// <summary>Whether a log came to its end, and was what its digest says.</summary>
    public bool HasEnded(WorkId work, string stream)
    {
        lock (gate)
        {
            return ended.Contains($"{work}/{stream}");
        }
    }

    /// <summary>The lines of a log; those that BuildRunner said begin with <c>#</c>.</summary>
    public string Text(WorkId work, string stream)
    {
        var text = new StringBuilder();
        ReadOnlyMemory<byte> rest = Frames(work, stream);
        while (LogFrame.TryRead(rest, out var frame))
        {
            text.Append(frame.Stream == Core.Logs.LogStream.System ? "#" : "").Append(Encoding.Latin1.GetString(frame.Text.Span)).Append(frame.Unterminated ? "" : "\n");
            rest = rest[frame.Size..];
        }

        return text.ToString();
    }

    /// <summary>Takes a part of a log.</summary>
    /// <returns>False where the part does not fit to what there is; and from where on the log is wanted.</returns>
    public (bool Taken, LogPosition Position) Append(WorkId work, NameValueCollection query, byte[] body)
    {
        lock (gate)
        {
            var key = $"{work}/{query["stream"]}";
            if (!logs.TryGetValue(key, out var log))
            {
                logs[key] = log = new MemoryStream();
            }

            var offset = long.Parse(query["offset"]!);
            if (ended.Contains(key))
            {
                return (true, new LogPosition(log.Length, true));
            }

            if (offset > log.Length)
            {
                return (false, new LogPosition(log.Length, false));
            }

            log.SetLength(offset);
            log.Position = offset;
            log.Write(body);
            if (query["sha256"] is not { } digest)
            {
                return (true, new LogPosition(log.Length, false));
            }

            if (Convert.ToHexStringLower(SHA256.HashData(log.ToArray())) != digest)
            {
                return (false, new LogPosition(0, false));
            }

            ended.Add(key);
            return (true, new LogPosition(log.Length, true));
        }
    }
}
