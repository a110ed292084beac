using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using BuildRunner.Agent.Contract;
using BuildRunner.Agent.Output;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Storage;

namespace BuildRunner.Agent.Checkout;

/// <summary>A bare copy of each source on this machine, so that only what is new has to be fetched.</summary>
/// <remarks>A copy that holds less than all of the history lies beside the full one. One fetch at a time changes a copy; readers are not disturbed, because nothing is ever
/// removed from it.</remarks>
internal sealed class Mirrors(GitProgram git, string folder, TimeProvider time)
{
    private const int Tries = 3;
    private static readonly string[] Passing = ["resolve host", "timed out", "timeout", "Connection", "early EOF", "RPC failed", "hung up", "error: 5", "temporarily"];
    private readonly ConcurrentDictionary<string, SemaphoreSlim> turns = new(StringComparer.Ordinal);

    /// <summary>The program.</summary>
    public GitProgram Git => git;

    /// <summary>Makes sure that a commit is here.</summary>
    /// <returns>The bare repository's path, and the commit in full.</returns>
    /// <exception cref="ContainerException">It cannot be had.</exception>
    public async Task<(string Path, string Commit)> GetAsync(MirrorRequest request, IStepLog log, CancellationToken stop)
    {
        var path = System.IO.Path.Combine(folder, NameOf(request, request.Depth > 0));
        var turn = turns.GetOrAdd(path, _ => new SemaphoreSlim(1, 1));
        await turn.WaitAsync(stop);
        try
        {
            await MakeAsync(path, stop);
            return (path, await FetchAsync(path, request, log, stop));
        }
        finally
        {
            turn.Release();
        }
    }

    // Under its name only when it is one: a crash leaves a draft.
    private async Task MakeAsync(string path, CancellationToken stop)
    {
        if (File.Exists(System.IO.Path.Combine(path, "HEAD")))
        {
            return;
        }

        var draft = path + ".new";
        TreeRemoval.Remove(draft);
        TreeRemoval.Remove(path);
        Check(await git.RunAsync(draft, null, ["init", "--quiet", "--bare"], stop), "made");
        Directory.Move(draft, path);
    }

    private async Task<string> FetchAsync(string path, MirrorRequest request, IStepLog log, CancellationToken stop)
    {
        if (request.Commit.Length > 0 && !request.Tags && await HasAsync(path, request.Commit, request.Depth, stop))
        {
            return request.Commit;
        }

        await log.SayAsync($"fetching {request.Access.Url.Text} {(request.Ref.Length > 0 ? request.Ref : request.Commit)}", stop);
        var refs = new List<string>();
        if (request.Ref.Length > 0)
        {
            refs.Add($"+{request.Ref}:{request.Ref}");
        }

        if (request.Tags)
        {
            refs.Add("+refs/tags/*:refs/tags/*");
        }

        var answer = refs.Count == 0 ? null : await TryAsync(path, request, refs, log, stop);
        if (request.Commit.Length == 0)
        {
            Check(answer!, "had", request.Access.Url);
            return (await git.RunAsync(path, null, ["rev-parse", "--verify", "--quiet", "--end-of-options", request.Ref + "^{commit}"], stop)).Output.Trim();
        }

        if (!await HasAsync(path, request.Commit, request.Depth, stop))
        {
            // The branch has moved on, or is gone: forges give a commit by its name too.
            var direct = await TryAsync(path, request, [$"+{request.Commit}:refs/buildrunner/{request.Commit}"], log, stop);
            if (direct.Code != 0 || !await HasAsync(path, request.Commit, 0, stop))
            {
                Check(answer is { Code: not 0 } ? answer : direct, "had", request.Access.Url, $" The commit {request.Commit} may have been removed by a forced push.");
            }
        }

        return request.Commit;
    }

    private async Task<GitAnswer> TryAsync(string path, MirrorRequest request, IReadOnlyList<string> refs, IStepLog log, CancellationToken stop)
    {
        var pauses = new RetryPauses();
        for (var number = 1; ; number++)
        {
            string[] depth = request.Depth > 0 ? [$"--depth={request.Depth}"] : [];
            var answer = await git.RunAsync(path, request.Access, ["fetch", "--quiet", "--no-tags", "--force", "--no-write-fetch-head", .. depth, request.Access.Url.Text, .. refs], stop);
            if (answer.Code == 0 || number == Tries || !Passing.Any(p => answer.Errors.Contains(p, StringComparison.OrdinalIgnoreCase)))
            {
                return answer;
            }

            await log.SayAsync($"that did not succeed, and is tried again: {answer.Reason}", stop);
            await Task.Delay(pauses.Next(), time, stop);
        }
    }

    // In a copy without all of the history a commit can be there with less of it than is asked for.
    private async Task<bool> HasAsync(string path, string commit, int depth, CancellationToken stop) =>
        (await git.RunAsync(path, null, ["cat-file", "-e", "--end-of-options", commit + "^{commit}"], stop)).Code == 0
        && (depth <= 1 || int.Parse((await git.RunAsync(path, null, ["rev-list", "--count", $"--max-count={depth}", "--first-parent", "--end-of-options", commit], stop)).Output, System.Globalization.CultureInfo.InvariantCulture) >= depth);

    private static void Check(GitAnswer answer, string what, SourceUrl? url = null, string more = "")
    {
        if (answer.Code != 0)
        {
            var denied = answer.Errors.Contains("Authentication failed", StringComparison.Ordinal) || answer.Errors.Contains("could not read Username", StringComparison.Ordinal)
                || answer.Errors.Contains("Permission denied", StringComparison.Ordinal);
            throw new ContainerException(
                denied ? ContainerFailure.AccessDenied : ContainerFailure.Internal,
                $"the source {url?.Text} could not be {what}: {answer.Reason}.{(denied ? " Is the repository's credential missing, wrong or expired?" : more)}".Replace("..", ".", StringComparison.Ordinal));
        }
    }

    // What is in a copy is given out without asking the host again. So what was fetched with a credential (for ssh that may be this machine's) is for the repository that has it:
    // a submodule of somebody else's choice, or a stranger's clone step, which has none, would otherwise read what its host refuses it.
    private static string NameOf(MirrorRequest request, bool shallow) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(request.Access is { Secret: null, Url.Kind: not SourceKind.Ssh } ? request.Access.Url.Text : $"{request.Access.Url.Text}\n{request.Owner}")))[..32] + (shallow ? ".shallow.git" : ".git");
}

/// <summary>What of a source has to be here.</summary>
/// <param name="Access">How to reach it.</param>
/// <param name="Ref">The full ref; empty: only the commit is known.</param>
/// <param name="Commit">The commit; empty: what the ref points to.</param>
/// <param name="Depth">How much of the history; 0: all.</param>
/// <param name="Tags">Whether all tags are wanted.</param>
/// <param name="Owner">The address of the repository whose credential is used.</param>
internal sealed record MirrorRequest(GitAccess Access, string Ref, string Commit, int Depth, bool Tags, string Owner);
