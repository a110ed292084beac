using System.Globalization;
using System.Text;
using BuildRunner.Core.AgentContract;

namespace BuildRunner.Server.Sources;

/// <summary>What git needs to open a remote, for the time of one command: in its environment, which other users cannot read, and never in its arguments.</summary>
internal sealed class GitAccess : IDisposable
{
    // Between clocks.
    private static readonly TimeSpan Doubt = TimeSpan.FromMinutes(1);
    private readonly string? keyFile;

    private GitAccess(string? keyFile, Dictionary<string, string> environment)
    {
        this.keyFile = keyFile;
        Environment = environment;
    }

    public IReadOnlyDictionary<string, string> Environment { get; }

    public static GitAccess Open(string folder, SourceRemote remote, SourceOptions options) => remote.Url switch
    {
        SourceUrl.Https https => new GitAccess(null, OfHttps(https, remote, options)),
        SourceUrl.Ssh => OfSsh(folder, remote, options),
        _ => new GitAccess(null, []),
    };

    public void Dispose()
    {
        if (keyFile is not null)
        {
            File.Delete(keyFile);
        }
    }

    /// <summary>Removes keys that a process left which was killed: they are older than any command of git may become, at any server that shares the folder.</summary>
    public static void RemoveLeft(string folder, SourceOptions options, DateTimeOffset now)
    {
        foreach (var key in Directory.Exists(folder) ? Directory.EnumerateFiles(folder, "key-*") : [])
        {
            if (File.GetLastWriteTimeUtc(key) < now - options.Timeout - Doubt)
            {
                File.Delete(key);
            }
        }
    }

    // Bound to the remote's own address: a redirect or a submodule elsewhere gets nothing.
    private static Dictionary<string, string> OfHttps(SourceUrl.Https url, SourceRemote remote, SourceOptions options)
    {
        var settings = new List<(string Key, string Value)>();
        if (remote.Secret is { } secret)
        {
            var basic = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{remote.User ?? "x-access-token"}:{secret}"));
            settings.Add(($"http.{url.Uri.GetLeftPart(UriPartial.Authority)}/.extraHeader", $"Authorization: Basic {basic}"));
        }

        var environment = new Dictionary<string, string> { ["GIT_CONFIG_COUNT"] = settings.Count.ToString(CultureInfo.InvariantCulture) };
        for (var i = 0; i < settings.Count; i++)
        {
            environment[$"GIT_CONFIG_KEY_{i}"] = settings[i].Key;
            environment[$"GIT_CONFIG_VALUE_{i}"] = settings[i].Value;
        }

        if (options.CertificateAuthorities is { } file)
        {
            environment["GIT_SSL_CAINFO"] = file;
        }

        return environment;
    }

    private static GitAccess OfSsh(string folder, SourceRemote remote, SourceOptions options)
    {
        string? key = null;
        var command = new StringBuilder("ssh -F none -o BatchMode=yes -o ConnectTimeout=20 -o ClearAllForwardings=yes -o PermitLocalCommand=no -o UpdateHostKeys=no");
        if (options.KnownHosts is { } known)
        {
            command.Append(" -o StrictHostKeyChecking=yes -o ").Append(Quoted($"UserKnownHostsFile=\"{known}\""));
        }
        else
        {
            command.Append(" -o StrictHostKeyChecking=accept-new -o ").Append(Quoted($"UserKnownHostsFile=\"{Path.Combine(folder, "known_hosts")}\""));
        }

        if (remote.Secret is { } secret)
        {
            key = Path.Combine(folder, $"key-{Guid.NewGuid():N}");
            var creation = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite };
            using var file = new FileStream(key, creation);
            file.Write(Encoding.ASCII.GetBytes(secret.ReplaceLineEndings("\n").TrimEnd('\n') + "\n"));
            RemoveLeft(folder, options, File.GetLastWriteTimeUtc(key));
            command.Append(" -o IdentityAgent=none -o IdentitiesOnly=yes -i ").Append(Quoted(key));
        }
        else
        {
            HomeKeys.Find().ToList().ForEach(k => command.Append(" -i ").Append(Quoted(k)));
        }

        return new GitAccess(key, new Dictionary<string, string> { ["GIT_SSH_COMMAND"] = command.ToString(), ["GIT_SSH_VARIANT"] = "ssh" });
    }

    // git hands this one text to a shell; within single quotes nothing but the single quote means anything.
    private static string Quoted(string text) => "'" + text.Replace("'", "'\\''", StringComparison.Ordinal) + "'";
}
