using System.Text.Json;
using BuildRunner.Server.Hosting;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using BuildRunner.Server.Triggers.GitHub;
using BuildRunner.Server.Webhooks;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace BuildRunner.Server.Forge;

/// <summary>Finds what no webhook told of, because it was lost or cannot reach this server: looks at branches, tags and pull requests, and puts an event into the inbox for each head that is new and has no run.</summary>
/// <remarks>The first look at a repository only notes what is there. A head has to be without a run for a while, so that a webhook that is merely late is not overtaken. An event that is found and then told of
/// after all is one run (<see cref="ForgeKeys"/>).</remarks>
internal sealed partial class HeadSearch(Database database, GitHubDirectory directory, GitHubForge forge, GitHubOptions options, Inbox inbox, TimeProvider time, ILogger<HeadSearch> logger)
    : BackgroundService
{
    private readonly JobLease lease = new(database, "heads");
    private readonly RetryBackoff backoff = new("looking for events that no webhook told of", time, logger);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!directory.IsConfigured || options.LookEvery <= TimeSpan.Zero)
        {
            return;
        }

        await backoff.EveryAsync(
            TimeSpan.FromTicks(Math.Max(options.LookEvery.Ticks / 5, TimeSpan.FromMilliseconds(200).Ticks)),
            async () =>
            {
                if (await lease.HasAsync(stoppingToken))
                {
                    await RoundAsync(stoppingToken);
                }
            },
            stoppingToken);
    }

    private async Task RoundAsync(CancellationToken stop)
    {
        var before = time.GetUtcNow() - options.LookEvery;
        var due = await database.ReadAsync(db => db.ForgeRepositories.Where(f => f.LookedAt == null || f.LookedAt < before).OrderBy(f => f.LookedAt).Take(50).ToListAsync(stop), stop);
        foreach (var link in due)
        {
            try
            {
                await LookAsync(link, stop);
            }
            catch (Exception fault) when (!stop.IsCancellationRequested)
            {
                // Whatever it is: one repository must not keep the others from being looked at.
                LogNotNow(logger, link.FullName, fault.Message);
                await NoteAsync(link, null, stop);
            }
        }
    }

    private async Task LookAsync(ForgeRepositoryRow link, CancellationToken stop)
    {
        var place = new ForgePlace(link.ForgeId, link.FullName, link.Installation);
        var refs = await forge.RefsAsync(place, stop);
        var pulls = await forge.OpenPullRequestsAsync(place, stop);
        var seen = JsonSerializer.Deserialize(link.Seen, StoredJson.Default.DictionaryStringSeenHead) ?? [];
        var now = time.GetUtcNow();
        var next = new Dictionary<string, SeenHead>(StringComparer.Ordinal);
        foreach (var (name, sha) in refs)
        {
            next[name] = await JudgeAsync(link, seen, new Head(name, sha, before => PushAsync(place, link, name, before, sha, stop), "push"), now, stop);
        }

        foreach (var pull in pulls.Where(p => p.Head?.Sha is not null))
        {
            var name = ForgeKeys.RefOf(pull.Number);
            next[name] = await JudgeAsync(link, seen, new Head(name, pull.Head!.Sha!, _ => Task.FromResult(FoundEvents.Pull(link, pull)), "pull_request"), now, stop);
        }

        await NoteAsync(link, next, stop);
    }

    // What was handled stays handled; what is new waits for its webhook, and is put into the inbox when that does not come.
    private async Task<SeenHead> JudgeAsync(ForgeRepositoryRow link, Dictionary<string, SeenHead> seen, Head head, DateTimeOffset now, CancellationToken stop)
    {
        if (link.LookedAt is null)
        {
            return new SeenHead(head.Sha, null, null);
        }

        var known = seen.GetValueOrDefault(head.Ref);
        if (known is { Since: null } && known.Sha == head.Sha)
        {
            return known;
        }

        if (await database.ReadAsync(db => db.Runs.AnyAsync(r => r.Repository == link.Repository && r.Commit == head.Sha && r.Ref == head.Ref, stop), stop))
        {
            return new SeenHead(head.Sha, null, null);
        }

        if (known is null || known.Sha != head.Sha)
        {
            return new SeenHead(head.Sha, known?.Since is null ? known?.Sha : known.Before, now);
        }

        if (now - known.Since < options.Patience)
        {
            return known;
        }

        await inbox.PutAsync(InboxService.GitHubSource, $"found/{link.ForgeId}/{head.Ref}/{head.Sha}", head.Event, await head.Body(known.Before), stop);
        return known with { Since = null };
    }

    private async Task<byte[]> PushAsync(ForgePlace place, ForgeRepositoryRow link, string name, string? before, string sha, CancellationToken stop)
    {
        // A tag may be an object of its own; what it names is the commit.
        var commit = name.StartsWith("refs/tags/", StringComparison.Ordinal) ? await forge.CommitOfAsync(place, name, stop) : sha;
        return FoundEvents.Push(link, await DefaultBranchAsync(link, stop), name, before, commit, await forge.MessageAsync(place, commit, stop));
    }

    private Task<string> DefaultBranchAsync(ForgeRepositoryRow link, CancellationToken stop) =>
        database.ReadAsync(db => db.Repositories.Where(r => r.Id == link.Repository).Select(r => r.DefaultBranch).SingleAsync(stop), stop);

    private Task<int> NoteAsync(ForgeRepositoryRow link, Dictionary<string, SeenHead>? seen, CancellationToken stop)
    {
        var json = seen is null ? link.Seen : JsonSerializer.Serialize(seen, StoredJson.Default.DictionaryStringSeenHead);
        DateTimeOffset? at = seen is null ? link.LookedAt : time.GetUtcNow();
        return database.WriteAsync(
            turn => turn.Db.ForgeRepositories.Where(f => f.Repository == link.Repository).ExecuteUpdateAsync(set => set.SetProperty(f => f.Seen, json).SetProperty(f => f.LookedAt, at)), stop);
    }

    private sealed record Head(string Ref, string Sha, Func<string?, Task<byte[]>> Body, string Event);

    [LoggerMessage(3305, LogLevel.Warning, "{Repository} could not be looked at for missed events: {Why}")]
    private static partial void LogNotNow(ILogger logger, string repository, string why);
}

/// <summary>What was seen of a branch, tag or pull request.</summary>
/// <param name="Sha">Its head.</param>
/// <param name="Before">The head before, if that was seen.</param>
/// <param name="Since">Since when this head is there without a run; null: it was handled.</param>
internal sealed record SeenHead(string Sha, string? Before, DateTimeOffset? Since);

/// <summary>What an event that was found and the same one that a webhook tells of have in common.</summary>
internal static class ForgeKeys
{
    /// <summary>The ref of a pull request's head.</summary>
    public static string RefOf(int pull) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"refs/pull/{pull}/head");

    /// <summary>The key under which a run that was found is known besides its event's.</summary>
    public static string Found(long repository, string kind, string reference, string commit) =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"found/{repository}/{kind}/{reference}/{commit}");
}
