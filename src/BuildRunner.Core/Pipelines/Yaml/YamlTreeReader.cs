using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace BuildRunner.Core.Pipelines.Yaml;

/// <summary>
/// Reads one YAML document into a tree with aliases and merge keys resolved. Works on the parser's events and stops at the first limit that is
/// reached, so that a hostile file costs neither time nor memory.
/// </summary>
internal sealed class YamlTreeReader
{
    private readonly string file;
    private readonly DiagnosticBag diagnostics;
    private readonly SubstitutionMask mask;
    private readonly Parser parser;
    private readonly Dictionary<AnchorName, YamlNode?> anchors = [];
    private int nodes;
    private int events;

    private YamlTreeReader(string file, string text, DiagnosticBag diagnostics)
    {
        this.file = file;
        this.diagnostics = diagnostics;
        mask = SubstitutionMask.Hide(text);
        parser = new Parser(new Scanner(new StringReader(mask.Text)));
    }

    /// <summary>The root of the file's only document; null if there is none or it cannot be read, with the reason in the bag.</summary>
    public static YamlNode? Read(string file, ReadOnlySpan<byte> content, DiagnosticBag diagnostics) => Read(file, content, diagnostics, out _);

    /// <summary>As the other one, and tells how much work it was.</summary>
    /// <param name="file">The file's path.</param>
    /// <param name="content">Its bytes.</param>
    /// <param name="diagnostics">Where problems go.</param>
    /// <param name="events">Events of the parser that were looked at: at most two for each node that a file may have, and a few.</param>
    public static YamlNode? Read(string file, ReadOnlySpan<byte> content, DiagnosticBag diagnostics, out int events)
    {
        events = 0;
        if (YamlText.Decode(file, content, diagnostics) is not { } text)
            return null;
        var reader = new YamlTreeReader(file, text, diagnostics);
        var root = reader.TryReadDocument();
        events = reader.events;
        return root;
    }

    private YamlNode? TryReadDocument()
    {
        try
        {
            return ReadDocument();
        }
        catch (Stop)
        {
            // The reason is in the bag; the rest of the file is not looked at.
            return null;
        }
        catch (YamlException bad)
        {
            // The file is not YAML. The parser's message names what it expected.
            diagnostics.Error(DiagnosticCodes.Syntax, Locate(bad.Start), "not YAML: " + mask.Restore(Sentence(bad)), "Check indentation and quotes at and above this line");
            return null;
        }
        catch (Exception bug) when (bug is ArgumentException or InvalidOperationException or IndexOutOfRangeException or FormatException or OverflowException)
        {
            // The parser is a library that is fed with anybody's bytes; what it stumbles over is not YAML either.
            diagnostics.Error(DiagnosticCodes.Syntax, Locate(parser.Current?.Start ?? Mark.Empty), "not YAML: it cannot be read here");
            return null;
        }
    }

    private YamlNode? ReadDocument()
    {
        YamlNode? root = null;
        while (MoveNext())
        {
            switch (parser.Current)
            {
                case StreamStart or StreamEnd or DocumentEnd:
                    break;
                case DocumentStart start when root is not null:
                    diagnostics.Error(DiagnosticCodes.SecondDocument, Locate(start.Start), "the file holds a second document", "Remove the `---`, or put the second workflow into a file of its own");
                    return null;
                case DocumentStart:
                    break;
                default:
                    root = ReadNode(1);
                    break;
            }
        }
        return root;
    }

    private YamlNode ReadNode(int depth)
    {
        if (parser.Current is AnchorAlias alias)
            return Resolve(alias, depth);
        // The parser lets some broken flow mappings through and ends them where a value is due.
        if (parser.Current is not NodeEvent node)
            throw Fail(DiagnosticCodes.Syntax, parser.Current, "not YAML: a value is missing here", "Check indentation, commas and quotes at and above this line");
        if (!node.Anchor.IsEmpty)
            anchors[node.Anchor] = null;
        Spend(1, node);
        YamlNode result = node switch
        {
            Scalar scalar => ReadScalar(scalar),
            SequenceStart start => ReadSequence(start, depth),
            MappingStart start => ReadMapping(start, depth, inList: false, out _),
            _ => throw new System.Diagnostics.UnreachableException(),
        };
        return Remember(node, result);
    }

    private YamlNode.Scalar ReadScalar(Scalar scalar)
    {
        if (scalar.Value.Contains('\0', StringComparison.Ordinal))
            diagnostics.Error(DiagnosticCodes.NotText, Locate(scalar.Start), "`\\0` makes a NUL, which neither a variable nor a command can hold", "Remove it");
        return new YamlNode.Scalar(Locate(scalar.Start), mask.Restore(scalar.Value), YamlTags.IsPlain(scalar, BadTag));
    }

    private YamlNode Remember(NodeEvent node, YamlNode result)
    {
        if (!node.Anchor.IsEmpty)
            anchors[node.Anchor] = result;
        return result;
    }

    private YamlNode Resolve(AnchorAlias alias, int depth)
    {
        if (!anchors.TryGetValue(alias.Value, out var target))
            throw Fail(DiagnosticCodes.BadAlias, alias, $"`*{alias.Value}` refers to nothing", $"Write `&{alias.Value}` before the value that is meant, above this line");
        if (target is null)
            throw Fail(DiagnosticCodes.BadAlias, alias, $"`*{alias.Value}` refers to what it is part of", "A value cannot contain itself");
        Spend(target.Size, alias);
        if (depth + target.Height - 1 > YamlLimits.Depth)
            throw TooDeep(alias);
        return target;
    }

    private YamlNode.Sequence ReadSequence(SequenceStart start, int depth)
    {
        YamlTags.Check(start, "seq", BadTag);
        Enter(start, depth);
        var items = new List<YamlNode>();
        while (Next() is not SequenceEnd)
        {
            if (parser.Current is MappingStart mapping)
            {
                if (!mapping.Anchor.IsEmpty)
                    anchors[mapping.Anchor] = null;
                Spend(1, mapping);
                var item = ReadMapping(mapping, depth + 1, inList: true, out var spliced);
                if (spliced is null)
                    items.Add(Remember(mapping, item));
                else
                    items.AddRange(spliced.SelectMany(sequence => sequence.Items));
            }
            else
            {
                items.Add(ReadNode(depth + 1));
            }
        }
        return new YamlNode.Sequence(Locate(start.Start), items);
    }

    /// <param name="start">The event at hand.</param>
    /// <param name="depth">The mapping's level.</param>
    /// <param name="inList">True if it is an item of a list.</param>
    /// <param name="spliced">Lists to be put in the place of this item of a list: Woodpecker's sequence merge.</param>
    private YamlNode.Mapping ReadMapping(MappingStart start, int depth, bool inList, out IReadOnlyList<YamlNode.Sequence>? spliced)
    {
        YamlTags.Check(start, "map", BadTag);
        Enter(start, depth);
        var merge = new YamlMerge(diagnostics, inList);
        while (Next() is not MappingEnd)
        {
            var isPlain = parser.Current is Scalar { Style: ScalarStyle.Plain };
            var key = ReadNode(depth + 1);
            var byAlias = Next() is AnchorAlias;
            var value = ReadNode(depth + 1);
            if (key is not YamlNode.Scalar name)
                diagnostics.Error(DiagnosticCodes.KeyIsNotText, key.Location, $"a key must be text, not {key.Description}", "Put quotes around it if it starts with `{`, `[` or `*`");
            else if (isPlain && name.Text == "<<")
                merge.AddMerge(name.Location, value, byAlias);
            else
                merge.AddEntry(new YamlEntry(name.Text, name.Location, value));
        }
        return merge.ToMapping(Locate(start.Start), out spliced);
    }

    private bool MoveNext()
    {
        events++;
        return parser.MoveNext();
    }

    private ParsingEvent Next() =>
        MoveNext() ? parser.Current! : throw Fail(DiagnosticCodes.Syntax, parser.Current, "not YAML: the file ends too soon", "Check indentation and quotes at the end");

    private void Enter(NodeEvent start, int depth)
    {
        if (depth > YamlLimits.Depth)
            throw TooDeep(start);
    }

    private void Spend(int count, NodeEvent at)
    {
        nodes += count;
        if (nodes > YamlLimits.Nodes)
            throw Fail(DiagnosticCodes.TooManyNodes, at, $"the file has more than {YamlLimits.Nodes:N0} nodes, aliases written out", "Split it into several workflows, or use fewer aliases");
    }

    private void Spend(int count, AnchorAlias at)
    {
        nodes += count;
        if (nodes > YamlLimits.Nodes)
            throw Fail(DiagnosticCodes.TooManyNodes, at, $"the file has more than {YamlLimits.Nodes:N0} nodes, aliases written out", "Split it into several workflows, or use fewer aliases");
    }

    private Stop TooDeep(ParsingEvent at) =>
        Fail(DiagnosticCodes.TooDeep, at, $"lists and mappings are nested more than {YamlLimits.Depth} deep", "No pipeline needs that");

    private void BadTag(NodeEvent node, string tag) =>
        diagnostics.Error(DiagnosticCodes.UnknownTag, Locate(node.Start), $"the tag `{tag}` is not known", "Remove it; pipelines have text, numbers, booleans, lists and mappings");

    private Stop Fail(string code, ParsingEvent? at, string message, string hint)
    {
        diagnostics.Error(code, Locate(at?.Start ?? Mark.Empty), message, hint);
        return new Stop();
    }

    private SourceLocation Locate(Mark mark) => new(file, Math.Max(1, (int)mark.Line), Math.Max(1, (int)mark.Column));

    private static string Sentence(YamlException bad)
    {
        var line = bad.Message.AsSpan();
        var end = line.IndexOfAny('\r', '\n');
        line = (end >= 0 ? line[..end] : line).TrimEnd('.');
        return line.Length == 0 ? "it cannot be read here" : char.ToLowerInvariant(line[0]) + line[1..].ToString();
    }

    private sealed class Stop : Exception;
}
