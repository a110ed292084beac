using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using BuildRunner.Cli;
using BuildRunner.Core.ApiContract;

namespace BuildRunner.Hosting;

/// <summary>What starts runs without anybody typing, shown in a demonstration: a schedule that is due each second, and a webhook that only its sender can sign.</summary>
internal sealed class DemoTriggers(DemoClient client, CliHost host)
{
    private const string Body = """{"action":"published","release":{"tag":"v1.0"}}""";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);
    private static readonly ApiJson Json = ApiJson.Default;

    /// <summary>Sets a schedule, waits for the run that it starts, and removes it.</summary>
    public async Task<RunSummary> ScheduleAsync(CancellationToken stop)
    {
        var path = ApiRoutes.With(ApiRoutes.For(TriggerRoutes.ScheduleByName, DemoFolder.Name), "schedule", "tick");
        await client.SendAsync(HttpMethod.Put, path, new SetSchedule { Cron = "* * * * * *", Overlap = "skip" }, Json.SetSchedule, Json.ScheduleInfo, stop);
        host.Say("5. A schedule was set that is due each second (people write '30 2 * * *'): PUT /api/v1/repos/demo/hello/schedules/tick\n");
        var run = await StartedByAsync("cron", stop);
        await client.DeleteAsync(path, stop);
        host.Say($"   It has started run {run.Number}, and was removed again:\n");
        return await new DemoWatch(client, host).FollowAsync(run.Number, stop);
    }

    /// <summary>Makes an endpoint, shows that a forged delivery is refused, and waits for the run that a signed one starts.</summary>
    public async Task<RunSummary> WebhookAsync(CancellationToken stop)
    {
        var path = ApiRoutes.With(ApiRoutes.For(TriggerRoutes.HookByName, DemoFolder.Name), "hook", "demo-release");
        var made = await client.SendAsync(HttpMethod.Put, path, new SetHook(), Json.SetHook, Json.CreatedHook, stop);
        var address = new Uri(made.Hook.Url);
        host.Say($"6. An endpoint for webhooks was made: PUT /api/v1/repos/demo/hello/hooks/demo-release; senders post to {address.AbsolutePath}, signed with its secret\n");
        var forged = await DeliverAsync(address, "whsec_" + Convert.ToBase64String(new byte[32]), stop);
        host.Say($"   A delivery that somebody else signed was answered with {forged}, and one with the right signature with {await DeliverAsync(address, made.Secret!, stop)}\n");
        var run = await StartedByAsync("webhook", stop);
        host.Say($"   It has started run {run.Number}:\n");
        return await new DemoWatch(client, host).FollowAsync(run.Number, stop);
    }

    private async Task<string> DeliverAsync(Uri address, string secret, CancellationToken stop)
    {
        var (id, at) = ($"msg_{Guid.NewGuid():N}", host.Time.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture));
        var key = Convert.FromBase64String(secret["whsec_".Length..]);
        using var request = new HttpRequestMessage(HttpMethod.Post, address.PathAndQuery) { Content = new StringContent(Body, Encoding.UTF8, "application/json") };
        request.Headers.Add("webhook-id", id);
        request.Headers.Add("webhook-timestamp", at);
        request.Headers.Add("webhook-signature", "v1," + Convert.ToBase64String(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes($"{id}.{at}.{Body}"))));
        using var answer = await client.Http.SendAsync(request, stop);
        return $"{(int)answer.StatusCode} {answer.ReasonPhrase}";
    }

    // The list's newest are first; of a schedule there may be several.
    private async Task<RunSummary> StartedByAsync(string what, CancellationToken stop)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop);
        patience.CancelAfter(Patience);
        try
        {
            while (true)
            {
                var runs = JsonSerializer.Deserialize(await client.Http.GetStringAsync(ApiRoutes.Runs, patience.Token), Json.RunPage)!;
                if (runs.Items.LastOrDefault(r => r.Event == what) is { } run)
                {
                    return run;
                }

                await Task.Delay(TimeSpan.FromMilliseconds(100), host.Time, patience.Token);
            }
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            throw new CliException(ExitCode.Error, $"no run was started by the {what} within {Patience.TotalSeconds:0} s; the server's log above tells more");
        }
    }
}
