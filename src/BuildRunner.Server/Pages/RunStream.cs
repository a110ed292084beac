using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Threading.Channels;
using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Api;
using BuildRunner.Server.Dispatch;
using BuildRunner.Server.Logs;
using BuildRunner.Server.Runs;
using BuildRunner.Server.Storage.Rows;
using Microsoft.AspNetCore.Http;

namespace BuildRunner.Server.Pages;

/// <summary>Everything that changes on a run's page, in one stream: browsers allow few connections to a host. Events: <c>run</c> with the run's details, <c>lines</c> with the next lines
/// of the log on the page and the offset behind them as id, <c>logend</c>, and <c>end</c> when nothing more comes.</summary>
/// <remarks>A line is <c>[number, milliseconds since 1970, stream, text]</c>. Many lines that are there already come in one event.</remarks>
internal sealed class RunStream(ApiCall call, RunRow run, WantedLog? wanted, long offset) : IResult
{
    public const string Route = "/{owner}/{name}/runs/{number:int}/live";
    private const int MostLines = 500;
    private const int MostText = 256 * 1024;
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(3);

    // The text is read by our own script, never put into a page as it is.
    private static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Channel<(string Name, string Data, string? Id)> events = Channel.CreateBounded<(string, string, string?)>(8);

    /// <summary>Answers a page's stream. Query: <c>attempt</c>, <c>workflow</c>, <c>step</c>, <c>try</c>, <c>offset</c>.</summary>
    public static async Task<IResult> AnswerAsync(HttpContext http)
    {
        var call = new ApiCall(http);
        try
        {
            var run = await RunApi.RunAsync(call);
            var last = http.Request.Headers["Last-Event-ID"].ToString();
            var from = long.TryParse(last, NumberStyles.None, CultureInfo.InvariantCulture, out var resumed) ? resumed : call.Number("offset", 0, long.MaxValue) ?? 0;
            var wanted = call.Query("step") is { } step && call.Query("workflow") is { } workflow
                ? new WantedLog(workflow, step, call.Query("service") is not null, (int?)call.Number("try", 1, int.MaxValue))
                : null;
            return new RunStream(call, run, wanted, from);
        }
        catch (ApiException problem)
        {
            return problem.ToResult();
        }
    }

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(call.Stop, call.Ending);
        var stream = new EventStream(httpContext.Response, call.Get<TimeProvider>());
        stream.Begin();
        var sources = Task.WhenAll(RunAsync(stop.Token), LogAsync(stop.Token));
        _ = sources.ContinueWith(done => events.Writer.TryComplete(done.Exception), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        try
        {
            while (await ReadyAsync(stream, stop.Token))
            {
                while (stream.Pending < MostText && events.Reader.TryRead(out var item))
                {
                    stream.Add(item.Name, item.Data, item.Id);
                }

                await stream.FlushAsync(stop.Token);
            }

            stream.Add("end", "{}", id: null);
            await stream.FlushAsync(stop.Token);
        }
        catch (OperationCanceledException)
        {
            // The reader has gone, or the server ends; the browser asks again, from where it was.
        }
        finally
        {
            await stop.CancelAsync();
            await ((Task)sources).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<bool> ReadyAsync(EventStream stream, CancellationToken stop)
    {
        var more = events.Reader.WaitToReadAsync(stop).AsTask();
        await stream.WaitAsync(more, Timeout.InfiniteTimeSpan, stop);
        return await more;
    }

    private async Task RunAsync(CancellationToken stop)
    {
        var (views, followers) = (call.Get<RunViews>(), call.Get<RunFollowers>());
        string? sent = null;
        while (true)
        {
            var changed = followers.NextAsync(run.Id);
            if (await views.DetailsAsync(run.Id, stop) is not { } details)
            {
                return;
            }

            var text = JsonSerializer.Serialize(details, ApiJson.Default.RunDetails);
            if (text != sent)
            {
                sent = text;
                await events.Writer.WriteAsync(("run", text, null), stop);
            }

            if (RunStates.Ended.Contains(details.Run.State))
            {
                return;
            }

            await Task.WhenAny(changed, Task.Delay(LookAgain, call.Get<TimeProvider>(), stop));
            stop.ThrowIfCancellationRequested();
        }
    }

    private async Task LogAsync(CancellationToken stop)
    {
        if (wanted is null)
        {
            return;
        }

        var texts = call.Get<LogTexts>();
        var found = await FindAsync(texts, stop);
        if (found.Key is { } key)
        {
            await SendAsync(texts.LinesAsync(key, offset, follow: true, stop), stop);
            found = await texts.FindAsync(run, wanted, stop);
        }

        await events.Writer.WriteAsync(("logend", JsonSerializer.Serialize(new LogEnd(found.Missing), ApiJson.Default.LogEnd), null), stop);
    }

    // A step that waits has no log yet.
    private async Task<FoundLog> FindAsync(LogTexts texts, CancellationToken stop)
    {
        var followers = call.Get<RunFollowers>();
        while (true)
        {
            var changed = followers.NextAsync(run.Id);
            var found = await texts.FindAsync(run, wanted!, stop);
            if (found.Key is not null || found.Ended)
            {
                return found;
            }

            await Task.WhenAny(changed, Task.Delay(LookAgain, call.Get<TimeProvider>(), stop));
            stop.ThrowIfCancellationRequested();
        }
    }

    // Lines that are there go out in bundles; one that comes later goes out at once.
    private async Task SendAsync(IAsyncEnumerable<(LogEntry Line, long Next)> lines, CancellationToken stop)
    {
        await using var each = lines.GetAsyncEnumerator(stop);
        var bundle = new List<LogEntry>(MostLines);
        var (behind, size) = (offset, 0);
        while (true)
        {
            var next = each.MoveNextAsync().AsTask();
            try
            {
                if (bundle.Count > 0 && (!next.IsCompleted || bundle.Count == MostLines || size > MostText))
                {
                    await events.Writer.WriteAsync(("lines", Text(bundle), behind.ToString(CultureInfo.InvariantCulture)), stop);
                    bundle.Clear();
                    size = 0;
                }
            }
            catch (OperationCanceledException)
            {
                // The same signal ends the next line too, and that must have ended before it is disposed.
                await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                throw;
            }

            if (!await next)
            {
                break;
            }

            (var line, behind) = each.Current;
            bundle.Add(line);
            size += line.Text?.Length ?? line.Base64!.Length;
        }

        if (bundle.Count > 0)
        {
            await events.Writer.WriteAsync(("lines", Text(bundle), behind.ToString(CultureInfo.InvariantCulture)), stop);
        }
    }

    private static string Text(List<LogEntry> lines)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, Plain))
        {
            json.WriteStartArray();
            foreach (var line in lines)
            {
                json.WriteStartArray();
                json.WriteNumberValue(line.N);
                json.WriteNumberValue(line.At.ToUnixTimeMilliseconds());
                json.WriteStringValue(line.S);
                json.WriteStringValue(PageLogs.TextOf(line));
                json.WriteEndArray();
            }

            json.WriteEndArray();
        }

        return System.Text.Encoding.UTF8.GetString(buffer.ToArray());
    }
}
