namespace BuildRunner.Benchmarks.Serving;

/// <summary>Milliseconds of one thing that was measured many times.</summary>
internal sealed class Latencies(string name)
{
    private readonly List<double> _milliseconds = [];
    private readonly List<(double Began, double Took)> _inOrder = [];
    private readonly long _made = System.Diagnostics.Stopwatch.GetTimestamp();

    public int Count => _milliseconds.Count;

    public void Add(double milliseconds)
    {
        lock (_milliseconds)
        {
            _milliseconds.Add(milliseconds);
            _inOrder.Add((System.Diagnostics.Stopwatch.GetElapsedTime(_made).TotalSeconds - milliseconds / 1000, milliseconds));
        }
    }

    /// <summary>The value below which a part of all lies.</summary>
    public double At(double quantile)
    {
        lock (_milliseconds)
        {
            return _milliseconds.Order().ElementAt(Math.Min(_milliseconds.Count - 1, (int)(quantile * _milliseconds.Count)));
        }
    }

    /// <summary>Prints each quarter of them, in the order in which they began: a process that has just begun still compiles.</summary>
    public void PrintQuarters()
    {
        lock (_milliseconds)
        {
            foreach (var part in _inOrder.OrderBy(m => m.Began).Chunk((_inOrder.Count + 3) / 4))
            {
                var took = part.Select(m => m.Took).Order().ToList();
                Console.WriteLine(string.Create(
                    System.Globalization.CultureInfo.InvariantCulture,
                    $"    from {part[0].Began,6:F1} s on: {took.Count,6} times  p50 {took[took.Count / 2],8:F1}  p99 {took[(int)(0.99 * took.Count)],8:F1}  max {took[^1],8:F1} ms"));
            }
        }
    }

    public void Print() => Console.WriteLine($"  {name,-52}{Count,7} times  p10 {At(0.1),8:F1}  p50 {At(0.5),8:F1}  p90 {At(0.9),8:F1}  p99 {At(0.99),8:F1}  max {At(1),8:F1} ms");

    /// <summary>Prints it beside its bar, and tells whether it is met.</summary>
    public bool AtMost(double quantile, double bar)
    {
        Print();
        return Bar.Met($"{name}, p{quantile * 100:0}", At(quantile), bar, "ms");
    }
}

/// <summary>What has to hold.</summary>
internal static class Bar
{
    /// <summary>Prints a figure beside its bar.</summary>
    public static bool Met(string what, double figure, double bar, string unit)
    {
        var met = figure <= bar;
        Console.WriteLine($"  {what}: {figure:F1} {unit}; bar {bar:F0} {unit}: {(met ? "met" : "MISSED")}");
        return met;
    }
}
