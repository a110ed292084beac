using BuildRunner.Server.Storage;
using BuildRunner.Server.Webhooks;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace BuildRunner.Server.Forge;

/// <summary>
/// Asks GitHub which of the app's deliveries nobody took, and to deliver those again: releases, comments and buttons leave no head that <see cref="HeadSearch"/> could find. A delivery keeps its id,
/// so that one which was taken after all starts nothing twice. Each is asked for three times at most. At one server of an installation.
/// </summary>
internal sealed partial class DeliverySearch(
    Database database, GitHubOptions options, GitHubLogin login, GitHubConnections connections, TimeProvider time, ILogger<DeliverySearch> logger) : BackgroundService
{
    private const string Accept = "application/vnd.github+json";
    private const int MaxAsked = 3;
    private const int MaxAtOnce = 20;
    private readonly JobLease lease = new(database, "deliveries");
    private readonly Dictionary<string, int> asked = new(StringComparer.Ordinal);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (options.LookEvery <= TimeSpan.Zero)
        {
            return;
        }

        using var timer = new PeriodicTimer(options.LookEvery, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                // An app can be made while the server runs.
                if (login.AppId is not null && login.WebhookSecrets.Count > 0 && await lease.HasAsync(stoppingToken))
                {
                    await LookAsync(stoppingToken);
                }
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                // GitHub or the database may be away; the next look comes soon.
                LogNotNow(logger, GitHubFaults.IsFault(e) ? GitHubFaults.Translate(e, "the app's deliveries", time.GetUtcNow()).Message : e.Message);
            }
        }
    }

    private async Task LookAsync(CancellationToken stop)
    {
        var connection = connections.AsApp(login.Jwt(time.GetUtcNow()));
        var latest = await connection.Get<List<DeliveryReply>>(new Uri("app/hook/deliveries?per_page=100", UriKind.Relative), null, Accept).WaitAsync(stop);
        var before = time.GetUtcNow() - options.Patience;
        var byId = latest.Where(d => d.Guid is { Length: > 0 and <= 100 }).GroupBy(d => d.Guid!, StringComparer.Ordinal);
        var failed = byId.Where(g => g.All(d => d.StatusCode is < 200 or >= 300) && g.Max(d => d.DeliveredAt) < before).ToDictionary(g => g.Key, g => g.MaxBy(d => d.DeliveredAt)!.Id);
        var ids = failed.Keys.ToList();
        var taken = await database.ReadAsync(
            db => db.Inbox.Where(i => i.Source == InboxService.GitHubSource && ids.Contains(i.Delivery)).Select(i => i.Delivery).ToListAsync(stop), stop);
        foreach (var id in ids.Except(taken, StringComparer.Ordinal).Where(id => asked.GetValueOrDefault(id) < MaxAsked).Take(MaxAtOnce))
        {
            asked[id] = asked.GetValueOrDefault(id) + 1;
            await connection.Post(new Uri($"app/hook/deliveries/{failed[id]}/attempts", UriKind.Relative), stop);
            LogAsked(logger, id);
        }

        // GitHub forgets them too.
        foreach (var gone in asked.Keys.Except(byId.Select(g => g.Key), StringComparer.Ordinal).ToList())
        {
            asked.Remove(gone);
        }
    }

    [LoggerMessage(3308, LogLevel.Warning, "missed deliveries could not be looked for: {Why}")]
    private static partial void LogNotNow(ILogger logger, string why);

    [LoggerMessage(3309, LogLevel.Information, "GitHub was asked to deliver {Delivery} again, which nobody took")]
    private static partial void LogAsked(ILogger logger, string delivery);
}
