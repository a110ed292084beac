using System.Text;
using System.Text.RegularExpressions;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>What a <c>.dockerignore</c> leaves out of a build: patterns, one a line; the last that fits decides; <c>!</c> takes back in.</summary>
internal sealed class DockerIgnore
{
    private const int MostPatterns = 10_000;
    private static readonly TimeSpan LongestMatch = TimeSpan.FromSeconds(1);

    private readonly List<(Regex Pattern, bool TakesIn)> _patterns = [];

    private DockerIgnore()
    {
    }

    /// <summary>Leaves out nothing.</summary>
    public static DockerIgnore Nothing { get; } = new();

    /// <summary>True if something that is left out may hold something that is not.</summary>
    public bool HasExceptions => _patterns.Exists(pattern => pattern.TakesIn);

    /// <summary>Reads the file's text.</summary>
    public static DockerIgnore Parse(string text)
    {
        var ignore = new DockerIgnore();
        foreach (var line in text.TrimStart('\uFEFF').Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0 && line[0] != '#').Take(MostPatterns))
        {
            var takesIn = line[0] == '!';
            var pattern = Clean(takesIn ? line[1..].Trim() : line);
            if (pattern.Length > 0)
            {
                ignore._patterns.Add((ToRegex(pattern), takesIn));
            }
        }

        return ignore;
    }

    /// <summary>True if a path below the folder is left out, by itself or because it is in something that is.</summary>
    public bool LeavesOut(string path)
    {
        var left = false;
        foreach (var (pattern, takesIn) in _patterns)
        {
            // Whatever fits an upper folder fits all in it.
            if (left == takesIn && pattern.IsMatch(path))
            {
                left = !takesIn;
            }
        }

        return left;
    }

    private static string Clean(string pattern)
    {
        var parts = new List<string>();
        foreach (var part in pattern.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(part => part != "."))
        {
            if (part != "..")
            {
                parts.Add(part);
            }
            else if (parts.Count > 0)
            {
                parts.RemoveAt(parts.Count - 1);
            }
        }

        return string.Join('/', parts);
    }

    // Go's filepath.Match, and "**" for any number of folders.
    private static Regex ToRegex(string pattern)
    {
        var regex = new StringBuilder(@"\A");
        for (var at = 0; at < pattern.Length; at++)
        {
            switch (pattern[at])
            {
                case '*' when at + 1 < pattern.Length && pattern[at + 1] == '*':
                    at++;
                    if (at + 1 < pattern.Length && pattern[at + 1] == '/')
                    {
                        at++;
                        regex.Append("(?:.*/)?");
                    }
                    else
                    {
                        regex.Append(".*");
                    }

                    break;
                case '*':
                    regex.Append("[^/]*");
                    break;
                case '?':
                    regex.Append("[^/]");
                    break;
                case '[' when pattern.IndexOf(']', at + 1) is var end and > 0:
                    var set = pattern[(at + 1)..end];
                    regex.Append('[').Append(set.StartsWith('^') ? "^" : "").Append(Regex.Escape(set.TrimStart('^')).Replace("]", @"\]", StringComparison.Ordinal)).Append(']');
                    at = end;
                    break;
                case '\\' when at + 1 < pattern.Length:
                    regex.Append(Regex.Escape(pattern[++at].ToString()));
                    break;
                default:
                    regex.Append(Regex.Escape(pattern[at].ToString()));
                    break;
            }
        }

        return new Regex(regex.Append(@"(?:/.*)?\z").ToString(), RegexOptions.NonBacktracking | RegexOptions.Singleline | RegexOptions.CultureInvariant, LongestMatch);
    }
}
