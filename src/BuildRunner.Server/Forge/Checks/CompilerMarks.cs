using System.Globalization;
using System.Text.RegularExpressions;

namespace BuildRunner.Server.Forge.Checks;

/// <summary>
/// Mistakes as compilers print them, two forms that most tools share: <c>src/a.cs(3,7): error CS1002: ; expected</c> (MSBuild, csc, tsc, <c>buildrunner lint</c>) and
/// <c>src/a.c:3:7: error: expected ';'</c> (gcc, clang, javac, rustc's short form). A pipeline has to say nothing for it.
/// </summary>
internal static partial class CompilerMarks
{
    private const int MaxPath = 1000;

    /// <summary>The mistake that a line of output tells of; null: none, or one in a file that is not of the tree.</summary>
    /// <param name="line">The line, without its end.</param>
    /// <param name="root">Where the tree was; null: not known.</param>
    public static CheckAnnotation? Of(string line, string? root)
    {
        // Cheap for the lines that tell of none, which are nearly all.
        if (!line.Contains("error", StringComparison.Ordinal) && !line.Contains("warning", StringComparison.Ordinal))
        {
            return null;
        }

        var plain = line.Contains('\e', StringComparison.Ordinal) ? Colours().Replace(line, "") : line;
        var match = Parenthesised().Match(plain);
        match = match.Success ? match : Coloned().Match(plain);
        if (!match.Success || Relative(match.Groups["file"].Value.Trim(), root) is not { } file
            || !file.Any(char.IsLetter) || !int.TryParse(match.Groups["line"].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number == 0)
        {
            return null;
        }

        var level = match.Groups["kind"].Value == "error" ? AnnotationLevel.Failure : AnnotationLevel.Warning;
        var message = Project().Replace(match.Groups["message"].Value, "");
        return new CheckAnnotation(file, number, number, level, message, match.Groups["code"] is { Success: true, Value: var code } ? code : null);
    }

    /// <summary>A path relative to the tree, as the forge wants it; null: it is outside, or no path.</summary>
    public static string? Relative(string file, string? root)
    {
        if (root is not null && file.StartsWith(root.TrimEnd('/') + "/", StringComparison.Ordinal))
        {
            file = file[(root.TrimEnd('/').Length + 1)..];
        }

        file = file.StartsWith("./", StringComparison.Ordinal) ? file[2..] : file;
        return file.Length is > 0 and <= MaxPath && !file.StartsWith('/') && !file.Split('/').Contains("..") && !file.Any(char.IsControl) ? file : null;
    }

    [GeneratedRegex(@"^\s*(?<file>[^\s()][^()]*)\((?<line>\d{1,7})(?:,\d+){0,3}\): (?<kind>error|warning) (?<code>[A-Za-z]+\d+): (?<message>.+)$", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Parenthesised();

    [GeneratedRegex(@"^(?<file>[^\s:][^:]*):(?<line>\d{1,7}):(?:\d+:)? (?:fatal )?(?<kind>error|warning)(?:\[(?<code>\w+)\])?: (?<message>.+)$", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Coloned();

    // What MSBuild adds: the project that was built.
    [GeneratedRegex(@" \[[^\[\]]+proj(?:::[^\[\]]*)?\]$", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Project();

    [GeneratedRegex(@"\x1b\[[0-9;]*[mK]", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Colours();
}
