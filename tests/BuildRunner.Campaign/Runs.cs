using System.Text.Json;

namespace BuildRunner.Campaign;

/// <summary>Starts runs of the campaign's repository, and waits for them.</summary>
public sealed class Runs(Installation installation)
{
    private const string Path = "repos/" + Installation.Repository + "/runs";

    /// <summary>Starts one.</summary>
    /// <param name="shape">Its pipeline.</param>
    /// <param name="slow">The step that takes longer; null: none.</param>
    /// <param name="pause">How much longer; infinite: until <see cref="Witness.Tell"/>.</param>
    /// <returns>Its number.</returns>
    public async Task<int> StartAsync(RunShape shape, string? slow, TimeSpan pause)
    {
        using var answer = await installation.Api.SendAsync(HttpMethod.Post, Path, new
        {
            branch = Installation.NameOf(shape),
            environment = new Dictionary<string, string> { ["SLOW"] = slow ?? "none", ["PAUSE"] = pause == Timeout.InfiniteTimeSpan ? "told" : pause.TotalSeconds.ToString("0.00") },
        });
        return answer.RootElement.GetProperty("number").GetInt32();
    }

    /// <summary>The number of the run that was started last; 0: none was.</summary>
    public async Task<int> LastAsync()
    {
        using var runs = await installation.Api.GetAsync("runs?limit=1&repo=" + Installation.Repository);
        return runs.RootElement.GetProperty("items").EnumerateArray().Select(r => r.GetProperty("number").GetInt32()).FirstOrDefault();
    }

    /// <summary>The agent that has a run's workflow.</summary>
    public async Task<AgentSeat> HostAsync(int number)
    {
        using var run = await installation.Api.WaitAsync($"{Path}/{number}", r => r.GetProperty("workflows")[0].TryGetProperty("agent", out _), TimeSpan.FromMinutes(4));
        var name = run.RootElement.GetProperty("workflows")[0].GetProperty("agent").GetString();
        return installation.Agents.Single(a => a.Name == name);
    }

    /// <summary>Cancels one; returns once that is acknowledged.</summary>
    public async Task CancelAsync(int number) => (await installation.Api.SendAsync(HttpMethod.Post, $"{Path}/{number}/cancel", new { why = "campaign" })).Dispose();

    /// <summary>Waits until a run has ended.</summary>
    /// <returns>How.</returns>
    /// <exception cref="TimeoutException">It has not ended.</exception>
    public async Task<string> EndAsync(int number, TimeSpan limit)
    {
        using var end = await installation.Api.WaitAsync($"{Path}/{number}", r => StateOf(r) is not ("blocked" or "waiting" or "queued" or "preparing" or "running"), limit);
        return StateOf(end.RootElement);
    }

    /// <summary>Waits until the last attempt of a step has ended.</summary>
    /// <returns>How.</returns>
    public async Task<string> StepEndAsync(int number, string step, TimeSpan limit)
    {
        using var run = await installation.Api.WaitAsync($"{Path}/{number}", r => LastOf(r, step) is not (null or "queued" or "preparing" or "running"), limit);
        return LastOf(run.RootElement, step)!;
    }

    private static string? LastOf(JsonElement run, string step) => run.GetProperty("workflows").EnumerateArray().SelectMany(w => w.GetProperty("steps").EnumerateArray())
        .Single(s => s.GetProperty("name").GetString() == step).GetProperty("attempts").EnumerateArray().Select(a => a.GetProperty("state").GetString()).LastOrDefault();

    /// <summary>The state in a run's details.</summary>
    public static string StateOf(JsonElement run) => run.GetProperty("run").GetProperty("state").GetString()!;
}
