using System.Globalization;

namespace BuildRunner.Campaign;

/// <summary>The broker is gone for long while work goes on: a step that outlasts that time, and short runs one after the other beside it.</summary>
/// <param name="installation">A large one.</param>
/// <param name="away">How long the broker is gone.</param>
/// <param name="pause">Between one short run and the next.</param>
/// <param name="say">Told of what happens.</param>
public sealed class BrokerAway(Installation installation, TimeSpan away, TimeSpan pause, Action<string> say)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5), Beyond = TimeSpan.FromSeconds(20);

    private readonly Runs runs = new(installation);
    private readonly Audit audit = new(installation);
    private readonly Dictionary<int, RunShape> started = [];
    private TimeSpan longest;

    /// <summary>Does it.</summary>
    /// <returns>Everything that was wrong, a sentence each.</returns>
    public async Task<IReadOnlyList<string>> RunAsync()
    {
        var outlasting = await StartAsync(RunShape.Plain, "b", away + Beyond);
        using (var patience = new CancellationTokenSource(Limit))
        {
            await installation.Witness.StartedAsync(outlasting, "b", patience.Token);
        }

        await installation.Broker!.KillAsync();
        var began = TimeProvider.System.GetTimestamp();
        say("the broker is gone");
        var shapes = Enum.GetValues<RunShape>();
        for (var i = 0; TimeProvider.System.GetElapsedTime(began) < away; i++)
        {
            await ShortAsync(shapes[i % shapes.Length]);
            await Task.Delay(pause);
        }

        say(string.Create(CultureInfo.InvariantCulture, $"{started.Count - 1} runs ended in {TimeProvider.System.GetElapsedTime(began).TotalMinutes:0.0} min without the broker, the longest took {longest.TotalSeconds:0.0} s"));
        await installation.Broker.RestartAsync();
        await runs.EndAsync(outlasting, Limit);
        await installation.Api.WholeAsync();
        await ShortAsync(RunShape.Plain);
        return await ProblemsAsync();
    }

    private async Task ShortAsync(RunShape shape)
    {
        var (began, now) = (TimeProvider.System.GetTimestamp(), Witness.Now);
        var number = await StartAsync(shape, null, TimeSpan.Zero);
        await runs.EndAsync(number, Limit);
        var took = TimeProvider.System.GetElapsedTime(began);
        longest = took > longest ? took : longest;
        var starts = installation.Witness.Of(number).Where(t => t.IsStart).Select(t => string.Create(CultureInfo.InvariantCulture, $"{t.Step} at {t.At - now:0.0} s"));
        var host = await runs.HostAsync(number);
        say(string.Create(CultureInfo.InvariantCulture, $"run {number} of {shape} took {took.TotalSeconds:0.0} s at {host.Name}: {string.Join(", ", starts)}"));
    }

    private async Task<int> StartAsync(RunShape shape, string? slow, TimeSpan slower)
    {
        var number = await runs.StartAsync(shape, slow, slower);
        started.Add(number, shape);
        return number;
    }

    private async Task<IReadOnlyList<string>> ProblemsAsync()
    {
        List<string> problems = [];
        foreach (var (number, shape) in started)
        {
            var fault = new Fault(Victim.Broker, Phase.Running, shape, First: false, Delivered: true, Cancelled: false, Later: 0);
            problems.AddRange(await audit.RunAsync(number, fault, killed: true, TimeSpan.Zero, cancelledAt: null));
            var starts = installation.Witness.Of(number).Count(t => t.IsStart);
            problems.AddRange(starts == Installation.Steps.Count ? [] : [$"run {number} of {Installation.Steps.Count} steps had {starts} starts"]);
        }

        if (await runs.LastAsync() - started.Keys.Min() + 1 is var count && count != started.Count)
        {
            problems.Add($"{started.Count} triggers were accepted, and there are {count} runs");
        }

        return [.. problems, .. await Remains.AfterAsync(installation, new HashSet<string>(), new HashSet<string>())];
    }
}
