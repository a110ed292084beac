using System.Diagnostics;
using System.Globalization;

namespace BuildRunner.Benchmarks.Serving;

/// <summary>The built release on a migrated database, until <c>/readyz</c> answers 200 (issue 5: under 1.0 s; idle memory under 200 MB). The floor is <c>buildrunner version</c>: what starting the program costs.
/// With <c>BUILDRUNNER_BENCHMARK_BEFORE</c> another release starts in turns with it.</summary>
internal static class ReadyBenchmark
{
    public static async Task<bool> RunAsync(int rounds)
    {
        var met = true;
        foreach (var name in Backend.Names)
        {
            await using var backend = await Backend.StartAsync(name);
            await using var before = ReleasedServer.Before is { } earlier ? await Starts.OfAsync(backend, earlier) : null;
            await using var now = await Starts.OfAsync(backend, ReleasedServer.Executable);
            for (var round = -1; round < rounds; round++)
            {
                await (before?.MeasureAsync(count: round >= 0) ?? Task.CompletedTask);
                await now.MeasureAsync(count: round >= 0);
            }

            Console.WriteLine($"{backend.Title}; {rounds} rounds; {ReleasedServer.Load}");
            if (before is not null)
            {
                Console.WriteLine($" before: {ReleasedServer.Before}");
                await before.PrintAsync();
                Console.WriteLine($" now: {ReleasedServer.Executable}");
            }

            met &= await now.PrintAsync();
        }

        return met;
    }

    /// <summary>One release, started again and again.</summary>
    private sealed class Starts(ReleasedServer server, string executable) : IAsyncDisposable
    {
        private readonly Latencies ready = new("start until ready");
        private readonly Latencies processor = new("processor time until ready");
        private readonly Latencies floor = new("floor: buildrunner version");

        public static async Task<Starts> OfAsync(Backend backend, string executable)
        {
            var server = await ReleasedServer.StartAsync(backend, executable: executable);
            await server.StopAsync();
            return new Starts(server, executable);
        }

        public async Task MeasureAsync(bool count)
        {
            var began = Stopwatch.GetTimestamp();
            await Programs.RunAsync(executable, "version");
            var version = Stopwatch.GetElapsedTime(began);
            var took = await server.StartAsync();
            var used = server.Processor;
            await server.StopAsync();
            if (count)
            {
                ready.Add(took.TotalMilliseconds);
                processor.Add(used * 1000);
                floor.Add(version.TotalMilliseconds);
            }
        }

        public async Task<bool> PrintAsync()
        {
            floor.Print();
            processor.Print();
            var met = ready.AtMost(0.5, 1_000);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  ready / floor: p50 {ready.At(0.5) / floor.At(0.5):F1}, p10 {ready.At(0.1) / floor.At(0.1):F1}"));
            return Bar.Met("memory when idle, most of ten looks", await MemoryAsync() * 1.048576, 200, "MB") && met;
        }

        public async ValueTask DisposeAsync() => await server.DisposeAsync();

        // Idle: what the start has left to do is done.
        private async Task<double> MemoryAsync()
        {
            await server.StartAsync();
            var most = 0.0;
            for (var look = 0; look < 10; look++)
            {
                await Task.Delay(TimeSpan.FromSeconds(1));
                most = Math.Max(most, server.Memory);
            }

            await server.StopAsync();
            return most;
        }
    }
}
