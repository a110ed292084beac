using System.Threading.Channels;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace BuildRunner.Cli.Tests.Running;

public sealed class Looking_at_the_machine_again
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_agent_that_cannot_run_containers_looks_again_also_after_a_look_that_broke_off()
    {
        var (engine, time) = (new ProbedEngine(), new FakeTimeProvider());
        engine.Answers.Writer.TryWrite(() => new EngineReadiness(false, [new ReadinessCheck("runtime", ReadinessStatus.Failed, "runc is missing")]));
        await using var watch = await EngineWatch.StartAsync(engine, NullLogger.Instance, time, Cancellation);
        Assert.Contains("runc is missing", watch.Problem, StringComparison.Ordinal);

        engine.Answers.Writer.TryWrite(() => throw new InvalidOperationException("the disk is broken"));
        await UntilAsync(time, () => watch.Problem?.Contains("the disk is broken", StringComparison.Ordinal) == true);

        engine.Answers.Writer.TryWrite(() => new EngineReadiness(true, []));
        await UntilAsync(time, () => watch.Problem is null);
        Assert.Equal(3, engine.Looks);
    }

    [Fact]
    public async Task What_is_long_to_tell_is_one_short_line_of_the_log_that_says_who_tells_the_rest()
    {
        var (engine, log) = (new ProbedEngine(), new Lines());
        engine.Answers.Writer.TryWrite(() => new EngineReadiness(true,
        [
            new ReadinessCheck("runtime", ReadinessStatus.Warning, "CVE-1; CVE-2; CVE-3", "install a newer one") { Brief = "runc has 3 known holes" },
            new ReadinessCheck("disk", ReadinessStatus.Warning, "it is slow", "take another"),
        ]));
        await using var watch = await EngineWatch.StartAsync(engine, log, new FakeTimeProvider(), Cancellation);
        Assert.Equal(["runtime: runc has 3 known holes; 'buildrunner doctor' tells which, and what to do", "disk: it is slow take another"], log.Said);
    }

    /// <summary>What was logged.</summary>
    private sealed class Lines : ILogger
    {
        public List<string> Said { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Said.Add(formatter(state, exception));
    }

    /// <summary>The watch waits by a clock that stands still: it is moved until what is waited for has come.</summary>
    private static async Task UntilAsync(FakeTimeProvider time, Func<bool> come)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        while (!come())
        {
            time.Advance(TimeSpan.FromMinutes(1));
            await Task.Delay(5, limit.Token);
        }
    }

    /// <summary>Each look waits for its answer.</summary>
    private sealed class ProbedEngine : IContainerEngine
    {
        public Channel<Func<EngineReadiness>> Answers { get; } = Channel.CreateUnbounded<Func<EngineReadiness>>();

        public int Looks { get; private set; }

        public string Name => "probed";

        public async Task<EngineReadiness> ProbeAsync(CancellationToken cancellationToken)
        {
            var answer = await Answers.Reader.ReadAsync(cancellationToken);
            Looks++;
            return answer();
        }

        public Task<ResolvedImage> PullAsync(ImageReference image, PullOptions options, IProgress<PullProgress>? progress, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<IContainerGroup> CreateGroupAsync(GroupSpec spec, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<int> ReapAsync(string owner, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
