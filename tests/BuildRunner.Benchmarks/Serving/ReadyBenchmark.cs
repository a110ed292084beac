using System.Globalization;

namespace BuildRunner.Benchmarks.Serving;

/// <summary>The built release on a migrated database, until <c>/readyz</c> answers 200 (issue 5: under 1.0 s; idle memory under 200 MB). The floor is <c>buildrunner version</c>: what starting the program costs.</summary>
internal static class ReadyBenchmark
{
    public static async Task<bool> RunAsync(int rounds)
    {
        var met = true;
        foreach (var name in Backend.Names)
        {
            await using var backend = await Backend.StartAsync(name);
            await using var server = await ReleasedServer.StartAsync(backend);
            var (ready, processor, floor, memory) = (new Latencies("start until ready"), new Latencies("processor time until ready"), new Latencies("floor: buildrunner version"), new List<double>());
            for (var round = -1; round < rounds; round++)
            {
                await server.StopAsync();
                var began = System.Diagnostics.Stopwatch.GetTimestamp();
                await Programs.RunAsync(ReleasedServer.Executable, "version");
                var version = System.Diagnostics.Stopwatch.GetElapsedTime(began);
                var took = await server.StartAsync();
                if (round >= 0)
                {
                    ready.Add(took.TotalMilliseconds);
                    processor.Add(server.Processor * 1000);
                    floor.Add(version.TotalMilliseconds);
                }
            }

            // Idle: what the start has left to do is done.
            for (var look = 0; look < 10; look++)
            {
                await Task.Delay(TimeSpan.FromSeconds(1));
                memory.Add(server.Memory);
            }

            Console.WriteLine($"{backend.Title}; {rounds} rounds; {ReleasedServer.Load}");
            floor.Print();
            processor.Print();
            met &= ready.AtMost(0.5, 1_000);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  ready / floor: p50 {ready.At(0.5) / floor.At(0.5):F1}, p10 {ready.At(0.1) / floor.At(0.1):F1}"));
            met &= Bar.Met("memory when idle, most of ten looks", memory.Max() * 1.048576, 200, "MB");
        }

        return met;
    }
}
