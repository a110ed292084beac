using System.Globalization;
using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Planning;
using BuildRunner.Server.Storage;

namespace BuildRunner.Server.Sources;

/// <summary>The bare copy of one repository: commits and folders, and of the files' contents only those of pipelines. A cache: what is broken is thrown away and made anew.</summary>
internal sealed class SourceMirror(GitProgram git, string path, TimeProvider time)
{
    private const int MaxFile = 1024 * 1024;
    private const int MaxFiles = 200;
    private const int MaxChanged = 3_000;
    private const long MaxMemory = 256L * 1024 * 1024;
    private static readonly TimeSpan MaxComparing = TimeSpan.FromSeconds(20);

    /// <summary>Reads a commit, after fetching what is missing of it.</summary>
    public async Task<SourceTree> ReadAsync(SourceRemote remote, SourcePosition at, string? mustBeOn, string? pipelinePath, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        await using var held = await HoldAsync(cancellationToken);
        var old = Directory.Exists(path);
        try
        {
            return await TryReadAsync(remote, at, mustBeOn, pipelinePath, cancellationToken);
        }
        catch (SourceException e) when (old && (e.Fault is SourceFault.Unreachable or SourceFault.TooLarge))
        {
            // Perhaps it is this copy: a process that was killed leaves locks and halves behind, and what was fetched long ago takes space.
            Directory.Delete(path, recursive: true);
            return await TryReadAsync(remote, at, mustBeOn, pipelinePath, cancellationToken);
        }
    }

    private async Task<SourceTree> TryReadAsync(SourceRemote remote, SourcePosition at, string? mustBeOn, string? pipelinePath, CancellationToken cancellationToken)
    {
        if (!Directory.Exists(path))
        {
            await DoAsync(null, remote, ["init", "--quiet", "--bare", "--template=", path], cancellationToken);
            await DoAsync(null, remote, ["-C", path, "config", "extensions.partialClone", "origin"], cancellationToken);
            await DoAsync(null, remote, ["-C", path, "config", "remote.origin.promisor", "true"], cancellationToken);
            await DoAsync(null, remote, ["-C", path, "config", "remote.origin.partialclonefilter", "blob:none"], cancellationToken);
        }

        // The address may have been changed since.
        await DoAsync(null, remote, ["-C", path, "config", "remote.origin.url", remote.Url.Text], cancellationToken);
        await FetchAsync(remote, at, mustBeOn, cancellationToken);
        var files = await TryFilesAsync(remote, at.Commit, pipelinePath, cancellationToken)
            ?? await WithContentsAsync(remote, at, pipelinePath, cancellationToken);
        var (facts, parent) = await FactsAsync(remote, at.Commit, cancellationToken);
        return new SourceTree
        {
            Commit = at.Commit,
            Files = files,
            Facts = facts,
            Changed = parent is null ? null : await ChangedAsync(at.Commit, cancellationToken),
        };
    }

    private async Task FetchAsync(SourceRemote remote, SourcePosition at, string? mustBeOn, CancellationToken cancellationToken)
    {
        string[] fetch = ["-C", path, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--filter=blob:none"];
        if (mustBeOn is null)
        {
            // Two deep: the parent tells which files have changed.
            await DoAsync(remote, remote, [.. fetch, "--depth=2", "origin", $"+{at.Commit}:refs/kept/{at.Commit}"], cancellationToken);
            return;
        }

        var shallow = File.Exists(Path.Combine(path, "shallow")) ? new[] { "--unshallow" } : [];
        await DoAsync(remote, remote, [.. fetch, .. shallow, "origin", $"+refs/heads/{mustBeOn}:refs/kept/heads/{mustBeOn}"], cancellationToken);
        var on = await git.RunAsync(null, ["-C", path, "merge-base", "--is-ancestor", at.Commit, $"refs/kept/heads/{mustBeOn}"], null, null, cancellationToken);
        if (on.Code != 0)
        {
            throw new SourceException(SourceFault.NoSuchRef, $"commit {at.Commit[..12]} is not on branch '{mustBeOn}'; name the branch that it is on");
        }
    }

    // A host that speaks git's first protocol (ssh without AcceptEnv GIT_PROTOCOL) may leave contents out and then not hand them out one by one.
    private async Task<IReadOnlyList<PipelineSource>?> TryFilesAsync(SourceRemote remote, string commit, string? pipelinePath, CancellationToken cancellationToken)
    {
        try
        {
            return await FilesAsync(remote, commit, pipelinePath, cancellationToken);
        }
        catch (SourceException e) when (e.Fault is SourceFault.Unreachable or SourceFault.NoSuchRef)
        {
            // Everything of the commit, then; if the host is away that fails too, and says so.
            return null;
        }
    }

    private async Task<IReadOnlyList<PipelineSource>> WithContentsAsync(SourceRemote remote, SourcePosition at, string? pipelinePath, CancellationToken cancellationToken)
    {
        await DoAsync(
            remote, remote, ["-C", path, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--no-filter", "--refetch", "--depth=2", "origin", $"+{at.Commit}:refs/kept/{at.Commit}"],
            cancellationToken);
        return await FilesAsync(remote, at.Commit, pipelinePath, cancellationToken);
    }

    private async Task<IReadOnlyList<PipelineSource>> FilesAsync(SourceRemote remote, string commit, string? pipelinePath, CancellationToken cancellationToken)
    {
        IReadOnlyList<string> places = pipelinePath is null ? PipelineLocator.Places : [pipelinePath];
        var listed = await DoAsync(null, remote, ["--literal-pathspecs", "-C", path, "ls-tree", "-z", "--full-tree", commit, "--", .. places], cancellationToken);
        var blobs = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in listed.Text.Split('\0', StringSplitOptions.RemoveEmptyEntries))
        {
            // MODE TYPE ID, a tab, the path. Plain files only: a link could lead anywhere.
            if (entry.Split('\t', 2) is [var head, var name] && head.Split(' ') is [['1', '0', '0', ..], "blob", var id])
            {
                blobs[name] = id;
            }
        }

        var files = new List<PipelineSource>();
        foreach (var name in PipelineLocator.Find(blobs.Keys, pipelinePath).Take(MaxFiles))
        {
            files.Add(new PipelineSource(name, await ContentAsync(remote, blobs[name], cancellationToken)));
        }

        return files;
    }

    // The planner refuses what is longer than this, with a line for people.
    private async Task<ReadOnlyMemory<byte>> ContentAsync(SourceRemote remote, string blob, CancellationToken cancellationToken)
    {
        var content = await DoAsync(remote, remote, ["-C", path, "cat-file", "blob", blob], cancellationToken);
        return content.Output.AsMemory(0, Math.Min(content.Output.Length, MaxFile + 1));
    }

    private async Task<(CommitFacts Facts, string? Parent)> FactsAsync(SourceRemote remote, string commit, CancellationToken cancellationToken)
    {
        var log = await DoAsync(null, remote, ["-C", path, "log", "-1", "--no-show-signature", "--format=%P%x00%an%x00%ae%x00%ct%x00%B", commit], cancellationToken);
        if (log.Text.Split('\0') is not [var parents, var author, var email, var at, var message])
        {
            return (new CommitFacts(), null);
        }

        var facts = new CommitFacts
        {
            Author = author,
            AuthorEmail = email,
            Timestamp = long.TryParse(at, CultureInfo.InvariantCulture, out var seconds) ? seconds : null,
            Message = message.TrimEnd(),
        };
        return (facts, parents.Split(' ') is [{ Length: > 0 } parent, ..] ? parent : null);
    }

    private async Task<IReadOnlyList<string>?> ChangedAsync(string commit, CancellationToken cancellationToken)
    {
        // A few folders that hold each other name more files than there is memory, and git gathers all names before it tells one. Then it is not known what was changed.
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(MaxComparing);
        try
        {
            var changed = await git.RunAsync(
                null, ["-C", path, "diff-tree", "-r", "-z", "--name-only", "--no-commit-id", "--no-renames", "--no-ext-diff", "-m", "--first-parent", commit], null, null, patience.Token, MaxMemory);
            var names = changed.Code == 0 ? changed.Text.Split('\0', StringSplitOptions.RemoveEmptyEntries) : null;
            return names is { Length: <= MaxChanged } ? names : null;
        }
        catch (SourceException e) when (e.Fault is SourceFault.TooLarge or SourceFault.TimedOut)
        {
            return null;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    private async Task<GitResult> DoAsync(SourceRemote? open, SourceRemote named, string[] arguments, CancellationToken cancellationToken)
    {
        var result = await git.RunAsync(open, arguments, input: null, open is null ? null : path, cancellationToken);
        if (result.Code == 0)
        {
            return result;
        }

        var fault = GitFaults.Of(result, named);
        throw fault.Fault == SourceFault.Unreachable && !HasRoom() ? new SourceException(SourceFault.Here, $"{named.Url.Text}: {GitFaults.DiskIsFull}") : fault;
    }

    // Not every program of git says why it could not write; a little more than it wanted to write tells.
    private bool HasRoom()
    {
        try
        {
            using var probe = new FileStream(path + ".room", FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0, FileOptions.DeleteOnClose);
            probe.Write(new byte[64 * 1024]);
            return true;
        }
        catch (IOException e) when (DiskFaults.IsFull(e))
        {
            return false;
        }
    }

    // Between processes too: servers of one installation may share the folder.
    private async Task<FileStream> HoldAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return new FileStream(path + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException e) when (!DiskFaults.IsFull(e) && Directory.Exists(Path.GetDirectoryName(path)))
            {
                // Somebody else reads the same repository.
                await Task.Delay(TimeSpan.FromMilliseconds(20), time, cancellationToken);
            }
        }
    }
}
