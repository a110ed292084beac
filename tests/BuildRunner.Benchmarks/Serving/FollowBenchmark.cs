using System.Text.Json;

namespace BuildRunner.Benchmarks.Serving;

/// <summary>
/// A line that a step writes, until a follower has it (issue 5: within 300 ms), and a step that is followed by two hundred against the same step that nobody follows, in turn. Each line is
/// the time at which the step wrote it.
/// </summary>
internal static class FollowBenchmark
{
    private const int Followers = 200, Lines = 60;

    public static async Task<bool> RunAsync(int rounds)
    {
        var met = true;
        foreach (var name in Backend.Names)
        {
            await using var backend = await Backend.StartAsync(name);
            await using var server = await ReleasedServer.StartAsync(backend, agent: true);
            var image = StampImage.Make(server.Folder["image"]);
            AddShell(image);
            await server.AddRepositoryAsync("acme/shop", PipelineOf(image));
            Console.WriteLine($"{backend.Title}; {rounds} rounds; {ReleasedServer.Load}");
            var (one, many, alone, followed) = (
                new Latencies("a line until the one follower has it"), new Latencies($"a line until each of {Followers} followers has it"),
                new Latencies("the step, nobody follows"), new Latencies($"the step, {Followers} follow"));
            for (var round = -1; round < rounds; round++)
            {
                var (warm, single, crowd) = (new Latencies("warm"), round < 0 ? new Latencies("warm") : one, round < 0 ? new Latencies("warm") : many);
                await FollowedAsync(server, 1, single);
                (round < 0 ? warm : alone).Add(await FollowedAsync(server, 0, single));
                (round < 0 ? warm : followed).Add(await FollowedAsync(server, Followers, crowd));
            }

            met &= one.AtMost(0.99, 300) & many.AtMost(0.99, 300);
            alone.Print();
            followed.Print();
            met &= Bar.Met("percent of the time alone that the followed step takes, p50", 100 * followed.At(0.5) / alone.At(0.5), 110, "%");
        }

        return met;
    }

    // Some work between the lines: a step that only waited could not be slowed.
    private static string PipelineOf(string image) => $"""
        skip_clone: true
        steps:
          - name: lines
            image: rootfs:{image}
            commands:
              - sleep 0.5
              - i=0; while [ $i -lt {Lines} ]; do /stamp; n=0; while [ $n -lt 8000 ]; do n=$((n+1)); done; i=$((i+1)); done

        """;

    /// <returns>Milliseconds from the first line to the last, by the step's own clock.</returns>
    private static async Task<double> FollowedAsync(ReleasedServer server, int followers, Latencies lines)
    {
        var number = await server.RunAsync("acme/shop");
        await Task.WhenAll(Enumerable.Range(0, followers).Select(_ => FollowAsync(server, number, lines)));
        await server.EndAsync("acme/shop", number);
        var log = await server.Http.GetStringAsync($"/api/v1/repos/acme/shop/runs/{number}/log?step=lines");
        var stamps = log.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(StampImage.IsStamp).Select(StampImage.Parse).ToList();
        return stamps.Count == Lines ? (stamps[^1] - stamps[0]) / 1e6 : throw new InvalidOperationException($"the log holds {stamps.Count} lines:\n{log}");
    }

    private static async Task FollowAsync(ReleasedServer server, int number, Latencies lines)
    {
        var seen = 0;
        using var stream = new StreamReader(await server.Http.GetStreamAsync($"/api/v1/repos/acme/shop/runs/{number}/log/follow?step=lines"));
        while (await stream.ReadLineAsync() is { } line)
        {
            if (line.StartsWith("data: {", StringComparison.Ordinal) && JsonDocument.Parse(line["data: ".Length..]).RootElement.TryGetProperty("text", out var text)
                && text.GetString() is { } stamp && StampImage.IsStamp(stamp))
            {
                lines.Add((StampImage.Now - StampImage.Parse(stamp)) / 1e6);
                seen++;
            }
        }

        if (seen != Lines)
        {
            throw new InvalidOperationException($"a follower saw {seen} of {Lines} lines");
        }
    }

    private static void AddShell(string image)
    {
        Directory.CreateDirectory(Path.Combine(image, "bin"));
        File.Copy("/bin/busybox", Path.Combine(image, "bin", "busybox"));
        foreach (var applet in new[] { "sh", "sleep" })
        {
            File.CreateSymbolicLink(Path.Combine(image, "bin", applet), "busybox");
        }
    }
}
