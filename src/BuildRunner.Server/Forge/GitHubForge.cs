using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Planning;
using BuildRunner.Server.Triggers;

namespace BuildRunner.Server.Forge;

/// <summary>What BuildRunner asks GitHub. Every method throws <see cref="ForgeException"/> for what GitHub refuses, and asks once more with a new token if the old one does not count.</summary>
internal sealed class GitHubForge
{
    private const string Accept = "application/vnd.github+json";
    private const int MaxFiles = 256;
    private const int MaxFileBytes = 1024 * 1024;

    // GitHub's comparison lists no more.
    private const int MaxComparedFiles = 300;
    private readonly GitHubConnections connections;
    private readonly GitHubTokens tokens;
    private readonly TimeProvider time;

    public GitHubForge(GitHubConnections connections, GitHubTokens tokens, TimeProvider time)
    {
        this.connections = connections;
        this.tokens = tokens;
        this.time = time;
    }

    /// <summary>The pipeline files of a commit: those of the first place that has any. Links and submodules are no files.</summary>
    /// <param name="place">The repository.</param>
    /// <param name="commit">The commit.</param>
    /// <param name="configured">A file, or a folder with a slash at its end, instead of the usual places; null: those.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<IReadOnlyList<PipelineSource>> PipelineFilesAsync(ForgePlace place, string commit, string? configured, CancellationToken cancellationToken)
    {
        var trees = new Dictionary<string, IReadOnlyList<TreeEntryReply>>(StringComparer.Ordinal);
        foreach (var where in configured is null ? PipelineLocator.Places : [configured])
        {
            var entries = await EntriesAsync(place, commit, where, trees, cancellationToken);
            var found = PipelineLocator.Find(entries.Keys, where);
            if (found.Count > MaxFiles)
                throw new ForgeException(ForgeFault.TooLarge, $"{place.FullName} has {found.Count} pipeline files in {where}; at most {MaxFiles} are read");
            var sources = new List<PipelineSource>();
            foreach (var path in found)
                sources.Add(new(path, await BlobAsync(place, path, entries[path], cancellationToken)));
            if (sources.Count > 0)
                return sources;
        }
        return [];
    }

    /// <summary>The files that differ between two commits, counted from where they parted; null if they are too many to be listed.</summary>
    public async Task<IReadOnlyList<string>?> ChangedFilesAsync(ForgePlace place, string from, string to, CancellationToken cancellationToken)
    {
        var reply = await GetAsync<CompareReply>(place, $"the changes of {to[..12]}", $"compare/{from}...{to}?per_page=1", cancellationToken);
        if (reply.Files is not { Count: < MaxComparedFiles } files)
            return null;
        return [.. files.SelectMany(file => new[] { file.Filename, file.PreviousFilename }).OfType<string>().Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
    }

    /// <summary>The commit that a tag or branch is at.</summary>
    /// <param name="place">The repository.</param>
    /// <param name="reference">A full ref.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<string> CommitOfAsync(ForgePlace place, string reference, CancellationToken cancellationToken)
    {
        var name = string.Join('/', reference["refs/".Length..].Split('/').Select(Uri.EscapeDataString));
        var reply = await GetAsync<CommitReply>(place, reference, $"commits/{name}", cancellationToken);
        return GitName.IsCommit(reply.Sha) ? reply.Sha! : throw new ForgeException(ForgeFault.Unavailable, $"{reference}: GitHub's answer names no commit");
    }

    /// <summary>Whether a commit is on a branch: its head, or before it.</summary>
    public async Task<bool> IsOnBranchAsync(ForgePlace place, string branch, string commit, CancellationToken cancellationToken)
    {
        try
        {
            var head = await CommitOfAsync(place, "refs/heads/" + branch, cancellationToken);
            return head == commit
                || (await GetAsync<CompareReply>(place, $"whether {commit[..12]} is on {branch}", $"compare/{commit}...{head}?per_page=1", cancellationToken)).Status is "ahead" or "identical";
        }
        catch (ForgeException e) when (e.Fault is ForgeFault.NotFound or ForgeFault.Refused)
        {
            // There is no such branch, or the two have nothing in common.
            return false;
        }
    }

    /// <summary>Whether a person may write to a repository now. The number counts: the name may be another person's by now.</summary>
    public async Task<bool> MayWriteAsync(ForgePlace place, Person person, CancellationToken cancellationToken)
    {
        try
        {
            var reply = await GetAsync<PermissionReply>(place, $"what {person.Login} may do", $"collaborators/{Uri.EscapeDataString(person.Login)}/permission", cancellationToken);
            return reply.User?.Id == person.Id && Trust.MayApprove(reply.Permission ?? "");
        }
        catch (ForgeException e) when (e.Fault == ForgeFault.NotFound)
        {
            // GitHub knows no such person, so there is no permission.
            return false;
        }
    }

    /// <summary>The branches and tags of a repository and what each is at.</summary>
    public async Task<IReadOnlyDictionary<string, string>> RefsAsync(ForgePlace place, CancellationToken cancellationToken)
    {
        var all = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var kind in new[] { "heads", "tags" })
        {
            var refs = await GetAsync<List<RefReply>>(place, $"the {kind} of {place.FullName}", $"git/matching-refs/{kind}/", cancellationToken);
            foreach (var reply in refs.Where(r => r is { Ref: not null, Object.Sha: not null }))
                all[reply.Ref!] = reply.Object!.Sha!;
        }
        return all;
    }

    /// <summary>The open pull requests of a repository, those that changed last first; at most a hundred.</summary>
    public async Task<IReadOnlyList<PullReply>> OpenPullRequestsAsync(ForgePlace place, CancellationToken cancellationToken) =>
        await GetAsync<List<PullReply>>(place, $"the pull requests of {place.FullName}", "pulls?state=open&sort=updated&direction=desc&per_page=100", cancellationToken);

    /// <summary>The message of a commit.</summary>
    public async Task<string> MessageAsync(ForgePlace place, string commit, CancellationToken cancellationToken) =>
        (await GetAsync<GitCommitReply>(place, $"commit {commit[..12]}", $"git/commits/{commit}", cancellationToken)).Message ?? "";

    /// <summary>A token that can read one repository's content and nothing else, for the clone step.</summary>
    public Task<string> CloneTokenAsync(ForgePlace place, CancellationToken cancellationToken) => AskAsync(place, "a token to clone with", () => tokens.GetAsync(place, TokenPurpose.Clone, cancellationToken), cancellationToken);

    private async Task<IReadOnlyDictionary<string, TreeEntryReply>> EntriesAsync(
        ForgePlace place, string commit, string where, Dictionary<string, IReadOnlyList<TreeEntryReply>> trees, CancellationToken cancellationToken)
    {
        var parts = where.Split('/');
        var (tree, folder) = (commit, "");
        foreach (var part in parts[..^1])
        {
            if ((await TreeAsync(place, tree, trees, cancellationToken)).FirstOrDefault(entry => entry is { Type: "tree", Sha: not null } && entry.Path == part) is not { Sha: { } next })
                return new Dictionary<string, TreeEntryReply>();
            (tree, folder) = (next, $"{folder}{part}/");
        }
        var files = (await TreeAsync(place, tree, trees, cancellationToken)).Where(entry => entry is { Type: "blob", Mode: "100644" or "100755", Path: not null, Sha: not null });
        return files.ToDictionary(entry => folder + entry.Path, StringComparer.Ordinal);
    }

    private async Task<IReadOnlyList<TreeEntryReply>> TreeAsync(ForgePlace place, string sha, Dictionary<string, IReadOnlyList<TreeEntryReply>> trees, CancellationToken cancellationToken)
    {
        if (!trees.TryGetValue(sha, out var entries))
            trees[sha] = entries = (await GetAsync<TreeReply>(place, $"the files of {place.FullName} at {sha[..12]}", $"git/trees/{sha}", cancellationToken)).Tree ?? [];
        return entries;
    }

    private async Task<byte[]> BlobAsync(ForgePlace place, string path, TreeEntryReply entry, CancellationToken cancellationToken)
    {
        if (entry.Size > MaxFileBytes)
            throw new ForgeException(ForgeFault.TooLarge, $"{path} has {entry.Size} bytes; BuildRunner reads at most {MaxFileBytes}");
        var blob = await GetAsync<BlobReply>(place, path, $"git/blobs/{entry.Sha}", cancellationToken);
        return blob.Encoding == "base64" ? Convert.FromBase64String(blob.Content ?? "") : System.Text.Encoding.UTF8.GetBytes(blob.Content ?? "");
    }

    private Task<T> GetAsync<T>(ForgePlace place, string what, string path, CancellationToken cancellationToken) => AskAsync(
        place,
        what,
        async () =>
        {
            var connection = connections.WithToken(await tokens.GetAsync(place, TokenPurpose.Read, cancellationToken));
            return await connection.Get<T>(new Uri($"repos/{place.FullName}/{path}", UriKind.Relative), null, Accept).WaitAsync(cancellationToken);
        },
        cancellationToken);

    private async Task<T> AskAsync<T>(ForgePlace place, string what, Func<Task<T>> ask, CancellationToken cancellationToken)
    {
        for (var first = true; ; first = false)
        {
            try
            {
                return await ask();
            }
            catch (Exception e) when (GitHubFaults.IsFault(e) && !cancellationToken.IsCancellationRequested)
            {
                var fault = GitHubFaults.Translate(e, what, time.GetUtcNow());
                if (fault.Fault != ForgeFault.Unauthorized || !first)
                    throw fault;
                tokens.Forget(place, TokenPurpose.Read);
            }
        }
    }
}
