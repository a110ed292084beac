using BuildRunner.Agent;
using BuildRunner.Agent.Contract;
using BuildRunner.Cli;
using BuildRunner.Settings;
using Microsoft.Extensions.Logging;
using Serilog.Extensions.Logging;

namespace BuildRunner.Hosting;

/// <summary>The agent as a process: settings, the log, signals and systemd around <see cref="AgentHost"/>.</summary>
internal static partial class AgentProcess
{
    /// <summary>Works until a signal asks it to end, and it has drained.</summary>
    public static async Task<int> RunAsync(EffectiveSettings settings, CliHost host, string? token, bool once, CancellationToken cancellationToken)
    {
        await using var log = ServiceLog.Create(settings, host);
        using var loggers = new SerilogLoggerFactory(log);
        var logger = loggers.CreateLogger("BuildRunner.Agent");
        using var systemd = Systemd.Of(host.Environment);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var signals = host.Signals.Listen(why =>
        {
            LogStopping(logger, why);
            systemd.Stopping();
            stop.Cancel();
        });
        using var over = new CancellationTokenSource();
        var beats = systemd.KeepAliveAsync(host.Time, over.Token);
        try
        {
            var health = new AgentHealth();
            var options = AgentPlan.Of(settings, host, token, once) with { Ready = systemd.Ready, Health = health };
            await using var page = await AgentHealthPage.StartAsync(settings, health, stop.Token);
            await using var engine = host.NewEngine(settings, host);
            await using var machine = await EngineWatch.StartAsync(engine, logger, host.Time, stop.Token);
            await AgentHost.RunAsync(options with { EngineProblem = () => machine.Problem }, engine, handler: null, loggers, host.Time, stop.Token);
            return (int)ExitCode.Success;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Asked to end before it had begun.
            return (int)ExitCode.Success;
        }
        catch (ContractException refused)
        {
            throw new CliException(refused.Reason is ContractFailure.Credential or ContractFailure.Token ? ExitCode.NotAllowed : ExitCode.Error, refused.Message);
        }
        catch (IOException problem)
        {
            throw new CliException(ExitCode.Error, problem.Message);
        }
        finally
        {
            await over.CancelAsync();
            await beats;
        }
    }

    [LoggerMessage(4100, LogLevel.Information, "the agent ends because {Why}")]
    private static partial void LogStopping(ILogger logger, string why);
}
