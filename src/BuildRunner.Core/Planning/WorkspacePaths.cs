namespace BuildRunner.Core.Planning;

/// <summary>Where the source lies in containers.</summary>
internal static class WorkspacePaths
{
    /// <summary>Where the shared volume is mounted, unless the file says otherwise; always, for plugins.</summary>
    public const string DefaultBase = "/woodpecker";

    /// <summary>The repository's folder below the base: <c>src/HOST/OWNER/NAME</c>; <c>src</c> if the repository's address is not known.</summary>
    public static string DefaultPath(string? repositoryUrl)
    {
        if (!Uri.TryCreate(repositoryUrl, UriKind.Absolute, out var url) || url.Host.Length == 0)
            return "src";
        return Join("src", url.Host, Uri.UnescapeDataString(url.AbsolutePath));
    }

    /// <summary>False: what is mounted there would cover the whole container, its devices, or what the kernel shows, which runtimes look for by name.</summary>
    /// <param name="path">As <see cref="Join"/> returned it.</param>
    public static bool MayBeBase(string path) => path.Split('/')[1] is not ("" or "dev" or "proc" or "sys" or ".buildrunner");

    /// <summary>Joins parts to one path without empty parts, <c>.</c> and <c>..</c>; absolute if the first part is.</summary>
    public static string Join(params string[] parts)
    {
        var segments = parts.SelectMany(part => part.Split('/')).Where(segment => segment is not ("" or "." or "..") && !segment.Any(char.IsControl));
        return (parts[0].StartsWith('/') ? "/" : "") + string.Join('/', segments);
    }
}
