namespace BuildRunner.Benchmarks;

/// <summary><c>./buildrunner version</c>, launcher included, once built (issue 2: under 60 ms).</summary>
internal static class VersionBenchmark
{
    public static async Task<bool> RunAsync(int rounds)
    {
        var comparison = new Comparison("./buildrunner version");
        comparison.Add("spawn true", () => Programs.RunAsync("/bin/true"));
        comparison.Add("./buildrunner version", () => Programs.RunAsync(Path.Combine(Programs.Root, "buildrunner"), "version"));
        await comparison.MeasureAsync(rounds);
        return comparison.AtMostMilliseconds("./buildrunner version", 60);
    }
}
