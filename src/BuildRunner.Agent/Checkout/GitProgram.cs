using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using BuildRunner.Containers.Engine;
using BuildRunner.Core.AgentContract;

namespace BuildRunner.Agent.Checkout;

/// <summary>The machine's own git, with nothing of the machine's or a user's settings, and with every transport shut that is not wanted.</summary>
/// <param name="folder">A folder of its own: settings, known hosts.</param>
/// <param name="trust">Whom ssh and https trust.</param>
internal sealed class GitProgram(string folder, SourceTrust trust)
{
    /// <summary>The settings of every call, here and in containers.</summary>
    public const string Configuration = """
        [protocol]
            allow = never
        [protocol "https"]
            allow = always
        [protocol "ssh"]
            allow = always
        [core]
            hooksPath = /dev/null
            fsmonitor = false
            askPass =
        [init]
            templateDir =
            defaultBranch = main
        [gc]
            auto = 0
        [maintenance]
            auto = false
        [advice]
            detachedHead = false
        [fetch]
            recurseSubmodules = false
            writeCommitGraph = false
        [credential]
            helper =
        [safe]
            directory = *
        [uploadpack]
            allowFilter = true
            allowAnySHA1InWant = true
        [filter "lfs"]
            required = false

        """;

    private const int ErrorTail = 16 * 1024;

    private static readonly string[] Passed = ["PATH", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"];

    private readonly Lazy<string> configuration = new(() =>
    {
        var path = Path.Combine(Work.DurableFile.MakeDirectory(folder), "config");
        Work.DurableFile.Write(path, Encoding.UTF8.GetBytes(Configuration));
        return path;
    });

    /// <summary>Runs it; whatever it answers is a result.</summary>
    /// <param name="repository">The bare repository to work in.</param>
    /// <param name="access">How to reach the source; null: nothing is reached.</param>
    /// <param name="arguments">Command and arguments.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<GitAnswer> RunAsync(string repository, GitAccess? access, IReadOnlyList<string> arguments, CancellationToken cancellationToken)
    {
        var info = new ProcessStartInfo("git") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder };
        info.ArgumentList.Add("--git-dir=" + repository);
        foreach (var argument in arguments)
        {
            info.ArgumentList.Add(argument);
        }

        Prepare(info, access);
        Process process;
        try
        {
            process = Process.Start(info) ?? throw new InvalidOperationException("no process was started");
        }
        catch (Exception e) when (e is Win32Exception or InvalidOperationException)
        {
            throw new ContainerException(ContainerFailure.EngineUnavailable, $"the source cannot be cloned: this machine has no git ({e.Message}); install it, version 2.39 or newer, or name an image in Agent:CloneImage", innerException: e);
        }

        using (process)
        {
            process.StandardInput.Close();
            await using var ending = cancellationToken.Register(() => process.Kill(entireProcessTree: true));
            var output = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
            var errors = await TailAsync(process.StandardError);
            await process.WaitForExitAsync(CancellationToken.None);
            cancellationToken.ThrowIfCancellationRequested();
            return new GitAnswer(process.ExitCode, await output, errors);
        }
    }

    private void Prepare(ProcessStartInfo info, GitAccess? access)
    {
        var all = new Dictionary<string, string?>(info.Environment);
        info.Environment.Clear();
        foreach (var name in Passed)
        {
            if (all.GetValueOrDefault(name) is { Length: > 0 } value)
            {
                info.Environment[name] = value;
            }
        }

        if ((trust.CertificateAuthorities ?? all.GetValueOrDefault("SSL_CERT_FILE")) is { Length: > 0 } certificates)
        {
            info.Environment["GIT_SSL_CAINFO"] = certificates;
        }

        info.Environment["HOME"] = folder;
        info.Environment["LC_ALL"] = "C";
        info.Environment["GIT_CONFIG_NOSYSTEM"] = "1";
        info.Environment["GIT_CONFIG_GLOBAL"] = configuration.Value;
        info.Environment["GIT_TERMINAL_PROMPT"] = "0";
        info.Environment["GIT_LITERAL_PATHSPECS"] = "1";
        info.Environment["GIT_LFS_SKIP_SMUDGE"] = "1";
        access?.Prepare(info.Environment, folder, trust);
    }

    private static async Task<string> TailAsync(StreamReader reader)
    {
        var tail = new StringBuilder();
        var buffer = new char[4096];
        while (await reader.ReadAsync(buffer) is > 0 and var count)
        {
            tail.Append(buffer, 0, count);
            tail.Remove(0, Math.Max(0, tail.Length - ErrorTail));
        }

        return tail.ToString();
    }
}

/// <summary>Whom a machine trusts when it fetches sources.</summary>
/// <param name="KnownHosts">The file with host keys that ssh trusts, and no others; null: the first key that a host shows.</param>
/// <param name="CertificateAuthorities">The file with certificates of authorities for https; null: the system's.</param>
internal sealed record SourceTrust(string? KnownHosts, string? CertificateAuthorities);

/// <summary>What git said.</summary>
internal sealed record GitAnswer(int Code, string Output, string Errors)
{
    /// <summary>The line of it that says most.</summary>
    public string Reason => Errors.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) is { Length: > 0 } lines
        ? lines.LastOrDefault(l => l.StartsWith("fatal:", StringComparison.Ordinal) || l.StartsWith("ERROR:", StringComparison.Ordinal) || l.StartsWith("error:", StringComparison.Ordinal)) ?? lines[^1]
        : $"git ended with {Code}";
}

/// <summary>How git reaches one source: with this credential, by this transport, and by no other.</summary>
/// <param name="Url">The source.</param>
/// <param name="User">User for https; null: <c>x-access-token</c>, which every forge takes with a token.</param>
/// <param name="Secret">Password or token for https, private key for ssh; null: none.</param>
/// <param name="KeyFile">Where the private key lies; null unless it is one.</param>
internal sealed record GitAccess(SourceUrl Url, string? User, string? Secret, string? KeyFile)
{
    /// <summary>The only address at which its host is; null: wherever its name leads, and where it sends on.</summary>
    public System.Net.IPAddress? At { get; init; }

    // The secret is in the environment of git alone: not in its arguments, which everybody on the machine can read, nor in any file of a repository.
    private const string Helper = """!f() { test "$1" = get && printf 'username=%s\npassword=%s\n' "$BUILDRUNNER_GIT_USER" "$BUILDRUNNER_GIT_SECRET"; }; f""";

    /// <summary>Completes git's environment.</summary>
    public void Prepare(IDictionary<string, string?> environment, string folder, SourceTrust trust)
    {
        var settings = new List<(string Key, string Value)>();
        if (Url.Kind == SourceKind.Folder)
        {
            settings.Add(("protocol.file.allow", "always"));
        }

        if (Url.Kind == SourceKind.Https && At is { } address)
        {
            var uri = new Uri(Url.Text);
            settings.Add(("http.curloptResolve", $"{uri.IdnHost}:{uri.Port}:{address}"));
            settings.Add(("http.followRedirects", "false"));
        }

        if (Url.Kind == SourceKind.Https && Secret is { } secret)
        {
            settings.Add(($"credential.https://{Url.Host}.helper", Helper));
            environment["BUILDRUNNER_GIT_USER"] = User ?? "x-access-token";
            environment["BUILDRUNNER_GIT_SECRET"] = secret;
        }

        if (Url.Kind == SourceKind.Ssh)
        {
            var identity = KeyFile is { } key ? $"-o IdentitiesOnly=yes -i {Quoted(key)} " : string.Concat(HomeKeys.Find().Select(k => $"-i {Quoted(k)} "));
            environment["GIT_SSH_VARIANT"] = "ssh";
            var known = trust.KnownHosts is { } file
                ? $"StrictHostKeyChecking=yes -o GlobalKnownHostsFile=none -o UserKnownHostsFile={Quoted(file)}"
                : $"StrictHostKeyChecking=accept-new -o UserKnownHostsFile={Quoted(Path.Combine(folder, "known_hosts"))}";
            var place = At is null ? "" : $"-o HostName={At} -o HostKeyAlias={new Uri(Url.Text).IdnHost} ";
            environment["GIT_SSH_COMMAND"] = $"ssh -F /dev/null {identity}{place}-o BatchMode=yes -o ConnectTimeout=15 -o {known}";
        }

        environment["GIT_CONFIG_COUNT"] = settings.Count.ToString(System.Globalization.CultureInfo.InvariantCulture);
        for (var i = 0; i < settings.Count; i++)
        {
            environment[$"GIT_CONFIG_KEY_{i}"] = settings[i].Key;
            environment[$"GIT_CONFIG_VALUE_{i}"] = settings[i].Value;
        }
    }

    private static string Quoted(string path) => "'" + path.Replace("'", "'\\''", StringComparison.Ordinal) + "'";
}
