using System.Text.RegularExpressions;
using BuildRunner.Containers.Engine;

namespace BuildRunner.Agent.Checkout;

/// <summary>Where a source is: https, ssh, or a folder of this machine. Nothing else, and nothing that git could take for an option or a command.</summary>
/// <param name="Text">As git gets it; without credentials.</param>
/// <param name="Kind">How it is reached.</param>
/// <param name="Host">The host with its port; empty for a folder.</param>
internal sealed partial record SourceUrl(string Text, SourceKind Kind, string Host)
{
    /// <summary>Reads an address.</summary>
    /// <param name="text">What was written.</param>
    /// <param name="allowedFolders">Folders of this machine below which sources may lie.</param>
    /// <exception cref="ContainerException">It is none, or not allowed; the message says what is.</exception>
    public static SourceUrl Parse(string text, IReadOnlyList<string> allowedFolders)
    {
        if (text.Any(c => c is <= ' ' or (char)127))
        {
            throw Refused(text, "it has blanks or control characters");
        }

        if (text.StartsWith('/'))
        {
            return OfFolder(text, allowedFolders);
        }

        if (ScpPattern().Match(text) is { Success: true } scp && !text.Contains("://", StringComparison.Ordinal))
        {
            text = $"ssh://{scp.Groups["user"].Value}{scp.Groups["host"].Value}/{scp.Groups["path"].Value.TrimStart('/')}";
        }

        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Scheme is not ("https" or "ssh"))
        {
            throw Refused(text, "it is neither https://…, nor ssh://…, nor user@host:path, nor a path");
        }

        if (!HostPattern().IsMatch(uri.Host) || uri.AbsolutePath.Length < 2 || uri.AbsolutePath.StartsWith("/-", StringComparison.Ordinal) || uri.UserInfo.StartsWith('-'))
        {
            throw Refused(uri.GetLeftPart(UriPartial.Path), "its host or path is none");
        }

        var user = uri.UserInfo.Split(':')[0];
        if (uri.UserInfo.Contains(':') || (uri.Scheme == "https" && user.Length > 0))
        {
            throw Refused($"{uri.Scheme}://***@{uri.Authority}{uri.AbsolutePath}", "it holds a credential, which would be left in the workspace; keep it as the repository's secret");
        }

        var shown = uri.Scheme == "ssh" && user.Length > 0 ? $"ssh://{user}@{uri.Authority}{uri.AbsolutePath}" : $"{uri.Scheme}://{uri.Authority}{uri.AbsolutePath}";
        return new SourceUrl(shown, uri.Scheme == "ssh" ? SourceKind.Ssh : SourceKind.Https, uri.Authority);
    }

    /// <summary>An address as a submodule has it, which may be relative to that of the repository it is in.</summary>
    public SourceUrl Resolve(string text, IReadOnlyList<string> allowedFolders)
    {
        if (!text.StartsWith("./", StringComparison.Ordinal) && !text.StartsWith("../", StringComparison.Ordinal))
        {
            return Parse(text, allowedFolders);
        }

        var at = Text.TrimEnd('/');
        var root = Kind == SourceKind.Folder ? 0 : at.IndexOf('/', at.IndexOf("://", StringComparison.Ordinal) + 3);
        while (true)
        {
            if (text.StartsWith("./", StringComparison.Ordinal))
            {
                text = text[2..];
            }
            else if (text.StartsWith("../", StringComparison.Ordinal))
            {
                text = text[3..];
                var slash = at.LastIndexOf('/');
                at = slash > root || (slash == root && slash >= 0) ? at[..slash] : throw Refused(text, "it leads above the host");
            }
            else
            {
                return Parse($"{at}/{text}", allowedFolders);
            }
        }
    }

    // Links are followed first: what is allowed is where it really is.
    private static SourceUrl OfFolder(string text, IReadOnlyList<string> allowedFolders)
    {
        var path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(text));
        var real = Directory.Exists(path) ? Path.TrimEndingDirectorySeparator(new DirectoryInfo(path).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? path) : path;
        return allowedFolders.Any(a => real == a.TrimEnd('/') || real.StartsWith(a.TrimEnd('/') + "/", StringComparison.Ordinal))
            ? new SourceUrl(real, SourceKind.Folder, "")
            : throw Refused(text, "folders of this machine are cloned only where the agent's settings allow them (Agent:LocalRepositories)");
    }

    private static ContainerException Refused(string text, string why) => new(ContainerFailure.AccessDenied, $"the source '{text}' is not cloned: {why}");

    [GeneratedRegex(@"\A(?<user>[A-Za-z0-9_][A-Za-z0-9_.-]*@)(?<host>[A-Za-z0-9][A-Za-z0-9.-]*):(?<path>[^-].*)\z", RegexOptions.ExplicitCapture)]
    private static partial Regex ScpPattern();

    [GeneratedRegex(@"\A([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])\z", RegexOptions.ExplicitCapture)]
    private static partial Regex HostPattern();
}

/// <summary>How a source is reached.</summary>
internal enum SourceKind
{
    /// <summary>Over https.</summary>
    Https,

    /// <summary>Over ssh.</summary>
    Ssh,

    /// <summary>In a folder of this machine.</summary>
    Folder,
}
