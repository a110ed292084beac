using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace BuildRunner.Server.Forge;

/// <summary>Has this server use the app that was made on the page, at its start and when another server of the installation took it.</summary>
internal sealed partial class MadeAppWatch(GitHubApps apps, TimeProvider time, ILogger<MadeAppWatch> logger) : BackgroundService
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(10);
    private string? said;

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await TryAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(LookAgain, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            await TryAsync(stoppingToken);
        }
    }

    private async Task TryAsync(CancellationToken stop)
    {
        try
        {
            await apps.LoadAsync(stop);
            said = null;
        }
        catch (Exception e) when (!stop.IsCancellationRequested)
        {
            // The database may be away, or its tables are not made yet, or the master key is another one: the message says which, once.
            var why = Hosting.Faults.WhyNotNow(e) ?? e.Message;
            if (why != said)
            {
                said = why;
                LogNotNow(logger, why);
            }
        }
    }

    [LoggerMessage(3310, LogLevel.Warning, "the GitHub App that was made on the page cannot be used now: {Why}")]
    private static partial void LogNotNow(ILogger logger, string why);
}
