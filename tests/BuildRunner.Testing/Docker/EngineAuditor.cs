using System.Text.Json;

namespace BuildRunner.Testing.Docker;

/// <summary>Asks an engine by plain HTTP for what BuildRunner has on it. It knows nothing of the code under test but the label.</summary>
public sealed class EngineAuditor : IDisposable
{
    private const string Filter = """{"label":["io.buildrunner.managed"]}""";
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    private readonly HttpClient _http;

    /// <param name="engine">The engine that is looked at.</param>
    public EngineAuditor(ITestEngine engine) => _http = EngineHttp.At(engine.Socket);

    /// <summary>Containers, networks and volumes, one line each; empty on a clean engine.</summary>
    public async Task<IReadOnlyList<string>> FindingsAsync() =>
    [
        .. await ListAsync("containers/json?all=1&", "Names", "container"),
        .. await ListAsync("networks?", "Name", "network"),
        .. await ListAsync("volumes?", "Name", "volume"),
    ];

    /// <summary>Starts again and again, as long as something is left: what the engine was still making for the dead one comes a little later.</summary>
    public Task<IReadOnlyList<string>> FindingsAfterAsync(TimeSpan limit, Func<Task> start) => WaitAsync(limit, async () =>
    {
        await start();
        return await FindingsAsync();
    });

    /// <summary>Waits until no container runs, and returns those that do after the time.</summary>
    public Task<IReadOnlyList<string>> RunningAfterAsync(TimeSpan limit) =>
        WaitAsync(limit, async () => await ListAsync("containers/json?", "Names", "container"));

    private static async Task<IReadOnlyList<string>> WaitAsync(TimeSpan limit, Func<Task<IReadOnlyList<string>>> look)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var found = await look();
            if (found.Count == 0 || TimeProvider.System.GetElapsedTime(start) > limit)
            {
                return found;
            }

            await Task.Delay(Pause);
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task<List<string>> ListAsync(string path, string name, string kind)
    {
        using var answer = JsonDocument.Parse(await _http.GetStringAsync($"{path}filters={Uri.EscapeDataString(Filter)}"));
        var list = answer.RootElement.ValueKind == JsonValueKind.Object ? answer.RootElement.GetProperty("Volumes") : answer.RootElement;
        return list.ValueKind == JsonValueKind.Array ? [.. list.EnumerateArray().Select(item => $"{kind} {item.GetProperty(name)}")] : [];
    }
}
