namespace BuildRunner.EndToEnd.Tests.Deploying;

/// <summary>Base images made of this machine's own packages: no registry can be reached here. Each has the files of its packages and of all that these depend on, and nothing else.</summary>
/// <remarks>What they do not show: the packages of the distribution that the real base images are made of.</remarks>
internal static class MachineImage
{
    private const string Status = "/var/lib/dpkg/status";

    // git wants it for verbs that nobody here calls; it is a quarter of the image.
    private static readonly string[] LeftOut = ["perl", "perl-base", "libperl5.36", "perl-modules-5.36", "liberror-perl", "debconf", "dpkg"];

    private static readonly string[] Skipped = ["/usr/share/doc/", "/usr/share/man/", "/usr/share/locale/", "/usr/share/info/", "/usr/share/lintian/", "/usr/share/bug/"];

    /// <summary>The files of packages and their dependencies.</summary>
    public static IEnumerable<string> FilesOf(params IEnumerable<string> packages)
    {
        var known = Packages();
        var (seen, open) = (new HashSet<string>(StringComparer.Ordinal), new Stack<string>(packages));
        while (open.TryPop(out var name))
        {
            if (LeftOut.Contains(name) || !known.TryGetValue(name, out var needs) || !seen.Add(name))
            {
                continue;
            }

            needs.ForEach(open.Push);
            var list = new[] { name, name + ":amd64", name + ":arm64" }.Select(n => $"/var/lib/dpkg/info/{n}.list").FirstOrDefault(File.Exists);
            foreach (var file in list is null ? [] : File.ReadLines(list))
            {
                if (!Skipped.Any(s => file.StartsWith(s, StringComparison.Ordinal)) && (new FileInfo(file).LinkTarget is not null || !Directory.Exists(file)) && Path.Exists(file))
                {
                    yield return file;
                }
            }
        }
    }

    /// <summary>The script that writes an image's file system as an archive to its output. <c>$1</c> is a list of files, <c>$2</c> a folder that is laid over the root.</summary>
    public static async Task<string> ArchiveScriptAsync(string folder, IEnumerable<string> files)
    {
        var skeleton = Path.Combine(folder, "skeleton");
        foreach (var part in new[] { "usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "proc", "sys", "dev", "run", "var/lib", "root", "etc" })
        {
            Directory.CreateDirectory(Path.Combine(skeleton, part));
        }

        foreach (var link in new[] { "bin", "sbin", "lib", "lib64" })
        {
            File.CreateSymbolicLink(Path.Combine(skeleton, link), "usr/" + link);
        }

        // The loader finds libraries of the usual folders without its cache.
        Directory.CreateDirectory(Path.Combine(skeleton, "tmp"));
        File.SetUnixFileMode(Path.Combine(skeleton, "tmp"), (UnixFileMode)0b1_111_111_111);
        File.CreateSymbolicLink(Path.Combine(skeleton, "usr/bin/sh"), "bash");
        await File.WriteAllLinesAsync(Path.Combine(folder, "files"), files.Select(Merged).Distinct().Where(f => f is not ("usr/bin/sh" or "bin" or "sbin" or "lib" or "lib64")));
        return $"tar -c -C '{skeleton}' . -C / -T '{folder}/files'";
    }

    /// <summary>What .NET is, where Microsoft's images have it.</summary>
    /// <param name="parts">Folders of it.</param>
    public static IEnumerable<string> Dotnet(params IEnumerable<string> parts)
    {
        var root = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "../../.."));
        Assert.Equal("/usr/share/dotnet", root);
        return [$"{root}/dotnet", .. parts.Select(p => $"{root}/{p}")];
    }

    // Packages name files below /bin and /lib, which are links.
    private static string Merged(string file) => (new[] { "/bin/", "/sbin/", "/lib/", "/lib64/" }.Any(f => file.StartsWith(f, StringComparison.Ordinal)) ? "usr" + file : file[1..]);

    private static Dictionary<string, List<string>> Packages()
    {
        var known = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        foreach (var paragraph in File.ReadAllText(Status).Split("\n\n"))
        {
            var fields = paragraph.Split('\n').Where(l => l.Length > 0 && l[0] != ' ').Select(l => l.Split(": ", 2)).Where(p => p.Length == 2).ToDictionary(p => p[0], p => p[1]);
            if (fields.TryGetValue("Package", out var name) && fields.GetValueOrDefault("Status", "").EndsWith(" installed", StringComparison.Ordinal))
            {
                known[name] = [.. new[] { "Pre-Depends", "Depends" }.SelectMany(f => fields.GetValueOrDefault(f, "").Split(',')).Select(d => d.Split('|')[0].Trim().Split(' ', ':')[0])];
            }
        }

        return known;
    }
}
