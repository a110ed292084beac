using System.Globalization;

namespace BuildRunner.Core.Tests;

/// <summary>What work costs the processor, however busy the machine is with other things.</summary>
internal static class CpuTime
{
    /// <summary>Milliseconds that this thread spent on the processor.</summary>
    public static long Milliseconds(Action work)
    {
        var before = Nanoseconds();
        work();
        return (Nanoseconds() - before) / 1_000_000;
    }

    private static long Nanoseconds() => long.Parse(File.ReadAllText("/proc/thread-self/schedstat").AsSpan().Trim().ToString().Split(' ')[0], CultureInfo.InvariantCulture);
}
