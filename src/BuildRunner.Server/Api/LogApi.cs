using System.Globalization;
using System.Text.Json;
using BuildRunner.Core.ApiContract;
using BuildRunner.Core.Planning;
using BuildRunner.Server.Access;
using BuildRunner.Server.Logs;
using BuildRunner.Server.Runs;
using BuildRunner.Server.Storage.Rows;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace BuildRunner.Server.Api;

/// <summary>Logs: whole, in lines, as stored, and while they are written.</summary>
internal static class LogApi
{
    private const int MostTail = 100_000;

    public static void MapLogApi(this IEndpointRouteBuilder routes)
    {
        routes.Stream(ApiRoutes.Log, Scopes.Read, "text/plain", ReadAsync);
        routes.Stream(ApiRoutes.LogFollow, Scopes.Read, "text/event-stream", FollowAsync);
    }

    private static async Task<IResult> ReadAsync(ApiCall call)
    {
        var run = await RunApi.RunAsync(call);
        var log = await call.Get<LogTexts>().FindAsync(run, await WantedAsync(call, run), call.Stop);
        var format = call.Query("format") ?? "text";
        var tail = (int?)call.Number("tail", 1, MostTail);
        var headers = call.Http.Response.Headers;
        headers["X-Log-Ended"] = log.Ended ? "true" : "false";
        headers["X-Content-Type-Options"] = "nosniff";
        if (log.Missing is { } missing)
        {
            headers["X-Log-Missing"] = Ascii(missing);
        }

        return format switch
        {
            "text" => new LogBody(call, log.Key, tail, asLines: false),
            "lines" => new LogBody(call, log.Key, tail, asLines: true),
            "raw" when tail is not null => throw ApiException.Request("'tail' goes with the formats text and lines"),
            "raw" => log.Key is { } key && call.Get<LogTexts>().OpenRaw(key) is { } file
                ? TypedResults.File(file, "application/octet-stream", enableRangeProcessing: true)
                : TypedResults.Bytes([], "application/octet-stream"),
            _ => throw ApiException.Request("'format' is text, lines or raw"),
        };
    }

    private static async Task<IResult> FollowAsync(ApiCall call)
    {
        var run = await RunApi.RunAsync(call);
        var wanted = await WantedAsync(call, run);
        var offset = call.Http.Request.Headers["Last-Event-ID"].FirstOrDefault() is { Length: > 0 } last
            ? long.TryParse(last, NumberStyles.None, CultureInfo.InvariantCulture, out var parsed) ? parsed : throw ApiException.Request("Last-Event-ID is what the id of an event was")
            : call.Number("offset", 0, long.MaxValue);
        return new LogFollowing(call, run, wanted, offset, (int?)call.Number("tail", 1, MostTail));
    }

    // A step that only one workflow has needs no workflow named.
    private static async Task<WantedLog> WantedAsync(ApiCall call, RunRow run)
    {
        var step = call.Query("step") ?? throw ApiException.Request("'step' names the step or service");
        var plan = await call.Get<RunViews>().PlanAsync(run.Id, call.Stop) ?? throw ApiException.NotFound("the run has no steps: its files have errors");
        var workflow = call.Query("workflow");
        var found = plan.Workflows.Where(w => workflow is null || w.Name == workflow).SelectMany(w => w.Steps.Concat(w.Services).Where(s => s.Name == step).Select(s => (w.Name, Step: s))).ToList();
        return found.Count switch
        {
            1 => new WantedLog(found[0].Name, step, found[0].Step.Kind == StepKind.Service, (int?)call.Number("try", 1, int.MaxValue)),
            0 => throw ApiException.NotFound($"the run has no step '{step}'{(workflow is null ? "" : $" in a workflow '{workflow}'")}"),
            _ => throw ApiException.Request($"several workflows have a step '{step}': name one with 'workflow' ({string.Join(", ", found.Select(f => f.Name))})"),
        };
    }

    private static string Ascii(string text) => new([.. text.Select(c => c is >= ' ' and <= '~' ? c : '?')]);

    /// <summary>A log as far as it goes now.</summary>
    private sealed class LogBody(ApiCall call, LogKey? log, int? tail, bool asLines) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            var response = httpContext.Response;
            response.ContentType = asLines ? "application/x-ndjson" : "text/plain; charset=utf-8";
            if (log is null)
            {
                return;
            }

            var texts = call.Get<LogTexts>();
            var from = tail is { } lines ? await texts.TailAsync(log, lines, call.Stop) : 0;
            await using var body = new BufferedStream(response.Body, 64 * 1024);
            if (!asLines)
            {
                await texts.WriteTextAsync(log, from, body, call.Stop);
                return;
            }

            await foreach (var (line, _) in texts.LinesAsync(log, from, follow: false, call.Stop))
            {
                await body.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(line, ApiJson.Default.LogEntry), call.Stop);
                await body.WriteAsync("\n"u8.ToArray(), call.Stop);
            }
        }
    }

    /// <summary>A log while it is written.</summary>
    private sealed class LogFollowing(ApiCall call, RunRow run, WantedLog wanted, long? offset, int? tail) : IResult
    {
        private const int MostPending = 256 * 1024;
        private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1);

        public async Task ExecuteAsync(HttpContext httpContext)
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(call.Stop, call.Ending);
            var stream = new EventStream(httpContext.Response, call.Get<TimeProvider>());
            stream.Begin();
            try
            {
                await httpContext.Response.Body.FlushAsync(stop.Token);
                await FollowAsync(stream, stop.Token);
            }
            catch (OperationCanceledException)
            {
                // The caller has gone, or the server ends; whoever wants the rest asks again, from where he was.
            }
        }

        private async Task FollowAsync(EventStream stream, CancellationToken stop)
        {
            var texts = call.Get<LogTexts>();
            var found = await FindAsync(stream, texts, stop);
            if (found.Key is { } key)
            {
                var from = offset ?? (tail is { } lines ? await texts.TailAsync(key, lines, stop) : 0);
                await SendAsync(stream, texts.LinesAsync(key, from, follow: true, stop), stop);
                found = await texts.FindAsync(run, wanted, stop);
            }

            stream.Add("end", JsonSerializer.Serialize(new LogEnd(found.Missing), ApiJson.Default.LogEnd), id: null);
            await stream.FlushAsync(stop);
        }

        // A step that waits has no log yet: what is asked for is still to come.
        private async Task<FoundLog> FindAsync(EventStream stream, LogTexts texts, CancellationToken stop)
        {
            var followers = call.Get<Dispatch.RunFollowers>();
            while (true)
            {
                var changed = followers.NextAsync(run.Id);
                var found = await texts.FindAsync(run, wanted, stop);
                if (found.Key is not null || found.Ended)
                {
                    return found;
                }

                if (await call.Get<RunViews>().SummaryAsync(run.Id, stop) is not { } summary || RunStates.Ended.Contains(summary.State))
                {
                    return found;
                }

                await stream.WaitAsync(changed, LookAgain, stop);
            }
        }

        // What is there goes out together; what comes later goes out as it comes.
        private static async Task SendAsync(EventStream stream, IAsyncEnumerable<(LogEntry Line, long Next)> lines, CancellationToken stop)
        {
            await using var each = lines.GetAsyncEnumerator(stop);
            while (true)
            {
                var next = each.MoveNextAsync().AsTask();
                if (!next.IsCompleted)
                {
                    try
                    {
                        await stream.FlushAsync(stop);
                        await stream.WaitAsync(next, Timeout.InfiniteTimeSpan, stop);
                    }
                    finally
                    {
                        // The same signal ends it too, and it must have ended before it is disposed.
                        await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                    }
                }

                if (!await next)
                {
                    return;
                }

                var (line, id) = each.Current;
                stream.Add("line", JsonSerializer.Serialize(line, ApiJson.Default.LogEntry), id.ToString(CultureInfo.InvariantCulture));
                if (stream.Pending > MostPending)
                {
                    await stream.FlushAsync(stop);
                }
            }
        }
    }
}
