using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using BuildRunner.Containers.Engine;

namespace BuildRunner.Agent.Checkout;

/// <summary>The root file system of the containers that check out: copies of the machine's git and of what it needs to run, and nothing else of the machine
/// (docs/decisions/0212).</summary>
/// <remarks>A file system of its own works where the machine's is no image, because the kernel maps the owners of no overlay: where the agent is in a container, or an ordinary user's.</remarks>
/// <param name="folder">Where it lies.</param>
/// <param name="git">The machine's git.</param>
internal sealed class CheckoutRoot(string folder, GitProgram git)
{
    /// <summary>What runs the script.</summary>
    public const string Shell = "/bin/sh";

    // The first are what the script of the checkout calls, the others what git's own scripts call, of which git submodule is one.
    private static readonly string[] Needed = ["git", "cp", "cut", "find", "mkdir", "rm"];
    private static readonly string[] Wanted =
    [
        "git-lfs", "basename", "cat", "chmod", "dirname", "env", "expr", "grep", "head", "ln", "ls", "mktemp", "mv", "printf", "rmdir", "sed", "sort", "tail", "test", "touch", "tr", "uname", "uniq", "wc", "xargs",
    ];

    // Of git's own folder: what speaks to other machines. The container is connected to none.
    private static readonly string[] OfNetworks = ["git-http-", "git-remote-", "git-imap-", "git-credential", "git-daemon"];

    private readonly Lock gate = new();
    private Task last = Task.CompletedTask;

    /// <summary>The folder; made if it is not there, or if git was replaced since.</summary>
    /// <exception cref="ContainerException">The machine's git cannot be copied.</exception>
    public Task<string> GetAsync(CancellationToken cancellationToken)
    {
        lock (gate)
        {
            var own = AfterAsync(last, cancellationToken);
            last = own;
            return own;
        }
    }

    // One after the other: whoever comes second finds what the first made.
    private async Task<string> AfterAsync(Task before, CancellationToken cancellationToken)
    {
        await before.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            var programs = Programs();
            var own = await OwnFolderAsync(cancellationToken);
            var path = Path.Combine(folder, KeyOf([.. programs, own]));
            if (!Directory.Exists(path))
            {
                await MakeAsync(path, programs, own, cancellationToken);
                RemoveOthers(path);
            }

            return path;
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw Unusable(problem.Message, problem);
        }
    }

    private static List<string> Programs()
    {
        var missing = Needed.Where(n => MachineProgram.Find(n) is null).ToList();
        return missing.Count > 0
            ? throw Unusable($"this machine has no {string.Join(", ", missing)}")
            : [Shell, .. Needed.Concat(Wanted).Select(MachineProgram.Find).OfType<string>()];
    }

    private async Task<string> OwnFolderAsync(CancellationToken cancellationToken)
    {
        var answer = await git.RunAsync(folder, null, ["--exec-path"], cancellationToken);
        var own = answer.Output.Trim();
        return answer.Code == 0 && Directory.Exists(own) ? own : throw Unusable($"git does not tell where its own programs are: {(answer.Code == 0 ? own : answer.Reason)}");
    }

    // After a power cut a copy may be torn: those of an earlier start of the machine do not count. The loader's cache is written anew when a library is replaced.
    private static string KeyOf(IReadOnlyList<string> sources)
    {
        var text = new StringBuilder("1\n").Append(File.ReadAllText("/proc/sys/kernel/random/boot_id"));
        foreach (var source in sources.Append(RootCopy.LoaderCache).Where(Path.Exists))
        {
            var file = new FileInfo(source).ResolveLinkTarget(returnFinalTarget: true) ?? new FileInfo(source);
            text.Append(CultureInfo.InvariantCulture, $"{source} {file.FullName} {file.LastWriteTimeUtc.Ticks}\n");
        }

        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())))[..16];
    }

    private static async Task MakeAsync(string path, IReadOnlyList<string> programs, string own, CancellationToken cancellationToken)
    {
        var draft = path + ".new";
        if (Directory.Exists(draft))
        {
            Directory.Delete(draft, recursive: true);
        }

        var copy = new RootCopy(draft);
        var ofGit = Directory.EnumerateFiles(own).Where(f => !OfNetworks.Any(n => Path.GetFileName(f).StartsWith(n, StringComparison.Ordinal))).Order(StringComparer.Ordinal);
        foreach (var program in programs.Concat(ofGit))
        {
            await copy.AddProgramAsync(program, cancellationToken);
        }

        Directory.Move(draft, path);
    }

    // The one before this one stays: a container may be running in it.
    private void RemoveOthers(string current)
    {
        foreach (var old in new DirectoryInfo(folder).EnumerateDirectories().Where(d => d.FullName != current).OrderByDescending(d => d.LastWriteTimeUtc).Skip(1))
        {
            old.Delete(recursive: true);
        }
    }

    private static ContainerException Unusable(string why, Exception? inner = null) => new(
        ContainerFailure.EngineUnavailable, $"the source cannot be checked out with this machine's git: {why}; mend that, or name an image in Agent:CloneImage", innerException: inner);
}
