using System.Diagnostics.CodeAnalysis;

namespace BuildRunner.Server.Sources;

/// <summary>Where a repository is cloned from: https, ssh, or a folder of this machine. A closed hierarchy; no other transport has a form here, so none can be asked for.</summary>
public abstract record SourceUrl
{
    private const int MaxLength = 1000;

    private SourceUrl()
    {
    }

    /// <summary>As git takes it; never begins with a dash, and never holds a credential.</summary>
    public abstract string Text { get; }

    /// <summary>The one protocol that git may speak for it.</summary>
    internal abstract string Protocol { get; }

    /// <summary>Over https.</summary>
    /// <param name="Uri">The address.</param>
    public sealed record Https(Uri Uri) : SourceUrl
    {
        /// <inheritdoc/>
        public override string Text => Uri.AbsoluteUri;

        internal override string Protocol => "https";
    }

    /// <summary>Over ssh.</summary>
    /// <param name="User">The user.</param>
    /// <param name="Host">The host.</param>
    /// <param name="Port">The port; null: the usual one.</param>
    /// <param name="Path">The path, from its first character on.</param>
    public sealed record Ssh(string User, string Host, int? Port, string Path) : SourceUrl
    {
        /// <inheritdoc/>
        public override string Text => $"ssh://{User}@{Host}{(Port is { } port ? ":" + port : "")}/{Path.TrimStart('/')}";

        internal override string Protocol => "ssh";
    }

    /// <summary>A folder of the server's machine.</summary>
    /// <param name="Path">Absolute, without links.</param>
    public sealed record Local(string Path) : SourceUrl
    {
        /// <inheritdoc/>
        public override string Text => Path;

        internal override string Protocol => "file";
    }

    /// <summary>Reads an address as an administrator writes it.</summary>
    /// <param name="text">The address.</param>
    /// <param name="allowedFolders">Folders whose repositories may be used by their path.</param>
    /// <param name="url">The address.</param>
    /// <param name="problem">Why it is none, as a sentence without what was written.</param>
    public static bool TryParse(string? text, IReadOnlyList<string> allowedFolders, [NotNullWhen(true)] out SourceUrl? url, [NotNullWhen(false)] out string? problem)
    {
        (url, problem) = text switch
        {
            null or "" => (null, "the address is empty"),
            { Length: > MaxLength } => (null, $"the address is longer than {MaxLength} characters"),
            _ when text.Any(c => char.IsControl(c) || c == ' ') => (null, "the address holds spaces or control characters"),
            ['/', ..] => OfPath(text, allowedFolders),
            _ when text.StartsWith("https://", StringComparison.OrdinalIgnoreCase) => OfHttps(text),
            _ when text.StartsWith("ssh://", StringComparison.OrdinalIgnoreCase) => OfSsh(text),
            _ when text.StartsWith("http://", StringComparison.OrdinalIgnoreCase) => (null, "over plain http whoever is on the way could put other code into a repository, and would read its credential; use https, for which Sources:CertificateAuthorities may name an authority of your own, or ssh"),
            _ when !text.Contains("://", StringComparison.Ordinal) && !text.Contains("::", StringComparison.Ordinal) => OfScp(text),
            _ => (null, "only https, ssh and folders that an administrator allowed can be cloned from"),
        };
        return url is not null;
    }

    private static (SourceUrl? Url, string? Problem) OfHttps(string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Host.Length == 0 || uri.AbsolutePath.Length < 2)
        {
            return (null, "the address is not of the form https://HOST/PATH");
        }

        return uri.UserInfo.Length > 0 || uri.Query.Length > 0 || uri.Fragment.Length > 0
            ? (null, "the address holds a user, a password, a query or a fragment; give user and credential apart from it, where they are kept sealed")
            : (new Https(uri), null);
    }

    private static (SourceUrl? Url, string? Problem) OfSsh(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var uri) && !uri.UserInfo.Contains(':')
            ? Checked(uri.UserInfo.Length == 0 ? "git" : uri.UserInfo, uri.Host, uri.IsDefaultPort || uri.Port < 0 ? null : uri.Port, uri.AbsolutePath.TrimStart('/'))
            : (null, "the address is not of the form ssh://USER@HOST/PATH");

    // git@github.com:owner/name.git
    private static (SourceUrl? Url, string? Problem) OfScp(string text)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var at = text.IndexOf('@', StringComparison.Ordinal);
        return colon > 0 && at > 0 && at < colon
            ? Checked(text[..at], text[(at + 1)..colon], null, text[(colon + 1)..])
            : (null, "the address is neither https://HOST/PATH, ssh://USER@HOST/PATH, USER@HOST:PATH nor an absolute path");
    }

    // What ssh or the shell at the other end could take for an option or a command has no place in any part.
    private static (SourceUrl? Url, string? Problem) Checked(string user, string host, int? port, string path)
    {
        var fine = user.Length > 0 && user[0] != '-' && user.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_')
            && host.Length > 0 && host[0] != '-' && host.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or ':' or '[' or ']')
            && path.Length > 0 && path[0] != '-' && path.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' or '/' or '~' or '+' or '%');
        return fine ? (new Ssh(user, host, port, path), null) : (null, "user, host or path of the ssh address hold characters that they may not hold");
    }

    private static (SourceUrl? Url, string? Problem) OfPath(string text, IReadOnlyList<string> allowedFolders)
    {
        if (allowedFolders.Count == 0)
        {
            return (null, "repositories are not cloned from folders of the server's machine; an administrator can allow folders with Sources:LocalFolders");
        }

        // By what it really is: a link below an allowed folder leads nowhere else.
        var real = RealPath(text);
        return allowedFolders.Any(f => real is not null && (real + "/").StartsWith(RealPath(f)?.TrimEnd('/') + "/", StringComparison.Ordinal))
            ? (new Local(real!), null)
            : (null, $"there is no such folder below those that Sources:LocalFolders allows ({string.Join(", ", allowedFolders)})");
    }

    private static string? RealPath(string path)
    {
        try
        {
            var at = "/";
            foreach (var part in Path.GetFullPath(path).Split('/', StringSplitOptions.RemoveEmptyEntries))
            {
                at = Path.Combine(at, part);
                if (new DirectoryInfo(at).ResolveLinkTarget(returnFinalTarget: true) is { } target)
                {
                    at = RealPath(target.FullName)!;
                }
            }

            return Directory.Exists(at) ? at : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            // A loop of links, or a folder that this process may not see: nothing that could be cloned.
            return null;
        }
    }
}
