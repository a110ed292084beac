using BuildRunner.Containers.Engine;
using Microsoft.Extensions.Logging;

namespace BuildRunner.Hosting;

/// <summary>Whether this machine can run containers at all. As long as it cannot, its agent takes nothing and says why, and looks again: what was missing may be installed meanwhile.</summary>
internal sealed partial class EngineWatch : IAsyncDisposable
{
    private static readonly TimeSpan[] Pauses = [TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(30)];
    private readonly CancellationTokenSource end = new();
    private readonly IContainerEngine engine;
    private readonly ILogger logger;
    private readonly TimeProvider time;
    private volatile string? problem;
    private Task looking = Task.CompletedTask;

    private EngineWatch(IContainerEngine engine, ILogger logger, TimeProvider time) => (this.engine, this.logger, this.time) = (engine, logger, time);

    /// <summary>Why nothing can run here, as a clause; null: it can.</summary>
    public string? Problem => problem;

    /// <summary>Looks once; what is found is in the log, with what to do about it.</summary>
    public static async Task<EngineWatch> StartAsync(IContainerEngine engine, ILogger logger, TimeProvider time, CancellationToken cancellationToken)
    {
        var watch = new EngineWatch(engine, logger, time);
        var readiness = await engine.ProbeAsync(cancellationToken);
        foreach (var check in readiness.Checks.Where(c => c.Status != ReadinessStatus.Ok))
        {
            if (check.Brief is { } brief)
            {
                LogBrief(logger, check.Name, brief);
                continue;
            }

            LogCheck(logger, check.Name, check.Detail, check.Remedy ?? "");
        }

        watch.problem = Why(readiness);
        if (watch.problem is { } why)
        {
            LogUnusable(logger, why);
            watch.looking = watch.LookAsync();
        }

        return watch;
    }

    public async ValueTask DisposeAsync()
    {
        await end.CancelAsync();
        await looking.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        end.Dispose();
    }

    private async Task LookAsync()
    {
        for (var tries = 0; problem is not null; tries++)
        {
            await Task.Delay(Pauses[Math.Min(tries, Pauses.Length - 1)], time, end.Token);
            try
            {
                problem = Why(await engine.ProbeAsync(end.Token));
            }
            catch (Exception e) when (!end.IsCancellationRequested)
            {
                // It looks again: an agent that stopped looking would take nothing until somebody starts it anew.
                problem = $"whether its machine can run containers was not to be found out: {e.Message}";
            }
        }

        LogUsable(logger);
    }

    private static string? Why(EngineReadiness readiness) => readiness.Usable
        ? null
        : readiness.Checks.FirstOrDefault(c => c.Status == ReadinessStatus.Failed) is { } failed ? $"its machine cannot run containers ({failed.Name}: {failed.Detail})" : "its machine cannot run containers";

    [LoggerMessage(3140, LogLevel.Warning, "{Check}: {Detail} {Remedy}")]
    private static partial void LogCheck(ILogger logger, string check, string detail, string remedy);

    [LoggerMessage(3149, LogLevel.Warning, "{Check}: {Finding}; 'buildrunner doctor' tells which, and what to do")]
    private static partial void LogBrief(ILogger logger, string check, string finding);

    [LoggerMessage(3142, LogLevel.Error, "the agent here takes nothing: {Why}; 'buildrunner doctor' tells all that this machine lacks, and agents on other machines take what waits ('buildrunner agent token')")]
    private static partial void LogUnusable(ILogger logger, string why);

    [LoggerMessage(3143, LogLevel.Information, "this machine can run containers now")]
    private static partial void LogUsable(ILogger logger);
}
