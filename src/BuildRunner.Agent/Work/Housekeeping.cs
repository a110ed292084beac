using BuildRunner.Containers.Engine;
using Microsoft.Extensions.Logging;

namespace BuildRunner.Agent.Work;

/// <summary>Removes, again and again, what crashes of helpers have left on the machine (promise G8).</summary>
internal sealed partial class Housekeeping(AgentParts parts)
{
    private readonly ILogger logger = parts.Loggers.CreateLogger("BuildRunner.Agent");

    public async Task RunAsync(CancellationToken stop)
    {
        using var timer = new PeriodicTimer(parts.Options.ReapEvery, parts.Time);
        while (await timer.WaitForNextTickAsync(stop))
        {
            await ReapAsync(stop);
        }
    }

    /// <summary>Looks once.</summary>
    public async Task ReapAsync(CancellationToken stop)
    {
        try
        {
            if (await parts.Engine.ReapAsync(parts.Owner, stop) is > 0 and var count)
            {
                LogReaped(logger, count);
            }
        }
        catch (ContainerException problem)
        {
            // The engine cannot be used at the moment; the next look comes.
            LogProblem(logger, problem.Message);
        }
    }

    [LoggerMessage(4031, LogLevel.Information, "removed what workflows had left behind, {Count} in all")]
    private static partial void LogReaped(ILogger logger, int count);

    [LoggerMessage(4032, LogLevel.Warning, "left-overs could not be looked for: {Problem}")]
    private static partial void LogProblem(ILogger logger, string problem);
}
