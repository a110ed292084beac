using System.Text.RegularExpressions;

namespace BuildRunner.Cli.Init;

/// <summary>Optional dependencies of a Python project: what only those install who ask for them by name, those who test it for instance.</summary>
/// <param name="Name">How they are asked for.</param>
/// <param name="HasPytest">Whether they bring pytest.</param>
internal sealed record PythonExtras(string Name, bool HasPytest)
{
    // A table of their own, up to the next one; a table on one line; or a key for each.
    private const string Table = @"^[ \t]*\[[ \t]*project[ \t]*\.[ \t]*optional-dependencies[ \t]*\][^\n]*\n([\s\S]*?)(?=^[ \t]*\[[^\n]*\][ \t]*(?:#[^\n]*)?$|\z)";
    private const string Inline = @"^optional-dependencies[ \t]*=[ \t]*\{([^}]*)\}";
    private const string Dotted = @"^optional-dependencies\.([^\n=]+=[ \t]*\[" + Items + @"\])";

    // What an array holds: texts and remarks may hold a bracket too.
    private const string Items = """(?:[^\]"'#]|"[^"\n]*"|'[^'\n]*'|#[^\n]*)*""";

    // What most projects call them, the closest first.
    private static readonly string[] Usual = ["test", "tests", "testing", "dev"];

    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(200);

    /// <summary>Those that a project's tests need; null: it names none, or what it names cannot be read.</summary>
    /// <param name="project">The text of its <c>pyproject.toml</c>.</param>
    public static PythonExtras? ForTests(string project)
    {
        project = project.ReplaceLineEndings("\n");
        try
        {
            var named = string.Join('\n', new[] { Table, Inline, Dotted }.SelectMany(form => Regex.Matches(project, form, RegexOptions.Multiline, Patience)).Select(m => m.Groups[1].Value));
            return Usual.Select(name => Of(named, name)).FirstOrDefault(extra => extra is not null);
        }
        catch (RegexMatchTimeoutException)
        {
            // A file made to be slow tells nothing.
            return null;
        }
    }

    private static PythonExtras? Of(string named, string name) =>
        Regex.Match(named, $"""(?:^|,)[ \t]*["']?{name}["']?[ \t]*=[ \t]*\[({Items})\]""", RegexOptions.Multiline, Patience) is { Success: true } found
            ? new PythonExtras(name, found.Groups[1].Value.Contains("pytest", StringComparison.Ordinal))
            : null;
}
