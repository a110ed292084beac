namespace BuildRunner.Cli.Running;

/// <summary><c>--image-map FROM=TO</c>, and files of such lines: other images in the place of those that steps name.</summary>
internal static class ImageMap
{
    /// <summary>Files first, then flags, which win.</summary>
    /// <exception cref="CliException">A file cannot be read, or something is not <c>FROM=TO</c>.</exception>
    public static IReadOnlyDictionary<string, string> Read(IEnumerable<string> files, IEnumerable<string> given, CliHost host)
    {
        var map = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var file in files)
        {
            var path = Path.GetFullPath(file, host.Directory);
            var lines = InputFile.ReadLines("--image-map-file", path);
            for (var i = 0; i < lines.Length; i++)
            {
                var line = lines[i].Trim();
                if (line.Length > 0 && line[0] != '#')
                {
                    Add(map, line, $"{path}({i + 1})");
                }
            }
        }

        foreach (var text in given)
        {
            Add(map, text, "--image-map");
        }

        return map;
    }

    // A reference can hold no '=': the first one is the border.
    private static void Add(Dictionary<string, string> map, string text, string where)
    {
        if (text.Split('=', 2, StringSplitOptions.TrimEntries) is not [{ Length: > 0 } from, { Length: > 0 } to])
        {
            throw new CliException(ExitCode.Usage, $"{where}: '{text}' is not FROM=TO, as in node:22=rootfs:/");
        }

        map[from] = to;
    }
}
