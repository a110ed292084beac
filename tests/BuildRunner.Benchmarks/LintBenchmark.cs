using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace BuildRunner.Benchmarks;

/// <summary>
/// The published <c>buildrunner lint</c> as a process of its own: time and peak memory, for normal files and for hostile ones (issue 3: a normal file under 120 ms, a hostile one under 500 ms and
/// 128 MiB). The floor is <c>buildrunner version</c>: what starting the program costs.
/// </summary>
internal static class LintBenchmark
{
    private const int Limit = 256 * 1024;

    private static string Executable => Environment.GetEnvironmentVariable("BUILDRUNNER_APP") ?? Path.Combine(Programs.Root, "artifacts", "app", "buildrunner");

    public static async Task<bool> RunAsync(int rounds)
    {
        var folder = Directory.CreateTempSubdirectory("buildrunner-lint-").FullName;
        var peaks = new Dictionary<string, long>();
        var comparison = new Comparison($"buildrunner lint; load {File.ReadAllText("/proc/loadavg").Split(' ')[0]} on {Environment.ProcessorCount} processors");
        comparison.Add("version", () => MeasureAsync("version", peaks, [0], "version"));
        var files = Normal().Concat(Hostile()).ToList();
        try
        {
            foreach (var (name, yaml, _) in files)
            {
                var path = Path.Combine(folder, name.Replace(' ', '-') + ".yml");
                await File.WriteAllTextAsync(path, yaml);
                comparison.Add(name, () => MeasureAsync(name, peaks, [0, 3], "lint", path));
            }

            await comparison.MeasureAsync(rounds);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        var met = true;
        foreach (var (name, _, bar) in files)
        {
            met &= comparison.AtMostMilliseconds(name, bar);
            var mebibytes = peaks[name] / 1024.0;
            met &= mebibytes <= 128;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}: peak {mebibytes:F1} MiB; bar 128 MiB: {(mebibytes <= 128 ? "met" : "MISSED")}"));
        }

        return met;
    }

    // The highest resident size that the kernel noted of the process; asked for until it is gone.
    private static async Task MeasureAsync(string name, Dictionary<string, long> peaks, int[] codes, params string[] arguments)
    {
        var info = new ProcessStartInfo(Executable) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in arguments)
        {
            info.ArgumentList.Add(argument);
        }

        using var process = Process.Start(info) ?? throw new InvalidOperationException($"{Executable} did not start");
        var watching = Task.Run(() => WatchAsync(process.Id));
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        var text = await output + await error;
        if (!codes.Contains(process.ExitCode))
        {
            throw new InvalidOperationException($"{Executable} {string.Join(' ', arguments)} exited with {process.ExitCode}:\n{text}");
        }

        peaks[name] = Math.Max(peaks.GetValueOrDefault(name), await watching);
    }

    private static async Task<long> WatchAsync(int process)
    {
        long peak = 0;
        try
        {
            while (true)
            {
                var line = (await File.ReadAllLinesAsync($"/proc/{process}/status")).FirstOrDefault(l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
                if (line is null)
                {
                    return peak;
                }

                peak = Math.Max(peak, long.Parse(line.AsSpan(6).Trim().TrimEnd("kB ").ToString(), CultureInfo.InvariantCulture));
                await Task.Delay(1);
            }
        }
        catch (IOException)
        {
            // It is gone.
            return peak;
        }
    }

    private static IEnumerable<(string Name, string Yaml, double Bar)> Normal()
    {
        yield return ("our own pipeline", File.ReadAllText(Path.Combine(Programs.Root, "pipelines", "ci.yml")), 120);
        yield return ("a service with a database", File.ReadAllText(Path.Combine(Programs.Root, "tests", "BuildRunner.Core.Tests", "Pipelines", "Corpus", "go-service.yml")), 120);
    }

    private static IEnumerable<(string Name, string Yaml, double Bar)> Hostile()
    {
        foreach (var (name, yaml) in new (string, string)[]
        {
            ("deep lists", new string('[', Limit - 1)),
            ("a billion laughs", Repeat(30, i => i == 0 ? "v0: &v0 lol\n" : $"v{i}: &v{i} [{string.Join(',', Enumerable.Repeat($"*v{i - 1}", 9))}]\n")),
            ("a merge bomb", Repeat(30, i => i == 0 ? "v0: &v0 {a: b}\n" : $"v{i}: &v{i} {{k{i}: {{<<: [*v{i - 1}, *v{i - 1}]}}, l{i}: {{<<: [*v{i - 1}]}}}}\n")),
            ("one long scalar", "a: " + new string('x', Limit - 100)),
            ("many lines", "a:\n" + Repeat(60_000, _ => "  x\n")),
            ("many escapes", "a: \"" + Repeat(40_000, _ => "\\u0041") + "\""),
            ("many unclosed substitutions", "steps: {a: {image: '" + Repeat(100_000, _ => "${") + "'}}"),
            ("many nodes", "a: [" + Repeat(100_000, _ => "a,") + "]"),
            ("256 steps", "steps:\n" + Repeat(256, i => $"- name: s{i}\n  image: x\n  commands: [a, b, c]\n  depends_on: [{(i == 0 ? "" : $"s{i - 1}")}]\n")),
            ("300 unknown keys", "steps: {a: {image: x, commands: b}}\n" + Repeat(300, i => $"unknown_key_{i}: 1\n")),
            ("long conditions", "steps: {a: {image: x, when: {evaluate: '" + Repeat(9_000, _ => "not ") + "true'}}}"),
            ("long patterns", "steps: {a: {image: x, when: {path: '" + Repeat(20_000, _ => "*{a,b}") + "'}}}"),
            ("a large matrix", "matrix:\n" + Repeat(100, i => $"  a{i}: [1,2,3,4,5,6,7,8,9]\n") + "steps: {a: {image: x}}\n"),
        })
        {
            yield return (name, yaml, 500);
        }
    }

    private static string Repeat(int count, Func<int, string> piece)
    {
        var text = new StringBuilder();
        for (var i = 0; i < count; i++)
        {
            text.Append(piece(i));
        }

        return text.ToString();
    }
}
