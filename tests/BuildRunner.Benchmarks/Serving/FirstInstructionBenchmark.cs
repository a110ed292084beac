using System.Text.Json;

namespace BuildRunner.Benchmarks.Serving;

/// <summary>
/// From the API call that starts a run to the first instruction of its step, which the step itself stamps, on an idle agent with the image present (issue 5: p50 at most 60 ms in-process,
/// 100 ms over RabbitMQ and PostgreSQL). The floor is <c>runc run</c> of the same program, in the same rounds. Measured in turns: the runtimes <c>runc</c>, the default for which the bars are, and
/// <c>direct</c> (or the one of <c>BUILDRUNNER_ENGINE__RUNTIME</c>), and with <c>BUILDRUNNER_BENCHMARK_BEFORE</c>, the program of another release, that one too. Then the same with a checkout before the
/// step, without a bar: as most workflows begin.
/// </summary>
internal static class FirstInstructionBenchmark
{
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(1);

    public static async Task<bool> RunAsync(int rounds)
    {
        var met = true;
        foreach (var name in Backend.Names)
        {
            await using var backend = await Backend.StartAsync(name);
            await using var servers = new Servers();
            var sides = new List<Side>();
            foreach (var runtime in Runtimes)
            {
                foreach (var (label, program) in Releases)
                {
                    sides.Add(await Side.OfAsync(await servers.StartAsync(backend, program, runtime), $"{label}{runtime}: "));
                }
            }

            var floor = new RuncFloor(sides[^1].Server.Folder.Path, sides[^1].Image, "/stamp");
            Console.WriteLine($"{backend.Title}; {rounds} rounds after 10 that warm up; {ReleasedServer.Load}");
            await RoundsAsync(sides, floor, rounds, Plain);
            foreach (var side in sides)
            {
                met &= side.Phases.Print(name == "sqlite" ? 60 : 100) || side != sides[Releases.Count() - 1];
            }

            sides = [.. sides.Select(s => s with { Phases = new Phases(s.Phases.Label + "after a checkout, ") })];
            await RoundsAsync(sides, floor, rounds, Cloned);
            sides.ForEach(s => s.Phases.Print(bar: null));
        }

        return met;
    }

    private const string Plain = "acme/shop", Cloned = "acme/cloned";

    private static async Task RoundsAsync(List<Side> sides, RuncFloor floor, int rounds, string repository)
    {
        for (var round = -10; round < rounds; round++)
        {
            var spawned = StampImage.Now;
            var bare = StampImage.Parse(await floor.RunAsync()) - spawned;
            foreach (var side in round % 2 == 0 ? sides : Enumerable.Reverse(sides))
            {
                await side.RoundAsync(repository, bare, counts: round >= 0);
            }
        }
    }

    private static string[] Runtimes => Environment.GetEnvironmentVariable("BUILDRUNNER_ENGINE__RUNTIME") is { Length: > 0 } only ? [only] : ["runc", "direct"];

    private static IEnumerable<(string Label, string Program)> Releases =>
        ReleasedServer.Before is { } before ? [("before, ", before), ("", ReleasedServer.Executable)] : [("", ReleasedServer.Executable)];

    /// <summary>Ends all that it started.</summary>
    private sealed class Servers : IAsyncDisposable
    {
        private readonly List<ReleasedServer> _all = [];

        public async Task<ReleasedServer> StartAsync(Backend backend, string program, string runtime)
        {
            _all.Add(await ReleasedServer.StartAsync(backend, agent: true, program, runtime));
            return _all[^1];
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var server in _all)
            {
                await server.DisposeAsync();
            }
        }
    }

    /// <summary>One release, with its repository.</summary>
    private sealed record Side(ReleasedServer Server, string Image, Phases Phases)
    {
        public static async Task<Side> OfAsync(ReleasedServer server, string label)
        {
            var image = StampImage.Make(server.Folder["image"]);
            await server.AddRepositoryAsync(Plain, "skip_clone: true\n" + PipelineOf(image));
            await server.AddRepositoryAsync(Cloned, PipelineOf(image));
            return new Side(server, image, new Phases(label));
        }

        public async Task RoundAsync(string repository, long bare, bool counts)
        {
            var began = StampImage.Now;
            var number = await Server.RunAsync(repository);
            var answered = StampImage.Now;
            var run = await Server.EndAsync(repository, number);
            var first = StampImage.Parse(await Server.Http.GetStringAsync($"/api/v1/repos/{repository}/runs/{number}/log?step=first"));
            if (counts)
            {
                Phases.Add(began, answered, first, bare, run);
            }

            // An idle agent: what the run left is gone, and what it makes ahead is made.
            await Task.Delay(Idle);
        }
    }

    private static string PipelineOf(string image) => $"steps:\n  - name: first\n    image: rootfs:{image}\n    entrypoint: [/stamp]\n";

    /// <summary>Where the time goes.</summary>
    private sealed class Phases(string label)
    {
        public string Label => label;

        private readonly Latencies _whole = new($"{label}API call to first instruction");
        private readonly Latencies _call = new($"{label}the call until it is answered");
        private readonly Latencies _stored = new($"{label}the call until the run is stored");
        private readonly Latencies _taken = new($"{label}stored until the workflow is taken");
        private readonly Latencies _start = new($"{label}the workflow is taken until the first instruction");
        private readonly Latencies _floor = new("floor: runc run of the same program");

        public void Add(long began, long answered, long first, long floor, JsonElement run)
        {
            var workflow = run.GetProperty("workflows")[0];
            var created = Nanoseconds(run.GetProperty("run").GetProperty("createdAt"));
            var taken = Nanoseconds(workflow.GetProperty("startedAt"));
            _whole.Add((first - began) / 1e6);
            _call.Add((answered - began) / 1e6);
            _stored.Add((created - began) / 1e6);
            _taken.Add((taken - created) / 1e6);
            _start.Add((first - taken) / 1e6);
            _floor.Add(floor / 1e6);
        }

        /// <param name="bar">What the whole should take at most; null: there is no bar.</param>
        public bool Print(double? bar)
        {
            foreach (var phase in new[] { _call, _stored, _taken, _start, _floor })
            {
                phase.Print();
            }

            if (bar is null)
            {
                _whole.Print();
            }

            return bar is not { } most || _whole.AtMost(0.5, most);
        }

        private static long Nanoseconds(JsonElement time) => (time.GetDateTimeOffset().UtcDateTime - DateTime.UnixEpoch).Ticks * 100;
    }
}
