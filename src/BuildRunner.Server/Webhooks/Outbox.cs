using System.Net.Http.Headers;
using System.Text.Json;
using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Hosting;
using BuildRunner.Server.Runs;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace BuildRunner.Server.Webhooks;

/// <summary>Who is told about runs.</summary>
public sealed record NotifyOptions
{
    /// <summary>Addresses, each with the secret that signs what is sent there.</summary>
    public IReadOnlyList<NotifyTarget> Targets { get; init; } = [];

    /// <summary>What is wrong, a sentence each that names the setting.</summary>
    public IReadOnlyList<string> Problems()
    {
        var problems = new List<string>();
        foreach (var target in Targets)
        {
            if (!target.Url.IsAbsoluteUri || (target.Url.Scheme != Uri.UriSchemeHttps && !(target.Url.Scheme == Uri.UriSchemeHttp && target.Url.IsLoopback)))
            {
                problems.Add($"Notify:Webhooks: '{NotifyTarget.Shown(target.Url.OriginalString)}' must be an https address");
            }

            if (!WebhookSecret.TryParse(target.Secret, out _, out var problem))
            {
                problems.Add($"Notify:Webhooks: {NotifyTarget.Shown(target.Url.OriginalString)}: {problem}");
            }
        }

        return problems;
    }
}

/// <summary>Somebody who is told about runs.</summary>
/// <param name="Url">Where.</param>
/// <param name="Secret">Signs, in the scheme of Standard Webhooks.</param>
public sealed record NotifyTarget(Uri Url, string Secret)
{
    /// <summary>An address as logs may have it: some senders' whole path is a secret.</summary>
    public static string Shown(string address) => Uri.TryCreate(address, UriKind.Absolute, out var url) ? $"{url.GetLeftPart(UriPartial.Authority)}/…" : "an address";
}

/// <summary>Notes what is to be told, inside the transaction that makes it true.</summary>
internal sealed class OutboxNotes(NotifyOptions options)
{
    /// <summary>A run was started.</summary>
    public const string Started = "run.started";

    /// <summary>A run has ended.</summary>
    public const string Finished = "run.finished";

    /// <summary>A run waits for an approval.</summary>
    public const string Blocked = "run.blocked";

    /// <summary>Notes an event for everybody who wants to be told.</summary>
    public void Add(WriteTurn turn, Guid run, string name)
    {
        foreach (var target in options.Targets)
        {
            turn.Db.Add(new OutboxRow
            {
                Id = Guid.CreateVersion7(turn.Now),
                Target = target.Url.AbsoluteUri,
                Run = run,
                Event = name,
                Body = [],
                At = turn.Now,
                DueAt = turn.Now,
                Done = false,
            });
        }
    }
}

/// <summary>Tells what is noted, signed, until it is taken or was tried often enough. At one server of an installation.</summary>
internal sealed partial class OutboxService(Database database, NotifyOptions options, RunViews views, TimeProvider time, ILogger<OutboxService> logger) : BackgroundService
{
    private const int MaxTries = 10;
    private static readonly TimeSpan Kept = TimeSpan.FromDays(7);
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);
    private readonly JobLease lease = new(database, "outbox");
    private readonly RetryBackoff backoff = new("telling about runs", time, logger);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (options.Targets.Count == 0)
        {
            return;
        }

        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { Timeout = Patience };
        await backoff.EveryAsync(
            LookAgain,
            async () =>
            {
                if (await lease.HasAsync(stoppingToken))
                {
                    await RoundAsync(http, stoppingToken);
                }
            },
            stoppingToken);
    }

    private async Task RoundAsync(HttpClient http, CancellationToken stop)
    {
        var now = await database.ReadAsync(database.NowAsync, stop);
        var due = await database.ReadAsync(db => db.Outbox.Where(o => !o.Done && o.DueAt <= now).OrderBy(o => o.DueAt).Take(50).ToListAsync(stop), stop);
        await Parallel.ForEachAsync(due, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = stop }, async (row, token) => await SendAsync(http, row, token));
        await database.WriteAsync(turn => turn.Db.Outbox.Where(o => o.Done && o.At < turn.Now - Kept).ExecuteDeleteAsync(), stop);
    }

    private async Task SendAsync(HttpClient http, OutboxRow row, CancellationToken stop)
    {
        var target = options.Targets.FirstOrDefault(t => t.Url.AbsoluteUri == row.Target);
        var verdict = target is null ? "nobody is to be told at this address any more" : await TryAsync(http, row, target, stop);
        var taken = verdict is null;
        var done = taken || target is null || row.Tries + 1 >= MaxTries;
        await database.WriteAsync(
            turn =>
            {
                var again = turn.Now + TimeSpan.FromSeconds(Math.Min(5 * Math.Pow(2, row.Tries), 3600));
                return turn.Db.Outbox.Where(o => o.Id == row.Id).ExecuteUpdateAsync(set => set
                    .SetProperty(o => o.Done, done)
                    .SetProperty(o => o.Tries, o => o.Tries + 1)
                    .SetProperty(o => o.DueAt, again)
                    .SetProperty(o => o.Verdict, verdict ?? "taken"));
            },
            CancellationToken.None);
        if (done && !taken)
        {
            LogGaveUp(logger, NotifyTarget.Shown(row.Target), row.Event, verdict!);
        }
    }

    /// <returns>Null if it was taken; otherwise what happened.</returns>
    private async Task<string?> TryAsync(HttpClient http, OutboxRow row, NotifyTarget target, CancellationToken stop)
    {
        if (await views.SummaryAsync(row.Run, stop) is not { } run)
        {
            return "the run was removed";
        }

        var body = JsonSerializer.SerializeToUtf8Bytes(new RunNotice(row.Event, row.At, run), ApiJson.Default.RunNotice);
        if (!WebhookSecret.TryParse(target.Secret, out var secret, out var problem))
        {
            return problem;
        }

        var id = "msg_" + row.Id.ToString("N");
        var now = time.GetUtcNow();
        using var request = new HttpRequestMessage(HttpMethod.Post, target.Url) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.Add(StandardWebhookSignature.IdHeader, id);
        request.Headers.Add(StandardWebhookSignature.TimestampHeader, now.ToUnixTimeSeconds().ToString(System.Globalization.CultureInfo.InvariantCulture));
        request.Headers.Add(StandardWebhookSignature.SignatureHeader, StandardWebhookSignature.Sign(id, now, body, secret));
        try
        {
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stop);
            return response.IsSuccessStatusCode ? null : $"it answered {(int)response.StatusCode}";
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException && !stop.IsCancellationRequested)
        {
            return $"it did not answer ({e.Message})";
        }
    }

    [LoggerMessage(3402, LogLevel.Warning, "{Target} could not be told about {Event}: {Why}")]
    private static partial void LogGaveUp(ILogger logger, string target, string @event, string why);
}
