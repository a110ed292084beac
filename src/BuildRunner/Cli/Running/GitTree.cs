using System.ComponentModel;
using System.Diagnostics;

namespace BuildRunner.Cli.Running;

/// <summary>Facts about a working tree, asked of the git program in a way that lets nothing of the repository run.</summary>
internal static class GitTree
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    // Everything in a repository's own configuration that could start a program, and what would reach out to a network.
    private static readonly string[] Hardening =
    [
        "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.pager=cat", "-c", "log.showSignature=false",
        "-c", "gpg.program=/bin/false", "-c", "core.sshCommand=/bin/false", "-c", "protocol.allow=never", "-c", "credential.helper=",
        "-c", "safe.directory=*",
    ];

    /// <summary>The top of the working tree that holds a directory; null if none does. Looks for <c>.git</c> only, and starts nothing.</summary>
    public static string? TopOf(string directory)
    {
        for (var at = directory; at is not null; at = Path.GetDirectoryName(at))
        {
            if (Path.Exists(Path.Combine(at, ".git")))
            {
                return at;
            }
        }

        return null;
    }

    /// <summary>What git knows of HEAD; null without a repository, without commits, or without git.</summary>
    public static async Task<GitHead?> HeadAsync(string tree, CancellationToken cancellationToken)
    {
        if (TopOf(tree) is null)
        {
            return null;
        }

        var log = AskAsync(tree, ["log", "-1", "--no-show-signature", "--format=%H%x00%an%x00%ae%x00%ct%x00%B"], cancellationToken);
        var branch = AskAsync(tree, ["symbolic-ref", "--short", "-q", "HEAD"], cancellationToken);
        var remote = AskAsync(tree, ["config", "--get", "remote.origin.url"], cancellationToken);
        var main = AskAsync(tree, ["symbolic-ref", "--short", "-q", "refs/remotes/origin/HEAD"], cancellationToken);
        return (await log)?.Split('\0') is [var commit, var author, var email, var at, var message]
            ? new GitHead(commit, (await branch)?.Trim(), author, email, long.TryParse(at, out var seconds) ? seconds : null, message.TrimEnd())
            {
                Remote = (await remote)?.Trim(),
                DefaultBranch = (await main)?.Trim() is { Length: > 0 } head ? head[(head.IndexOf('/', StringComparison.Ordinal) + 1)..] : null,
            }
            : null;
    }

    private static async Task<string?> AskAsync(string tree, string[] arguments, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo("git", [.. Hardening, "-C", tree, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        foreach (var name in start.Environment.Keys.Where(k => k.StartsWith("GIT_", StringComparison.Ordinal)).ToList())
        {
            start.Environment.Remove(name);
        }

        start.Environment["GIT_CONFIG_NOSYSTEM"] = "1";
        start.Environment["GIT_CONFIG_GLOBAL"] = "/dev/null";
        start.Environment["GIT_OPTIONAL_LOCKS"] = "0";
        start.Environment["GIT_NO_LAZY_FETCH"] = "1";

        // A repository may allow protocols one by one (ext:: runs a command), which goes over protocol.allow; this goes over both.
        start.Environment["GIT_ALLOW_PROTOCOL"] = "none";
        start.Environment["GIT_TERMINAL_PROMPT"] = "0";
        start.Environment["LC_ALL"] = "C";
        try
        {
            using var process = Process.Start(start)!;
            return await ReadAsync(process, cancellationToken);
        }
        catch (Win32Exception)
        {
            // No git on this machine: there are no facts then.
            return null;
        }
    }

    private static async Task<string?> ReadAsync(Process process, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Patience);
        process.StandardInput.Close();
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(limit.Token);
            var error = process.StandardError.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            await error;
            return process.ExitCode == 0 ? await output : null;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // A repository that keeps git busy gives no facts.
            process.Kill(entireProcessTree: true);
            return null;
        }
    }
}

/// <summary>HEAD of a working tree.</summary>
/// <param name="Commit">The commit's id.</param>
/// <param name="Branch">The branch; null if HEAD is detached.</param>
/// <param name="Author">The author's name.</param>
/// <param name="Email">The author's address.</param>
/// <param name="Timestamp">When it was committed, in seconds since 1970.</param>
/// <param name="Message">The whole message.</param>
internal sealed record GitHead(string Commit, string? Branch, string Author, string Email, long? Timestamp, string Message)
{
    /// <summary>The address of <c>origin</c>.</summary>
    public string? Remote { get; init; }

    /// <summary>The branch that <c>origin</c> calls its HEAD.</summary>
    public string? DefaultBranch { get; init; }
}
