using BuildRunner.Agent.Output;
using BuildRunner.Containers.Engine;

namespace BuildRunner.Agent.Checkout;

/// <summary>Brings what git-lfs keeps beside a repository to this machine.</summary>
internal sealed class LargeFiles(GitProgram git)
{
    /// <summary>Gets the large files of a commit into the copy.</summary>
    /// <param name="mirror">The copy.</param>
    /// <param name="access">How to reach the source.</param>
    /// <param name="commit">The commit.</param>
    /// <param name="wanted">True: they must be had; false: pointers are enough; null: if there are any and the machine can.</param>
    /// <param name="stranger">True: whoever wrote the commit does not choose where they come from.</param>
    /// <param name="log">Told what is done.</param>
    /// <param name="stop">Gives up.</param>
    /// <returns>Whether the workspace gets them.</returns>
    /// <exception cref="ContainerException">They are wanted and cannot be had.</exception>
    public async Task<bool> GetAsync(string mirror, GitAccess access, string commit, bool? wanted, bool stranger, IStepLog log, CancellationToken stop)
    {
        if (wanted == false || (wanted is null && !await HasAnyAsync(mirror, commit, stop)))
        {
            return false;
        }

        if ((await git.RunAsync(mirror, null, ["lfs", "version"], stop)).Code != 0)
        {
            const string Missing = "this machine has no git-lfs";
            if (wanted is null)
            {
                await log.SayAsync($"{Missing}: large files stay pointers", stop);
                return false;
            }

            throw new ContainerException(ContainerFailure.EngineUnavailable, $"the step's setting lfs wants large files, but {Missing}; install the package git-lfs, or set lfs: false");
        }

        // git-lfs would go wherever the repository says, with this machine's keys for ssh and to plain http here too, so it is told where.
        var (place, by) = await PlaceAsync(mirror, access, commit, stop);
        if (stranger && by != access)
        {
            var elsewhere = $"the large files of {access.Url.Text} are not fetched from {place}, as its .lfsconfig says, in a stranger's run";
            if (wanted is null)
            {
                await log.SayAsync($"{elsewhere}: they stay pointers", stop);
                return false;
            }

            throw new ContainerException(ContainerFailure.AccessDenied, $"{elsewhere}; set lfs: false");
        }

        await git.RunAsync(mirror, null, ["config", "remote.origin.url", access.Url.Text], stop);
        var answer = await git.RunAsync(mirror, by, ["-c", $"lfs.url={place}", "lfs", "fetch", "origin", commit], stop);
        return answer.Code == 0
            ? true
            : throw new ContainerException(ContainerFailure.Internal, $"the large files of {access.Url.Text} could not be had: {answer.Reason}");
    }

    // Beside the repository, or at the https address that the commit names; what lies elsewhere than beside it is asked for as a stranger.
    private async Task<(string Place, GitAccess Access)> PlaceAsync(string mirror, GitAccess access, string commit, CancellationToken stop)
    {
        var named = (await git.RunAsync(mirror, null, ["config", "--blob", $"{commit}:.lfsconfig", "--get", "lfs.url"], stop)).Output.Trim();
        if (named.Length == 0 || named == access.Url.Text)
        {
            return (OwnPlace(access.Url), access);
        }

        var url = named.StartsWith("https://", StringComparison.OrdinalIgnoreCase)
            ? SourceUrl.Parse(named, [])
            : throw new ContainerException(ContainerFailure.AccessDenied, $"the large files of {access.Url.Text} are not fetched from where its .lfsconfig says: '{named}' is no https address");
        return url.Text == OwnPlace(access.Url) || url.Text.StartsWith(access.Url.Text + "/", StringComparison.Ordinal) ? (url.Text, access) : (url.Text, new GitAccess(url, null, null, null));
    }

    // As git-lfs itself finds it.
    private static string OwnPlace(SourceUrl url) => url.Kind switch
    {
        SourceKind.Https => url.Text.TrimEnd('/') + (url.Text.TrimEnd('/').EndsWith(".git", StringComparison.Ordinal) ? "/info/lfs" : ".git/info/lfs"),
        SourceKind.Folder => "file://" + url.Text,
        _ => url.Text,
    };

    // Attributes may lie in any folder. Without literal paths, which every other call wants.
    private async Task<bool> HasAnyAsync(string mirror, string commit, CancellationToken stop) =>
        (await git.RunAsync(mirror, null, ["--no-literal-pathspecs", "--glob-pathspecs", "grep", "-q", "filter=lfs", commit, "--", "**/.gitattributes"], stop)).Code == 0;
}
