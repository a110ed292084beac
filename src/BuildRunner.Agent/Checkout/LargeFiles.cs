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
    /// <param name="log">Told what is done.</param>
    /// <param name="stop">Gives up.</param>
    /// <returns>Whether the workspace gets them.</returns>
    /// <exception cref="ContainerException">They are wanted and cannot be had.</exception>
    public async Task<bool> GetAsync(string mirror, GitAccess access, string commit, bool? wanted, IStepLog log, CancellationToken stop)
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

        // git-lfs reads where to go from the repository it works in.
        await git.RunAsync(mirror, null, ["config", "remote.origin.url", access.Url.Text], stop);
        var answer = await git.RunAsync(mirror, access, ["lfs", "fetch", "origin", commit], stop);
        return answer.Code == 0
            ? true
            : throw new ContainerException(ContainerFailure.Internal, $"the large files of {access.Url.Text} could not be had: {answer.Reason}");
    }

    // Attributes may lie in any folder. Without literal paths, which every other call wants.
    private async Task<bool> HasAnyAsync(string mirror, string commit, CancellationToken stop) =>
        (await git.RunAsync(mirror, null, ["--no-literal-pathspecs", "--glob-pathspecs", "grep", "-q", "filter=lfs", commit, "--", "**/.gitattributes"], stop)).Code == 0;
}
