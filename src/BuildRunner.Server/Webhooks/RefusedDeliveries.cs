using System.Collections.Concurrent;
using System.Data.Common;
using System.Text.Json;
using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using BuildRunner.Server.Telemetry;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;

namespace BuildRunner.Server.Webhooks;

/// <summary>Remembers that deliveries were refused, so that who looks for one that never came finds why: how many, when last and why, for each place that takes them. Of what was sent nothing is kept,
/// because anybody can send it; and however much comes, log and database hear of a place at once and then once a minute.</summary>
/// <remarks>Two servers that write at one moment may count one of their minutes only. What was refused in the last minute of a server that was killed is not counted.</remarks>
internal sealed partial class RefusedDeliveries(Database database, TimeProvider time, ILogger<RefusedDeliveries> logger)
{
    private const string Prefix = "refused/";
    private static readonly TimeSpan Pause = TimeSpan.FromMinutes(1);
    private readonly ConcurrentDictionary<string, Tally> tallies = new(StringComparer.Ordinal);

    /// <summary>Counts one.</summary>
    /// <param name="source">Where it came: an endpoint that exists, or <c>github</c>. Nothing that a stranger names.</param>
    /// <param name="why">Why, as its sender is told.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task NoteAsync(string source, string why, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (tallies.GetOrAdd(source, _ => new Tally()).Add(why, now, Pause) is not { } due)
        {
            return;
        }

        LogRefused(logger, due.Count, source, why);
        try
        {
            await database.WriteAsync(turn => AddAsync(turn, source, due), cancellationToken);
        }
        catch (Exception e) when (e is DbException or DbUpdateException)
        {
            // Whoever was refused is told so all the same; it counts with the next.
            tallies[source].GiveBack(due.Count);
            ServerMeter.SystemErrors.Add(1, new KeyValuePair<string, object?>("cicd.system.component", "server"));
        }
    }

    /// <summary>What was refused, by source; the last first.</summary>
    public async Task<IReadOnlyList<RefusedInfo>> ListAsync(CancellationToken cancellationToken)
    {
        var rows = await database.ReadAsync(db => db.Settings.Where(s => s.Key.StartsWith(Prefix)).Select(s => s.Value).ToListAsync(cancellationToken), cancellationToken);
        return [.. rows.Select(Read).Select(stored => tallies.TryGetValue(stored.Source, out var tally) ? tally.On(stored) : stored).OrderByDescending(info => info.LastAt)];
    }

    /// <summary>Forgets an endpoint's, with the endpoint.</summary>
    public static Task ForgetAsync(WriteTurn turn, IReadOnlyList<string> hooks)
    {
        var keys = hooks.Select(hook => Prefix + HookDeliveries.SourceOf(hook)).ToList();
        return turn.Db.Settings.Where(s => keys.Contains(s.Key)).ExecuteDeleteAsync();
    }

    private static async Task AddAsync(WriteTurn turn, string source, RefusedInfo due)
    {
        var key = Prefix + source;
        if (await turn.Db.Settings.AsTracking().SingleOrDefaultAsync(s => s.Key == key) is { } row)
        {
            row.Value = Write(due with { Source = source, Count = due.Count + Read(row.Value).Count });
        }
        else
        {
            turn.Db.Add(new SettingRow { Key = key, Value = Write(due with { Source = source }) });
        }
    }

    private static RefusedInfo Read(string text) => JsonSerializer.Deserialize(text, ApiJson.Default.RefusedInfo)!;

    private static string Write(RefusedInfo info) => JsonSerializer.Serialize(info, ApiJson.Default.RefusedInfo);

    [LoggerMessage(3410, LogLevel.Warning, "{Source} refused {Count} of what was sent to it: {Why}")]
    private static partial void LogRefused(ILogger logger, long count, string source, string why);

    /// <summary>What is not written yet of one place.</summary>
    private sealed class Tally
    {
        private readonly Lock gate = new();
        private DateTimeOffset? written;
        private DateTimeOffset last;
        private string why = "";
        private long count;

        /// <summary>Counts one.</summary>
        /// <returns>What is to be written now; null: nothing yet.</returns>
        public RefusedInfo? Add(string reason, DateTimeOffset now, TimeSpan pause)
        {
            lock (gate)
            {
                (count, last, why) = (count + 1, now, reason);
                if (written + pause > now)
                {
                    return null;
                }

                var due = new RefusedInfo("", count, now, reason);
                (count, written) = (0, now);
                return due;
            }
        }

        public void GiveBack(long many)
        {
            lock (gate)
            {
                count += many;
            }
        }

        /// <summary>What is stored, and what is not yet.</summary>
        public RefusedInfo On(RefusedInfo stored)
        {
            lock (gate)
            {
                return count == 0 ? stored : stored with { Count = stored.Count + count, LastAt = last, Why = why };
            }
        }
    }
}
