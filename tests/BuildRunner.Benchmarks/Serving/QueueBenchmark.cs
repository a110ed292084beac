using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using BuildRunner.Core.AgentContract;

namespace BuildRunner.Benchmarks.Serving;

/// <summary>
/// 10,000 queued steps of four repositories and two agents of four slots (issue 5: claim p99 at most 50 ms, the server's memory at most 512 MiB, no starvation). The agents run nothing, so
/// that there is always a slot that asks; the server is the release over HTTP. Each quarter of the claims is shown for itself, and what the disk took for a page meanwhile: every claim waits for it. A fifth repository comes when the queue is long, and must not wait behind it.
/// </summary>
internal static class QueueBenchmark
{
    private const int Repositories = 4, RunsOfEach = 250, StepsOfRun = 10, Agents = 2, Slots = 4;

    private const string Pipeline = "skip_clone: true\nsteps:\n  - name: work\n    image: busybox\n    commands: [ 'true' ]\n";

    private static string Many => $"{Pipeline}matrix:\n  N: [ {string.Join(", ", Enumerable.Range(1, StepsOfRun))} ]\n";

    /// <param name="rounds">How many hundreds of steps are done.</param>
    public static async Task<bool> RunAsync(int rounds)
    {
        var met = true;
        foreach (var name in Backend.Names)
        {
            await using var backend = await Backend.StartAsync(name);
            await using var server = await ReleasedServer.StartAsync(backend);
            await FillAsync(server, backend);
            met &= await DrainAsync(server, rounds * 100);
        }

        return met;
    }

    private static async Task FillAsync(ReleasedServer server, Backend backend)
    {
        for (var repository = 0; repository < Repositories; repository++)
        {
            await server.AddRepositoryAsync($"busy/{repository}", Many);
        }

        await server.AddRepositoryAsync("quiet/one", Pipeline);
        var began = Stopwatch.GetTimestamp();
        await Parallel.ForAsync(0, Repositories * RunsOfEach, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (run, _) => await server.RunAsync($"busy/{run % Repositories}"));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{backend.Title}: {Repositories * RunsOfEach} runs with {Repositories * RunsOfEach * StepsOfRun} steps queued in {Stopwatch.GetElapsedTime(began).TotalSeconds:F0} s; {ReleasedServer.Load}"));
    }

    private static async Task<bool> DrainAsync(ReleasedServer server, int steps)
    {
        var (claims, served, done) = (new Latencies("a claim that brings work"), new ConcurrentDictionary<string, int>(), 0);
        var (startsBefore, quiet) = (0, new TaskCompletionSource<int>());
        using var stop = new CancellationTokenSource();
        void Taken(WorkItem item)
        {
            var repository = item.RunName.Split('#')[0];
            if (item.Task is WorkTask.Start)
            {
                served.AddOrUpdate(repository, 1, (_, n) => n + 1);
                _ = repository == "quiet/one" && quiet.TrySetResult(served.Where(s => s.Key != "quiet/one").Sum(s => s.Value) - Volatile.Read(ref startsBefore));
            }
            else if (item.Task is WorkTask.Step && Interlocked.Increment(ref done) >= steps)
            {
                stop.Cancel();
            }
        }

        var agents = await Task.WhenAll(Enumerable.Range(0, Agents).Select(a => BenchAgent.RegisterAsync(server, $"bench{a}", Slots, Taken)));
        await using var floor = new DiskFloor(server.Folder.Path);
        var (began, processor) = (Stopwatch.GetTimestamp(), server.Processor);
        var working = Task.WhenAll(agents.Select(a => Task.Run(() => a.RunAsync(claims, stop.Token))));
        while (Volatile.Read(ref done) < steps / 2 && !working.IsCompleted)
        {
            await Task.Delay(50);
        }

        await server.RunAsync("quiet/one");
        Volatile.Write(ref startsBefore, served.Values.Sum());
        await working;
        var elapsed = Stopwatch.GetElapsedTime(began).TotalSeconds;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"  {done} steps in {elapsed:F0} s, {(server.Processor - processor) / done * 1000:F1} ms of the server's processor a step; {ReleasedServer.Load}"));
        foreach (var agent in agents)
        {
            agent.Dispose();
        }

        var shares = served.Where(s => s.Key != "quiet/one").Select(s => s.Value).ToList();
        var met = claims.AtMost(0.99, 50);
        claims.PrintQuarters();
        floor.Latencies.Print();
        met &= Bar.Met("the server's peak memory", server.PeakMemory, 512, "MiB");
        met &= Bar.Met("workflows of others before that of a repository that came late", quiet.Task.IsCompleted ? await quiet.Task : double.PositiveInfinity, Agents * Slots, "workflows");
        return met & Bar.Met("most workflows of one busy repository less the fewest", shares.Max() - shares.Min(), Agents * Slots, "workflows");
    }
}
