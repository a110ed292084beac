using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using BuildRunner.Cli;
using BuildRunner.Core.ApiContract;
using BuildRunner.Settings;

namespace BuildRunner.Hosting;

/// <summary>A server with an agent, a repository and what starts its runs, in a folder of its own; what happens is told as it happens.</summary>
/// <remarks>1. Server and agent start. 2. A repository is made and added through the API. 3. A run is started. 4. Its changes and its logs are followed. 5. A schedule starts one.
/// 6. A signed webhook starts one. 7. Everything is removed.</remarks>
internal static class Demo
{
    private static readonly ApiJson Json = ApiJson.Default;

    /// <summary>Shows it.</summary>
    /// <param name="settingsOf">The settings, with those that the demonstration needs.</param>
    /// <param name="host">The process.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>How the run ended.</returns>
    public static async Task<int> RunAsync(Func<IEnumerable<KeyValuePair<string, string>>, EffectiveSettings> settingsOf, CliHost host, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var signals = host.Signals.Listen(_ => stop.Cancel());
        using var folder = DemoFolder.Create();
        var settings = settingsOf(folder.Settings);
        var plan = ServerPlan.Of(settings, host.Environment);

        // It is told to people, wherever they read it: what the server says of itself stands between.
        await using var log = ServiceLog.Create(settings, host, text: true);
        await using var server = await RunningServer.StartAsync(settings, plan, host, log, withAgent: true, stop.Token);
        host.Say($"1. A server with an agent runs at {server.Handle.Root}, on a database of its own\n");
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = server.Handle.Root, Timeout = Timeout.InfiniteTimeSpan };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", await server.Handle.TokenAsync("demo", ["admin"], TimeSpan.FromHours(1), stop.Token));

        var client = new DemoClient(http);
        folder.MakeRepository();
        await client.SendAsync(HttpMethod.Post, ApiRoutes.Repositories, new AddRepository { Name = DemoFolder.Name, CloneUrl = folder.Repository }, Json.AddRepository, Json.Repository, stop.Token);
        host.Say("2. The repository demo/hello was added: POST /api/v1/repos\n");
        var run = await client.SendAsync(HttpMethod.Post, ApiRoutes.For(ApiRoutes.RunsOfRepository, DemoFolder.Name), new StartRun(), Json.StartRun, Json.RunSummary, stop.Token);
        host.Say($"3. Run {run.Number} was accepted for commit {run.Commit[..12]} and is {run.State}: POST /api/v1/repos/demo/hello/runs\n4. What becomes of it:\n");
        var triggers = new DemoTriggers(client, host);
        List<RunSummary> ended = [await new DemoWatch(client, host).FollowAsync(run.Number, stop.Token), await triggers.ScheduleAsync(stop.Token), await triggers.WebhookAsync(stop.Token)];
        var worst = ended.Find(r => r.State != "success") ?? ended[0];
        host.Say($"7. The runs ended: {string.Join(", ", ended.Select(r => r.State))}{(worst.Reason is { } why ? $" ({why})" : "")}. Everything of this demonstration is removed; 'buildrunner up' starts the real thing\n");
        return (int)(worst.State == "success" ? ExitCode.Success : worst.State == "failure" ? ExitCode.Failure : ExitCode.Error);
    }
}

/// <summary>Calls the API of a demonstration.</summary>
internal sealed class DemoClient(HttpClient http)
{
    /// <summary>The connection, with an administrator's token.</summary>
    public HttpClient Http => http;

    /// <summary>Sends a body.</summary>
    /// <exception cref="CliException">The server refused it.</exception>
    public async Task<TAnswer> SendAsync<TRequest, TAnswer>(
        HttpMethod method, string path, TRequest body, JsonTypeInfo<TRequest> type, JsonTypeInfo<TAnswer> answer, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, path) { Content = new StringContent(JsonSerializer.Serialize(body, type), Encoding.UTF8, "application/json") };
        using var response = await http.SendAsync(request, cancellationToken);
        var text = await response.Content.ReadAsStringAsync(cancellationToken);
        return response.IsSuccessStatusCode
            ? JsonSerializer.Deserialize(text, answer)!
            : throw new CliException(ExitCode.Error, $"{path}: {JsonSerializer.Deserialize(text, ApiJson.Default.ApiProblem)?.Detail ?? text}");
    }

    /// <summary>Removes something.</summary>
    public async Task DeleteAsync(string path, CancellationToken cancellationToken)
    {
        using var response = await http.DeleteAsync(path, cancellationToken);
        response.EnsureSuccessStatusCode();
    }
}

/// <summary>Tells the changes of a run, and of each step that has ended its log.</summary>
internal sealed class DemoWatch(DemoClient client, CliHost host)
{
    private readonly Dictionary<string, string> told = new(StringComparer.Ordinal);

    /// <summary>Follows the run to its end.</summary>
    public async Task<RunSummary> FollowAsync(int number, CancellationToken cancellationToken)
    {
        RunSummary? last = null;
        await using var events = await client.Http.GetStreamAsync(ApiRoutes.For(ApiRoutes.RunEvents, DemoFolder.Name, number), cancellationToken);
        await foreach (var item in SseParser.Create(events).EnumerateAsync(cancellationToken))
        {
            if (item.EventType == "run" && JsonSerializer.Deserialize(item.Data, ApiJson.Default.RunDetails) is { } details)
            {
                last = details.Run;
                await TellAsync(number, details, cancellationToken);
            }
        }

        return last ?? throw new CliException(ExitCode.Unreachable, "the server said nothing about the run");
    }

    private async Task TellAsync(int number, RunDetails details, CancellationToken cancellationToken)
    {
        foreach (var workflow in details.Workflows)
        {
            Tell(workflow.Name, workflow.State, workflow.Agent is { } agent && workflow.State is "preparing" ? $"claimed by agent '{agent}'" : workflow.Reason);
            foreach (var step in workflow.Steps)
            {
                if (Tell($"{workflow.Name}/{step.Name}", step.State, step.Reason) && RunStates.Ended.Contains(step.State))
                {
                    await LogAsync(number, workflow.Name, step.Name, cancellationToken);
                }
            }
        }
    }

    private bool Tell(string what, string state, string? reason)
    {
        if (told.GetValueOrDefault(what) == state)
        {
            return false;
        }

        told[what] = state;
        host.Say($"   {what}: {state}{(reason is null ? "" : $" ({reason})")}\n");
        return true;
    }

    private async Task LogAsync(int number, string workflow, string step, CancellationToken cancellationToken)
    {
        var path = $"{ApiRoutes.For(ApiRoutes.Log, DemoFolder.Name, number)}?workflow={Uri.EscapeDataString(workflow)}&step={Uri.EscapeDataString(step)}";
        var text = await client.Http.GetStringAsync(path, cancellationToken);
        host.Say(string.Concat(text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => $"     | {line}\n")));
    }
}
