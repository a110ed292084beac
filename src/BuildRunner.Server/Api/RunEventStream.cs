using System.Text.Json;
using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Dispatch;
using BuildRunner.Server.Runs;
using Microsoft.AspNetCore.Http;

namespace BuildRunner.Server.Api;

/// <summary>A run as it changes: at once, after each change, and where it waits also when only the reason has changed.</summary>
internal sealed class RunEventStream(ApiCall call, Guid run) : IResult
{
    // A doorbell from another server may get lost; and what waits has a reason that changes without the run.
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(3);

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        ArgumentNullException.ThrowIfNull(httpContext);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(call.Stop, call.Ending);
        var stream = new EventStream(httpContext.Response, call.Get<TimeProvider>());
        stream.Begin();
        try
        {
            await FollowAsync(stream, stop.Token);
        }
        catch (OperationCanceledException)
        {
            // The caller has gone, or the server ends; whoever still wants to know asks again.
        }
    }

    private async Task FollowAsync(EventStream stream, CancellationToken stop)
    {
        var (views, followers) = (call.Get<RunViews>(), call.Get<RunFollowers>());
        string? sent = null;
        while (true)
        {
            var changed = followers.NextAsync(run);
            if (await views.DetailsAsync(run, stop) is not { } details)
            {
                return;
            }

            var text = JsonSerializer.Serialize(details, ApiJson.Default.RunDetails);
            var ended = RunStates.Ended.Contains(details.Run.State);
            if (text != sent)
            {
                sent = text;
                stream.Add("run", text, id: null);
            }

            if (ended)
            {
                stream.Add("end", "{}", id: null);
            }

            await stream.FlushAsync(stop);
            if (ended)
            {
                return;
            }

            await stream.WaitAsync(changed, LookAgain, stop);
        }
    }
}
