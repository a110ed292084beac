using System.Text.Json;
using BuildRunner.Server.Hosting;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using BuildRunner.Server.Telemetry;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace BuildRunner.Server.Webhooks;

/// <summary>Carries deliveries out: those of one repository one after the other, in the order in which they came; of several at the same time. At one server of an installation.</summary>
internal sealed partial class InboxService(
    Database database, Inbox inbox, IEnumerable<IDeliveryHandler> handlers, WebhookOptions options, IHostApplicationLifetime lifetime, TimeProvider time, ILogger<InboxService> logger)
    : BackgroundService
{
    private const int AtOnce = 64;
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(2);
    private readonly JobLease lease = new(database, "inbox");
    private readonly RetryBackoff backoff = new("carrying out deliveries", time, logger);
    private DateTimeOffset forgetAt = DateTimeOffset.MinValue;
    private bool hasTheJob;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await lifetime.StartedAsync(stoppingToken);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                var idle = !await HasTheJobAsync(stoppingToken) || !await RoundAsync(stoppingToken);
                backoff.Worked();
                if (idle)
                {
                    await inbox.WaitAsync(LookAgain, stoppingToken);
                }
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                // The database may be away; what was taken comes again.
                await backoff.FailedAsync(e, stoppingToken);
            }
        }
    }

    // Who begins with it takes up what the one before has left in the middle, as after a crash.
    private async Task<bool> HasTheJobAsync(CancellationToken stop)
    {
        var had = hasTheJob;
        hasTheJob = await lease.HasAsync(stop);
        if (hasTheJob && !had)
        {
            hasTheJob = false;
            await inbox.TakeUpAsync(stop);
            hasTheJob = true;
        }

        return hasTheJob;
    }

    private async Task<bool> RoundAsync(CancellationToken stop)
    {
        await ForgetAsync(stop);
        var taken = await inbox.TakeAsync(AtOnce, stop);
        var groups = taken.GroupBy(OrderOf, StringComparer.Ordinal).Select(g => g.ToList());
        await Parallel.ForEachAsync(groups, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = stop }, async (group, token) =>
        {
            foreach (var row in group)
            {
                var end = await HandleAsync(row, token);
                await inbox.EndAsync(row, end, CancellationToken.None);
                ServerMeter.Delivery(end switch { DeliveryEnd.Done { Run: not null } => "run", DeliveryEnd.Done => "no_run", DeliveryEnd.Later => "later", _ => "failed" });
            }
        });
        return taken.Count > 0;
    }

    private async Task<DeliveryEnd> HandleAsync(InboxRow row, CancellationToken stop)
    {
        try
        {
            return handlers.FirstOrDefault(h => h.Takes(row.Source)) is { } handler
                ? await handler.HandleAsync(row, stop)
                : new DeliveryEnd.Failed($"nothing here takes deliveries of {row.Source} any more");
        }
        catch (Exception e) when (!stop.IsCancellationRequested)
        {
            // A delivery that breaks us must not stop the others, and is not lost: it is tried again, then listed as failed.
            LogBroken(logger, row.Id, e);
            return new DeliveryEnd.Later($"BuildRunner itself failed with it ({e.GetType().Name}); the server's log tells more under {row.Id:N}");
        }
    }

    private async Task ForgetAsync(CancellationToken stop)
    {
        var now = time.GetUtcNow();
        if (now >= forgetAt)
        {
            forgetAt = now + TimeSpan.FromHours(1);
            await inbox.ForgetAsync(now - options.Retention, stop);
        }
    }

    // Whose events must not overtake each other. The body was verified, but may be anything.
    private static string OrderOf(InboxRow row)
    {
        if (row.Source != GitHubSource || !JsonText.TryParse(row.Body, out var document, out _))
        {
            return row.Source;
        }

        using (document)
        {
            return document.RootElement.ValueKind == JsonValueKind.Object
                && document.RootElement.TryGetProperty("repository", out var repository)
                && repository.ValueKind == JsonValueKind.Object
                && repository.TryGetProperty("id", out var id)
                    ? $"{row.Source}/{id.GetRawText()}"
                    : row.Source;
        }
    }

    /// <summary>The source of GitHub's deliveries.</summary>
    public const string GitHubSource = "github";

    [LoggerMessage(3102, LogLevel.Error, "delivery {Delivery} could not be carried out; it is tried again")]
    private static partial void LogBroken(ILogger logger, Guid delivery, Exception exception);
}

/// <summary>Carries out deliveries of one kind of source. May get the same one several times.</summary>
internal interface IDeliveryHandler
{
    /// <summary>Whether it does so for a source.</summary>
    bool Takes(string source);

    /// <summary>Carries one out.</summary>
    Task<DeliveryEnd> HandleAsync(InboxRow row, CancellationToken cancellationToken);
}

/// <summary>What holds for webhooks.</summary>
public sealed record WebhookOptions
{
    /// <summary>Largest body, in bytes.</summary>
    public int MaxBody { get; init; } = 25 * 1024 * 1024;

    /// <summary>How far a signature's time may be from the server's, to both sides.</summary>
    public TimeSpan ReplayWindow { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long deliveries are listed after they were carried out. Longer than the replay window.</summary>
    public TimeSpan Retention { get; init; } = TimeSpan.FromDays(30);

    /// <summary>The secret that GitHub signs with, and during a rotation the one before it; empty: there is no endpoint for GitHub.</summary>
    public IReadOnlyList<string> GitHubSecrets { get; init; } = [];

    /// <summary>What is wrong, a sentence each that names the setting.</summary>
    public IReadOnlyList<string> Problems()
    {
        var problems = new List<string>();
        if (MaxBody is < 1024 or > 256 * 1024 * 1024)
        {
            problems.Add($"Webhooks:MaxBody must be between 1 KiB and 256 MiB; it is {MaxBody} bytes");
        }

        if (ReplayWindow < TimeSpan.FromSeconds(10) || ReplayWindow > TimeSpan.FromDays(1))
        {
            problems.Add($"Webhooks:ReplayWindow must be between 10 s and a day; it is {ReplayWindow}");
        }

        foreach (var secret in GitHubSecrets)
        {
            if (!WebhookSecret.TryParse(secret, out _, out var problem))
            {
                problems.Add($"GitHub:WebhookSecret: {problem}");
            }
        }

        return problems;
    }
}
