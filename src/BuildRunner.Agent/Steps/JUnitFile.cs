using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml;

namespace BuildRunner.Agent.Steps;

/// <summary>A report in the form that JUnit began and most test runners write. Read as a stream, without document types, entities of its own or anything from elsewhere.</summary>
internal static class JUnitFile
{
    private const int MaxText = 4000;
    private const int MaxName = 300;
    private const int MaxDepth = 64;

    /// <summary>Its cases, as far as it can be read.</summary>
    /// <param name="file">The bytes.</param>
    /// <param name="maxCharacters">More are not read.</param>
    /// <exception cref="XmlException">It is no XML, is more than allowed, or has a document type; what came before counts.</exception>
    public static IEnumerable<JUnitCase> Read(Stream file, long maxCharacters)
    {
        var settings = new XmlReaderSettings
        {
            DtdProcessing = DtdProcessing.Prohibit,
            XmlResolver = null,
            MaxCharactersInDocument = maxCharacters,
            MaxCharactersFromEntities = 1024,
            IgnoreComments = true,
            IgnoreProcessingInstructions = true,
            CloseInput = false,
        };
        using var reader = XmlReader.Create(file, settings);
        var files = new Stack<(int Depth, string? File)>();
        while (reader.Read())
        {
            if (reader.Depth > MaxDepth)
            {
                throw new XmlException($"elements lie {reader.Depth} deep in each other; {MaxDepth} are read");
            }

            while (files.TryPeek(out var outer) && outer.Depth >= reader.Depth)
            {
                files.Pop();
            }

            if (reader.NodeType == XmlNodeType.Element && reader.LocalName == "testsuite" && !reader.IsEmptyElement)
            {
                files.Push((reader.Depth, reader.GetAttribute("file") ?? (files.TryPeek(out var outer) ? outer.File : null)));
            }
            else if (reader.NodeType == XmlNodeType.Element && reader.LocalName == "testcase")
            {
                yield return Case(reader, files.TryPeek(out var suite) ? suite.File : null);
            }
        }
    }

    private static JUnitCase Case(XmlReader reader, string? fileOfSuite)
    {
        var (name, type) = (reader.GetAttribute("name") ?? "", reader.GetAttribute("classname"));
        var found = new JUnitCase(
            Cut(string.IsNullOrEmpty(type) ? name : $"{type}.{name}", MaxName),
            reader.GetAttribute("file") ?? fileOfSuite,
            int.TryParse(reader.GetAttribute("line"), NumberStyles.None, CultureInfo.InvariantCulture, out var line) && line > 0 ? line : null);
        if (reader.IsEmptyElement)
        {
            return found;
        }

        var depth = reader.Depth;
        while (reader.Read() && reader.Depth > depth)
        {
            if (reader.NodeType != XmlNodeType.Element)
            {
                continue;
            }

            found = reader.LocalName switch
            {
                "failure" or "error" => found with { Failure = found.Failure ?? Why(reader) },
                "skipped" => found with { Skipped = true },
                _ => found,
            };
        }

        return found;
    }

    // The message, and what is told below it unless it begins with the same.
    private static string Why(XmlReader reader)
    {
        var message = reader.GetAttribute("message") ?? reader.GetAttribute("type") ?? "";
        var text = new StringBuilder();
        if (!reader.IsEmptyElement)
        {
            var depth = reader.Depth;
            while (reader.Read() && reader.Depth > depth)
            {
                if (reader.NodeType is XmlNodeType.Text or XmlNodeType.CDATA && text.Length < MaxText)
                {
                    text.Append(reader.Value.AsSpan(0, Math.Min(reader.Value.Length, MaxText)));
                }
            }
        }

        var body = text.ToString().Trim();
        return Cut(body.StartsWith(message.Trim(), StringComparison.Ordinal) ? body : $"{message.Trim()}\n{body}".TrimEnd(), MaxText) is { Length: > 0 } why ? why : "it failed";
    }

    private static string Cut(string text, int length) => text.Length <= length ? text : text[..length];
}

/// <summary>A case of a report.</summary>
/// <param name="Name">With its class.</param>
/// <param name="File">Where it is, as the report says; null: it does not.</param>
/// <param name="Line">The line.</param>
internal sealed record JUnitCase(string Name, string? File, int? Line)
{
    /// <summary>Why it failed; null: it did not.</summary>
    public string? Failure { get; init; }

    /// <summary>It was left out.</summary>
    public bool Skipped { get; init; }
}

/// <summary>Where a failure is: as the report says, or as the trace in its text does.</summary>
internal static partial class Places
{
    private const int MaxLooked = 40;

    /// <summary>File and line; no file: nothing in the tree is named.</summary>
    /// <param name="found">The case.</param>
    /// <param name="why">Its text.</param>
    /// <param name="inTree">The path in the tree of a path that is named; null: there is no such file.</param>
    public static (string? File, int Line) Of(JUnitCase found, string why, Func<string, string?> inTree)
    {
        // A trace names the line that failed; the report only where the test begins.
        foreach (Match match in Trace().Matches(why).Take(MaxLooked))
        {
            if (inTree(match.Groups["file"].Value) is { } file && int.TryParse(match.Groups["line"].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var line) && line > 0)
            {
                return (file, line);
            }
        }

        return found.File is { } named && inTree(named) is { } known ? (known, found.Line ?? 1) : (null, 1);
    }

    // "in /src/a.cs:line 7", "/src/a.py:7: AssertionError", "(/src/a.js:7:5)", "File "/src/a.py", line 7".
    [GeneratedRegex(@"(?<file>[\w./@+-]{1,300}\.\w{1,10})(?:"", line |:line |:)(?<line>\d{1,7})", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Trace();
}
