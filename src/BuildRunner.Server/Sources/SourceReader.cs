using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.Caching.Memory;

namespace BuildRunner.Server.Sources;

/// <summary>Reads repositories: where a branch is, and what a commit holds. Keeps a bare copy of each, without the contents of files, and what it has read lately.</summary>
internal sealed class SourceReader : IDisposable
{
    private static readonly TimeSpan LocalLimit = TimeSpan.FromSeconds(2);
    private readonly string folder;
    private readonly TimeProvider time;
    private readonly GitProgram git;
    private readonly ConcurrentDictionary<(Guid, SourcePoint), Lookup> lookups = new();
    private readonly MemoryCache trees = new(new MemoryCacheOptions { SizeLimit = 2_000 });

    /// <param name="folder">Where copies are kept; anything in it may be removed at any time.</param>
    /// <param name="options">Limits.</param>
    /// <param name="time">The clock.</param>
    public SourceReader(string folder, SourceOptions options, TimeProvider time)
    {
        (this.folder, this.time, git) = (folder, time, new GitProgram(folder, options));
        GitAccess.RemoveLeft(folder, options, time.GetUtcNow());
    }

    /// <summary>Where a point is now: asked of the remote after this call, not before.</summary>
    /// <exception cref="SourceException">It cannot be read, or has no such thing.</exception>
    public async Task<SourcePosition> LocateAsync(Guid repository, SourceRemote remote, SourcePoint point, CancellationToken cancellationToken)
    {
        // Many that ask for the same at once share an answer, but never one that was asked for before they came.
        var lookup = lookups.GetOrAdd((repository, point), _ => new Lookup());
        try
        {
            return await lookup.AskAsync(() => AskAsync(remote, point)).WaitAsync(cancellationToken);
        }
        finally
        {
            if (lookups.Count > 1_000)
            {
                lookups.Clear();
            }
        }
    }

    /// <summary>What a commit holds.</summary>
    /// <param name="repository">Which.</param>
    /// <param name="remote">Where it is.</param>
    /// <param name="at">The commit, and a ref that leads to it.</param>
    /// <param name="point">What was asked for.</param>
    /// <param name="pipelinePath">Where its pipeline files are; null: where they usually are.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="SourceException">It cannot be read.</exception>
    public async Task<SourceTree> ReadAsync(
        Guid repository, SourceRemote remote, SourcePosition at, SourcePoint point, string? pipelinePath, CancellationToken cancellationToken)
    {
        var mustBeOn = (point as SourcePoint.Commit)?.OnBranch;
        var key = (repository, at.Commit, pipelinePath, mustBeOn);
        if (trees.TryGetValue(key, out SourceTree? known) && known is not null)
        {
            return known;
        }

        var mirror = new SourceMirror(git, Path.Combine(folder, repository.ToString("N", CultureInfo.InvariantCulture) + ".git"), time);
        var tree = await mirror.ReadAsync(remote, at, mustBeOn, pipelinePath, cancellationToken);
        return trees.Set(key, tree, new MemoryCacheEntryOptions { Size = 1, SlidingExpiration = TimeSpan.FromMinutes(30) });
    }

    /// <summary>The names of its branches.</summary>
    /// <exception cref="SourceException">It cannot be read.</exception>
    public async Task<IReadOnlyList<string>> BranchesAsync(SourceRemote remote, CancellationToken cancellationToken)
    {
        const string Heads = "refs/heads/";
        var result = await git.RunAsync(remote, ["ls-remote", "--heads", "--", remote.Url.Text], input: null, watch: null, cancellationToken);
        return result.Code == 0
            ? [.. RemoteRefs.Parse(result.Text).Ids.Keys.Where(name => name.StartsWith(Heads, StringComparison.Ordinal)).Select(name => name[Heads.Length..])]
            : throw GitFaults.Of(result, remote);
    }

    /// <summary>Removes the copy of a repository.</summary>
    public void Forget(Guid repository)
    {
        var path = Path.Combine(folder, repository.ToString("N", CultureInfo.InvariantCulture) + ".git");
        if (Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true);
        }
    }

    /// <summary>Lets go of what was kept in memory.</summary>
    public void Dispose() => trees.Dispose();

    private async Task<SourcePosition> AskAsync(SourceRemote remote, SourcePoint point)
    {
        var wanted = point switch
        {
            SourcePoint.Branch { Name: { } name } => [$"refs/heads/{name}"],
            SourcePoint.Tag(var name) => [$"refs/tags/{name}", $"refs/tags/{name}^{{}}"],
            SourcePoint.PullRequest(var number) => [string.Create(CultureInfo.InvariantCulture, $"refs/pull/{number}/head"), string.Create(CultureInfo.InvariantCulture, $"refs/merge-requests/{number}/head")],
            _ => Array.Empty<string>(),
        };
        if (remote.Url is SourceUrl.Local(var path) && point is SourcePoint.Branch && await LocalAsync(path, wanted.FirstOrDefault()) is { } known)
        {
            return Position(known, point, wanted);
        }

        var result = await git.RunAsync(remote, ["ls-remote", "--symref", "--", remote.Url.Text, "HEAD", .. wanted], input: null, watch: null, CancellationToken.None);
        if (result.Code != 0)
        {
            throw GitFaults.Of(result, remote);
        }

        return Position(RemoteRefs.Parse(result.Text), point, wanted);
    }

    // Bounded as git is: whoever may write into the repository could put something there that keeps its reader waiting.
    private async Task<RemoteRefs?> LocalAsync(string path, string? wanted)
    {
        try
        {
            return await Task.Run(() => LocalRefs.Read(path, wanted)).WaitAsync(LocalLimit, time);
        }
        catch (TimeoutException)
        {
            // git is asked, which can be ended.
            return null;
        }
    }

    private static SourcePosition Position(RemoteRefs refs, SourcePoint point, string[] wanted)
    {
        var branch = refs.DefaultBranch;
        switch (point)
        {
            case SourcePoint.Commit(var id, var on):
                return new SourcePosition(id, $"refs/heads/{on ?? branch ?? "main"}", branch);
            case SourcePoint.Branch { Name: null }:
                return branch is not null && refs.Head is { } head
                    ? new SourcePosition(head, $"refs/heads/{branch}", branch)
                    : throw new SourceException(SourceFault.NoSuchRef, "the repository is empty, or its HEAD names no branch; name a branch");
            default:
                // Of an annotated tag the commit, which comes with ^{}, and not the tag itself.
                var found = wanted.Reverse().FirstOrDefault(refs.Ids.ContainsKey)
                    ?? throw new SourceException(SourceFault.NoSuchRef, $"the repository has no {Name(point)}");
                return new SourcePosition(refs.Ids[found], found.EndsWith("^{}", StringComparison.Ordinal) ? found[..^3] : found, branch);
        }
    }

    private static string Name(SourcePoint point) => point switch
    {
        SourcePoint.Branch(var name) => $"branch '{name}'",
        SourcePoint.Tag(var name) => $"tag '{name}'",
        SourcePoint.PullRequest(var number) => $"pull request {number}",
        _ => "such commit",
    };

    /// <summary>One question to a remote at a time, and one more that waits for all who come meanwhile.</summary>
    private sealed class Lookup
    {
        private readonly Lock gate = new();
        private Task<SourcePosition>? running;
        private Task<SourcePosition>? next;

        public Task<SourcePosition> AskAsync(Func<Task<SourcePosition>> ask)
        {
            lock (gate)
            {
                if (running is null or { IsCompleted: true })
                {
                    return running = ask();
                }

                return next ??= AfterAsync(running, ask);
            }
        }

        private async Task<SourcePosition> AfterAsync(Task before, Func<Task<SourcePosition>> ask)
        {
            await before.ContinueWith(_ => { }, TaskScheduler.Default);
            Task<SourcePosition> mine;
            lock (gate)
            {
                next = null;
                running = mine = ask();
            }

            return await mine;
        }
    }
}

/// <summary>What <c>git ls-remote --symref</c> told.</summary>
/// <param name="DefaultBranch">The branch that HEAD names; null: none.</param>
/// <param name="Head">HEAD's commit; null: none.</param>
/// <param name="Ids">Ids by ref.</param>
internal sealed record RemoteRefs(string? DefaultBranch, string? Head, IReadOnlyDictionary<string, string> Ids)
{
    /// <summary>Reads it. What is not of its form is passed over: a remote may write anything.</summary>
    public static RemoteRefs Parse(string text)
    {
        string? branch = null;
        var ids = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in text.Split('\n'))
        {
            if (line.Split('\t') is not [var value, var name])
            {
                continue;
            }

            const string Symbolic = "ref: refs/heads/";
            if (name == "HEAD" && value.StartsWith(Symbolic, StringComparison.Ordinal) && Triggers.GitName.IsRef(value["ref: ".Length..]))
            {
                branch = value[Symbolic.Length..];
            }
            else if (Triggers.GitName.IsCommit(value))
            {
                ids[name] = value;
            }
        }

        return new RemoteRefs(branch, ids.GetValueOrDefault("HEAD"), ids);
    }
}
