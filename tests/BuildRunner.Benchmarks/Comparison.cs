using System.Diagnostics;

namespace BuildRunner.Benchmarks;

/// <summary>Times candidates in turn, round after round, so that a machine whose speed drifts is unfair to none.</summary>
internal sealed class Comparison(string title)
{
    private readonly List<(string Name, Func<Task> Prepare, Func<Task> Run, List<double> Milliseconds)> _candidates = [];

    public void Add(string name, Func<Task> run) => Add(name, () => Task.CompletedTask, run);

    /// <summary>A candidate with a part before each round that does not count.</summary>
    public void Add(string name, Func<Task> prepare, Func<Task> run) => _candidates.Add((name, prepare, run, []));

    /// <summary>One uncounted round, then the counted ones. Each begins one candidate later: what one leaves to be cleared up by the kernel would else always burden the same.</summary>
    public async Task MeasureAsync(int rounds)
    {
        for (var round = -1; round < rounds; round++)
        {
            for (var i = 0; i < _candidates.Count; i++)
            {
                var (_, prepare, run, milliseconds) = _candidates[(i + round + 1) % _candidates.Count];
                await prepare();
                var start = Stopwatch.GetTimestamp();
                await run();
                if (round >= 0)
                {
                    milliseconds.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
                }
            }
        }

        Console.WriteLine($"{title} ({rounds} rounds, interleaved, milliseconds)");
        Console.WriteLine($"{"",-44}{"min",9}{"p10",9}{"median",9}{"p90",9}");
        foreach (var (name, _, _, milliseconds) in _candidates)
        {
            Console.WriteLine($"{name,-44}{Quantile(milliseconds, 0),9:F1}{Quantile(milliseconds, 0.1),9:F1}{Quantile(milliseconds, 0.5),9:F1}{Quantile(milliseconds, 0.9),9:F1}");
        }
    }

    /// <summary>Prints the ratio of medians and of p10, and tells whether both are at most the bar.</summary>
    public bool AtMost(string candidate, string peer, double bar)
    {
        return AtMost(candidate, Find(candidate), peer, Find(peer), bar);
    }

    /// <summary>The same of milliseconds that were measured elsewhere.</summary>
    public static bool AtMost(string candidate, List<double> ours, string peer, List<double> theirs, double bar)
    {
        var (median, p10) = (Quantile(ours, 0.5) / Quantile(theirs, 0.5), Quantile(ours, 0.1) / Quantile(theirs, 0.1));
        var met = median <= bar && p10 <= bar;
        Console.WriteLine($"{candidate} / {peer}: median {median:F3}, p10 {p10:F3}; bar {bar:F3}: {(met ? "met" : "MISSED")}");
        return met;
    }

    /// <summary>Prints by how much one is later than another, medians and p10, and tells whether both are at most the bar.</summary>
    public static bool AtMostLater(string candidate, List<double> ours, string peer, List<double> theirs, double bar)
    {
        var (median, p10) = (Quantile(ours, 0.5) - Quantile(theirs, 0.5), Quantile(ours, 0.1) - Quantile(theirs, 0.1));
        var met = median <= bar && p10 <= bar;
        Console.WriteLine($"{candidate} less {peer}: median {median:F1} ms, p10 {p10:F1} ms; bar {bar:F0} ms: {(met ? "met" : "MISSED")}");
        return met;
    }

    /// <summary>Prints median and p10 of one candidate, and tells whether both are at most the bar.</summary>
    public bool AtMostMilliseconds(string candidate, double bar)
    {
        var ours = Find(candidate);
        var met = Quantile(ours, 0.5) <= bar && Quantile(ours, 0.1) <= bar;
        Console.WriteLine($"{candidate}: median {Quantile(ours, 0.5):F1} ms, p10 {Quantile(ours, 0.1):F1} ms; bar {bar:F0} ms: {(met ? "met" : "MISSED")}");
        return met;
    }

    /// <summary>The milliseconds of a candidate, in the order of the rounds.</summary>
    public List<double> Of(string name) => Find(name);

    private List<double> Find(string name) => _candidates.First(c => c.Name == name).Milliseconds;

    private static double Quantile(List<double> values, double q)
    {
        var sorted = values.Order().ToList();
        return sorted[Math.Min(sorted.Count - 1, (int)(q * sorted.Count))];
    }
}
