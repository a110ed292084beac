namespace BuildRunner.Cli.Running;

/// <summary>Reads <c>NAME[=VALUE]</c> flags and files of <c>NAME=VALUE</c> lines.</summary>
internal static class NameValues
{
    /// <summary>Files first, then flags, which win.</summary>
    /// <param name="flag">The flag, for messages.</param>
    /// <param name="files">Files.</param>
    /// <param name="given">Flags.</param>
    /// <param name="host">For the environment and the directory.</param>
    /// <exception cref="CliException">A file cannot be read, or a value is missing.</exception>
    public static Dictionary<string, string> Read(string flag, string[]? files, string[]? given, CliHost host)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in (files ?? []).SelectMany(f => ReadFile(flag, Path.GetFullPath(f, host.Directory))))
        {
            values[name] = value;
        }

        foreach (var text in given ?? [])
        {
            var at = text.IndexOf('=', StringComparison.Ordinal);
            var name = at < 0 ? text : text[..at];
            values[Checked(flag, name)] = at >= 0
                ? text[(at + 1)..]
                : host.Environment.GetValueOrDefault(name)
                    ?? throw new CliException(ExitCode.Usage, $"{flag} {name}: the environment has no '{name}'; set it, or write {flag} {name}=VALUE");
        }

        return values;
    }

    private static IEnumerable<(string Name, string Value)> ReadFile(string flag, string path)
    {
        string[] lines;
        try
        {
            lines = File.ReadAllLines(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.Usage, $"{flag}-file {path}: {FileTrouble.Of(e)}");
        }

        for (var i = 0; i < lines.Length; i++)
        {
            var line = lines[i].Trim();
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            var at = line.IndexOf('=', StringComparison.Ordinal);
            if (at <= 0)
            {
                throw new CliException(ExitCode.Usage, $"{path}({i + 1}): this is not NAME=VALUE");
            }

            yield return (Checked(flag, line[..at].TrimEnd()), Unquoted(line[(at + 1)..].TrimStart()));
        }
    }

    private static string Checked(string flag, string name) =>
        name.Length > 0 && !name.Any(c => c is '\0' or '=' || char.IsWhiteSpace(c)) ? name : throw new CliException(ExitCode.Usage, $"{flag}: '{name}' is not a name");

    private static string Unquoted(string value) =>
        value.Length >= 2 && value[0] == value[^1] && value[0] is '"' or '\'' ? value[1..^1] : value;
}
