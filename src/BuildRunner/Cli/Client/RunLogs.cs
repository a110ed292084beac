using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using BuildRunner.Core.ApiContract;

namespace BuildRunner.Cli.Client;

/// <summary>Names the log of a step's attempt.</summary>
/// <param name="Run">The run.</param>
/// <param name="Workflow">The workflow.</param>
/// <param name="Step">The step or service.</param>
/// <param name="Try">The step's attempt; null: the last.</param>
internal sealed record StepLog(RunSummary Run, string Workflow, string Step, int? Try);

/// <summary>Logs of a server's runs.</summary>
internal sealed class RunLogs(ApiClient api)
{
    private const int LongestLine = 16 * 1024 * 1024;

    /// <summary>What there is of a log now.</summary>
    /// <param name="log">Which.</param>
    /// <param name="tail">Only the last so many lines; null: all.</param>
    /// <param name="stop">Stops it.</param>
    public async IAsyncEnumerable<LogEntry> LinesAsync(StepLog log, int? tail, [EnumeratorCancellation] CancellationToken stop)
    {
        using var response = await api.OpenAsync(PathOf(ApiRoutes.Log, log, ("format", "lines"), ("tail", tail?.ToString(CultureInfo.InvariantCulture))), stop);
        using var reader = new StreamReader(new PatientStream(await response.Content.ReadAsStreamAsync(stop), EventStream.Patience), Encoding.UTF8);
        while (await ReadAsync(reader, stop) is { } line)
        {
            yield return JsonSerializer.Deserialize(line, ApiJson.Default.LogEntry) ?? throw EventStream.Broken("a line of the log is null");
        }
    }

    /// <summary>Copies what the step wrote, as it is.</summary>
    public async Task CopyAsync(StepLog log, int? tail, Stream target, CancellationToken stop)
    {
        using var response = await api.OpenAsync(PathOf(ApiRoutes.Log, log, ("format", "text"), ("tail", tail?.ToString(CultureInfo.InvariantCulture))), stop);
        await using var body = new PatientStream(await response.Content.ReadAsStreamAsync(stop), EventStream.Patience);
        await body.CopyToAsync(target, stop);
        await target.FlushAsync(stop);
    }

    /// <summary>A log from its beginning until it ends, also over broken connections.</summary>
    /// <returns>Lines, each once; then its end.</returns>
    public async IAsyncEnumerable<LogEvent> FollowAsync(StepLog log, int? tail, [EnumeratorCancellation] CancellationToken stop)
    {
        var events = new EventStream(api, PathOf(ApiRoutes.LogFollow, log, ("tail", tail?.ToString(CultureInfo.InvariantCulture))));
        await foreach (var item in events.ReadAsync(stop))
        {
            switch (item.EventType)
            {
                case "line":
                    yield return new LogEvent(JsonSerializer.Deserialize(item.Data, ApiJson.Default.LogEntry), null);
                    break;
                case "end":
                    yield return new LogEvent(null, JsonSerializer.Deserialize(item.Data, ApiJson.Default.LogEnd));
                    yield break;
            }
        }
    }

    /// <summary>A line's bytes.</summary>
    public static byte[] Bytes(LogEntry line) => line.Text is { } text ? Encoding.UTF8.GetBytes(text) : Convert.FromBase64String(line.Base64 ?? "");

    private static string PathOf(string route, StepLog log, (string, string?) first, (string, string?) second = default) => ClientQuery.Path(
        ApiRoutes.For(route, log.Run.Repo, log.Run.Number),
        ("workflow", log.Workflow), ("step", log.Step), ("attempt", log.Run.Attempt.ToString(CultureInfo.InvariantCulture)), ("try", log.Try?.ToString(CultureInfo.InvariantCulture)),
        first, second.Item1 is null ? ("", null) : second);

    private static async Task<string?> ReadAsync(StreamReader reader, CancellationToken stop)
    {
        try
        {
            return await reader.ReadLineAsync(stop) is { } line
                ? line.Length <= LongestLine ? line : throw EventStream.Broken("a line of the log is too long")
                : null;
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            throw EventStream.Broken(e.Message);
        }
    }
}

/// <summary>A line of a log, or its end.</summary>
internal sealed record LogEvent(LogEntry? Line, LogEnd? End);
