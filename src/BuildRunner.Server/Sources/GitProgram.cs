using System.ComponentModel;
using System.Diagnostics;
using System.Text;

namespace BuildRunner.Server.Sources;

/// <summary>Runs the git program so that neither a repository nor a remote can make it run or read anything else.</summary>
/// <remarks>Arguments are a list, never a line. Configuration of system and user is not read; every protocol but the one that is needed is closed; hooks, pagers and prompts are off.</remarks>
internal sealed class GitProgram(string folder, SourceOptions options)
{
    private const int MaxOutput = 32 * 1024 * 1024;
    private static readonly string[] Hardening =
    [
        "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "core.pager=cat", "-c", "credential.helper=", "-c", "log.showSignature=false",
        "-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "fetch.recurseSubmodules=false", "-c", "http.followRedirects=false",
        "-c", "core.askPass=/bin/false", "-c", "advice.detachedHead=false", "-c", "protocol.version=2",
    ];

    /// <summary>Runs one command.</summary>
    /// <param name="remote">The remote that it may speak to; null: none.</param>
    /// <param name="arguments">The command and its arguments.</param>
    /// <param name="input">What it reads.</param>
    /// <param name="watch">A folder that must not outgrow <see cref="SourceOptions.MaxSize"/>; null: none.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <param name="mostMemory">Bytes of memory that it may take; 0: as much as it wants.</param>
    /// <returns>Its output; of a command that failed, what it said.</returns>
    public async Task<GitResult> RunAsync(SourceRemote? remote, IReadOnlyList<string> arguments, string? input, string? watch, CancellationToken cancellationToken, long mostMemory = 0)
    {
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        using var access = remote is null ? null : GitAccess.Open(folder, remote, options);
        var start = new ProcessStartInfo("git", [.. Hardening, .. arguments]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        SetEnvironment(start, remote, access);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(options.Timeout);
        try
        {
            using var process = Process.Start(start)!;
            return await FinishAsync(process, input, new Bounds(watch, mostMemory), limit.Token, cancellationToken);
        }
        catch (Win32Exception e)
        {
            throw new SourceException(SourceFault.Here, "git is not installed on the server's machine; install it", e);
        }
    }

    private void SetEnvironment(ProcessStartInfo start, SourceRemote? remote, GitAccess? access)
    {
        foreach (var name in start.Environment.Keys.Where(k => k.StartsWith("GIT_", StringComparison.Ordinal) || k.StartsWith("SSH_", StringComparison.Ordinal)
            || k.StartsWith("BUILDRUNNER_", StringComparison.Ordinal)).ToList())
        {
            start.Environment.Remove(name);
        }

        start.Environment["GIT_CONFIG_NOSYSTEM"] = "1";
        start.Environment["GIT_CONFIG_GLOBAL"] = GlobalConfiguration();
        start.Environment["GIT_TERMINAL_PROMPT"] = "0";
        start.Environment["GIT_ALLOW_PROTOCOL"] = remote?.Url.Protocol ?? "none";
        start.Environment["HOME"] = folder;
        start.Environment["LC_ALL"] = "C";
        foreach (var (name, value) in access?.Environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }
    }

    // Also for the git at the other end of a local path, which inherits no -c: it would refuse a repository of another user.
    private string GlobalConfiguration()
    {
        var path = Path.Combine(folder, "gitconfig");
        if (!File.Exists(path))
        {
            File.WriteAllText(path, "[safe]\n\tdirectory = *\n[core]\n\thooksPath = /dev/null\n");
        }

        return path;
    }

    private async Task<GitResult> FinishAsync(Process process, string? input, Bounds bounds, CancellationToken limit, CancellationToken cancellationToken)
    {
        try
        {
            var output = ReadAsync(process.StandardOutput.BaseStream, MaxOutput, limit);
            var error = ReadAsync(process.StandardError.BaseStream, 64 * 1024, limit);
            await process.StandardInput.WriteAsync(input.AsMemory(), limit);
            process.StandardInput.Close();
            var exit = process.WaitForExitAsync(limit);
            while (bounds is not { Folder: null, Memory: 0 } && await Task.WhenAny(exit, Task.Delay(TimeSpan.FromMilliseconds(bounds.Memory > 0 ? 50 : 500), limit)) != exit)
            {
                if (bounds.Folder is { } watch && SizeOf(watch) > options.MaxSize)
                {
                    throw new SourceException(SourceFault.TooLarge, $"the repository is larger than {options.MaxSize / (1024 * 1024)} MiB (setting Sources:MaxSize)");
                }

                if (bounds.Memory > 0 && MemoryOf(process) > bounds.Memory)
                {
                    throw new SourceException(SourceFault.TooLarge, $"git needs more than {bounds.Memory / (1024 * 1024)} MiB of memory for this commit");
                }
            }

            await exit;
            return new GitResult(process.ExitCode, await output, Encoding.UTF8.GetString(await error));
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new SourceException(SourceFault.TimedOut, $"the repository was not read within {options.Timeout.TotalSeconds:0} s (setting Sources:Timeout)");
        }
        catch (IOException e)
        {
            // It ended before it had read its input; what it said tells more.
            await process.WaitForExitAsync(cancellationToken);
            return new GitResult(process.ExitCode == 0 ? -1 : process.ExitCode, [], e.Message);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }

    private static async Task<byte[]> ReadAsync(Stream stream, int most, CancellationToken cancellationToken)
    {
        using var kept = new MemoryStream();
        var buffer = new byte[64 * 1024];
        int read;
        while ((read = await stream.ReadAsync(buffer, cancellationToken)) > 0)
        {
            // Read on, so that git does not wait for us, but keep no more.
            kept.Write(buffer, 0, (int)Math.Min(read, most - kept.Length));
        }

        return kept.ToArray();
    }

    private static long MemoryOf(Process process)
    {
        try
        {
            process.Refresh();
            return process.WorkingSet64;
        }
        catch (InvalidOperationException)
        {
            // It has ended just now.
            return 0;
        }
    }

    private static long SizeOf(string folder)
    {
        try
        {
            return new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories).Sum(f => f.Exists ? f.Length : 0);
        }
        catch (IOException)
        {
            // Files of git come and go meanwhile; the next look tells.
            return 0;
        }
    }
}

/// <summary>What a command must not outgrow.</summary>
/// <param name="Folder">A folder; null: none.</param>
/// <param name="Memory">Its memory; 0: as it likes.</param>
internal sealed record Bounds(string? Folder, long Memory);

/// <summary>What a command of git came to.</summary>
/// <param name="Code">0: it succeeded.</param>
/// <param name="Output">Standard output.</param>
/// <param name="Error">Standard error.</param>
internal sealed record GitResult(int Code, byte[] Output, string Error)
{
    public string Text => Encoding.UTF8.GetString(Output);
}

/// <summary>A remote, and what opens it.</summary>
/// <param name="Url">Where it is.</param>
/// <param name="User">User for https.</param>
/// <param name="Secret">Password or token for https, private key for ssh.</param>
internal sealed record SourceRemote(SourceUrl Url, string? User, string? Secret);
