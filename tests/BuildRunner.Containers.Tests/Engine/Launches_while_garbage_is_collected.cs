using BuildRunner.Containers.Engine;
using BuildRunner.Testing;
using BuildRunner.Testing.Engine;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>
/// The helper forks while its other threads make garbage and have it collected all the time. A helper for this is built beside the real one, so it runs on demand:
/// <c>dotnet publish src/BuildRunner.Sandbox -c Release -p:Restless=true -o artifacts/restless</c>, and its path in <c>BUILDRUNNER_RESTLESS_SANDBOX</c>.
/// </summary>
public sealed class Launches_while_garbage_is_collected
{
    private const int Launches = 40, AtOnce = 4;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    [Theory(Explicit = true)]
    [InlineData("direct")]
    [InlineData("runc")]
    public async Task Every_container_begins_and_every_command_runs(string runtime)
    {
        var helper = Environment.GetEnvironmentVariable("BUILDRUNNER_RESTLESS_SANDBOX");
        Requires.That(helper is { Length: > 0 }, "a helper that collects all the time, in BUILDRUNNER_RESTLESS_SANDBOX");
        await using var host = OciHost.Create(o => (o.RuntimePath, o.SandboxPath) = (runtime, helper));
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Limit);
        await using var group = await host.CreateGroupAsync();
        await Parallel.ForEachAsync(Enumerable.Range(0, Launches), new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = limit.Token }, async (number, cancellation) =>
        {
            var output = new OutputRecorder();
            var container = await group.PrepareAsync(host.Shell($"echo ran {number}", $"step{number}"), cancellation);
            Assert.Equal(new ContainerExit.Exited(0), await group.RunAsync(container, StartSpec.AsPrepared, output, cancellation));
            Assert.Equal($"ran {number}\n", output.Out);
        });
    }
}
