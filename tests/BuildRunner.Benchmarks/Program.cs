using BuildRunner.Benchmarks;
using BuildRunner.Benchmarks.Serving;

// dotnet run -c Release --project tests/BuildRunner.Benchmarks -- NAME [ROUNDS]
// Each benchmark prints the ratio to a peer or a floor that was measured in the same interleaved run.
Dictionary<string, Func<int, Task<bool>>> benchmarks = new()
{
    ["ten-steps"] = TenStepsBenchmark.RunAsync,
    ["at-once"] = AtOnceBenchmark.RunAsync,
    ["chain"] = ChainBenchmark.RunAsync,
    ["docker-engine"] = DockerEngineBenchmark.RunAsync,
    ["lint"] = LintBenchmark.RunAsync,
    ["output"] = OutputBenchmark.RunAsync,
    ["pull"] = PullBenchmark.RunAsync,
    ["step"] = StepBenchmark.RunAsync,
    ["first-instruction"] = FirstInstructionBenchmark.RunAsync,
    ["follow"] = FollowBenchmark.RunAsync,
    ["queue"] = QueueBenchmark.RunAsync,
    ["ready"] = ReadyBenchmark.RunAsync,
    ["triggers"] = TriggerBenchmark.RunAsync,
    ["version"] = VersionBenchmark.RunAsync,
};

if (args.Length == 0 || !benchmarks.TryGetValue(args[0], out var benchmark))
{
    Console.Error.WriteLine($"usage: BuildRunner.Benchmarks {string.Join('|', benchmarks.Keys)} [ROUNDS]");
    return 2;
}

var rounds = args.Length > 1 ? int.Parse(args[1]) : 10;
return await benchmark(rounds) ? 0 : 1;
