using System.IO.Compression;
using System.Text.RegularExpressions;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>Known holes of OCI runtimes through which a container gets at its host, by the versions that closed them.</summary>
/// <remarks>
/// Distributions close holes in older versions and keep the number: what the changelog of the runtime's Debian package names is closed. A list of this kind is never whole; a
/// runtime in which nothing is found may have holes all the same.
/// </remarks>
internal static partial class RuntimeHoles
{
    private static readonly Hole[] All =
    [
        new("runc", "CVE-2019-5736", "the runtime's program can be overwritten from inside", ["1.0.0-rc.7"]),
        new("runc", "CVE-2021-30465", "mounts follow links that change meanwhile", ["1.0.0-rc.95"]),
        new("runc", "CVE-2023-27561", "links in the place of /proc escape the masking", ["1.1.5"]),
        new("runc", "CVE-2024-21626", "a working directory leads to the host's files", ["1.1.12"]) { Since = "1.0.0-rc.93" },
        new("runc", "CVE-2024-45310", "empty files can be made on the host", ["1.1.14", "1.2.0-rc.3"]),
        new("runc", "CVE-2025-31133", "masked paths can be made writable", ["1.2.8", "1.3.3", "1.4.0-rc.3"]),
        new("runc", "CVE-2025-52565", "the console's mount can be led elsewhere", ["1.2.8", "1.3.3", "1.4.0-rc.3"]),
        new("runc", "CVE-2025-52881", "writes to /proc can be led elsewhere", ["1.2.8", "1.3.3", "1.4.0-rc.3"]),
        new("runc", "CVE-2026-41579", "an image's link in the place of /dev lets a few names be made on the host; BuildRunner removes such links first", ["1.3.6", "1.4.3", "1.5.0-rc.3"]),
        new("crun", "CVE-2019-18837", "links of an image lead to the host's files", ["0.10.5"]),
        new("crun", "CVE-2022-27650", "capabilities are inherited that should not be", ["1.4.4"]),
        new("crun", "CVE-2025-24965", "an image's configuration writes to the host, with the krun handler", ["1.20"]),
        new("crun", "CVE-2026-30892", "exec takes the user 1 for root; BuildRunner does not use it", ["1.27"]) { Since = "1.19" },
        new("youki", "CVE-2025-62161", "masked paths can be made writable", ["0.5.7"]),
        new("youki", "CVE-2025-62596", "writes to /proc can be led elsewhere", ["0.5.7"]),
    ];

    /// <summary>The holes that this runtime has, as far as its version tells; null if it cannot be told.</summary>
    /// <param name="output">What <c>--version</c> printed.</param>
    /// <param name="changelog">The changelog of its package; empty if there is none.</param>
    public static IReadOnlyList<string>? Of(string output, string changelog)
    {
        var match = FirstLine().Match(output);
        if (!match.Success || RuntimeVersion.TryParse(match.Groups["version"].Value) is not { } version)
        {
            return null;
        }

        var closed = Identifiers().Matches(changelog).Select(m => m.Value).ToHashSet(StringComparer.Ordinal);
        return
        [
            .. All.Where(h => h.Runtime == match.Groups["name"].Value && h.IsIn(version) && !closed.Contains(h.Id))
                .Select(h => $"{h.Id} ({h.What}; closed in {string.Join(", ", h.Fixed)})"),
        ];
    }

    /// <summary>The changelog of the Debian package that a runtime's own version line speaks of; empty for any other build.</summary>
    /// <param name="output">What <c>--version</c> printed.</param>
    /// <param name="documents">Where packages' documents lie.</param>
    public static string ChangelogOf(string output, string documents = "/usr/share/doc")
    {
        // commit: 1.1.5+ds1-1+deb12u1
        if (FirstLine().Match(output) is not { Success: true } match || DebianCommit().Match(output) is not { Success: true } built)
        {
            return "";
        }

        try
        {
            using var file = File.OpenRead($"{documents}/{match.Groups["name"].Value}/changelog.Debian.gz");
            using var reader = new StreamReader(new GZipStream(file, CompressionMode.Decompress));
            var text = reader.ReadToEnd();

            // Another version's changelog says nothing of this program, which may have been put in its place by hand.
            return text.Contains($"({built.Groups["revision"].Value})", StringComparison.Ordinal) && text.IndexOf($"({built.Groups["revision"].Value})", StringComparison.Ordinal) < 200 ? text : "";
        }
        catch (Exception missing) when (missing is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            // A slim system has no documents.
            return "";
        }
    }

    [GeneratedRegex(@"\A(?<name>runc|crun|youki) version:? (?<version>\S+)", RegexOptions.ExplicitCapture)]
    private static partial Regex FirstLine();

    [GeneratedRegex(@"^commit:? (?<revision>\d\S*-\d\S*)$", RegexOptions.ExplicitCapture | RegexOptions.Multiline)]
    private static partial Regex DebianCommit();

    [GeneratedRegex(@"CVE-\d{4}-\d{4,7}")]
    private static partial Regex Identifiers();

    /// <param name="Runtime">The runtime's name, as it says itself.</param>
    /// <param name="Id">Its public number.</param>
    /// <param name="What">What it lets a container do.</param>
    /// <param name="Fixed">The first version without it, of each series that was mended.</param>
    private sealed record Hole(string Runtime, string Id, string What, string[] Fixed)
    {
        /// <summary>The first version that has it; empty: all before.</summary>
        public string Since { get; init; } = "";

        /// <summary>A version is mended by the first one of its own series, or is of a series after all of them.</summary>
        public bool IsIn(RuntimeVersion version)
        {
            if (RuntimeVersion.TryParse(Since) is { } since && version.CompareTo(since) < 0)
            {
                return false;
            }

            var versions = Fixed.Select(f => RuntimeVersion.TryParse(f)!).Order().ToList();
            var own = versions.Find(f => (f.Major, f.Minor) == (version.Major, version.Minor));
            return version.CompareTo(own ?? versions[^1]) < 0;
        }
    }
}
