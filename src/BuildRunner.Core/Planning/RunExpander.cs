using BuildRunner.Core.Expressions;
using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Pipelines.Keys;
using BuildRunner.Core.Pipelines.Reading;
using BuildRunner.Core.Pipelines.Yaml;

namespace BuildRunner.Core.Planning;

/// <summary>
/// Writes a file out: aliases, merges and the cells of the matrix resolved, variables that are known put in. What comes out plans to the same for the same
/// event. As written stay scripts, because a shell gets event data through its environment; conditions; what depends on a matrix or on outputs.
/// </summary>
/// <param name="file">The file as it was read for the event.</param>
internal sealed class RunExpander(ReadFile file)
{
    private readonly HashSet<string> differing = file.Cells.Count > 1
        ? file.Cells.SelectMany(cell => cell.Keys).Append("CI_WORKFLOW_NUMBER").ToHashSet(StringComparer.Ordinal)
        : [];

    /// <summary>The file's new text.</summary>
    public string Expand()
    {
        var root = file.Document.Root;
        var entries = new List<YamlEntry>();
        foreach (var entry in root.Entries)
        {
            // Notes and anchors have done their work; inputs and cells are read before variables are known.
            if (entry.Key == "matrix" && entry.Value is YamlNode.Mapping matrix)
                entries.Add(entry with { Value = Matrix(matrix) });
            else if (entry.Key == "inputs")
                entries.Add(entry);
            else if (entry.Key != "variables")
                entries.Add(Expand(entry, WorkflowKeys.Workflow));
        }
        return YamlTreeWriter.Write(new YamlNode.Mapping(root.Location, entries));
    }

    private YamlNode.Mapping Matrix(YamlNode.Mapping matrix)
    {
        var place = matrix.Location;
        var cells = file.Cells.Select(cell => new YamlNode.Mapping(place, [.. cell.Select(pair => new YamlEntry(pair.Key, place, new YamlNode.Scalar(place, pair.Value, plain: false)))]));
        return new YamlNode.Mapping(place,
        [
            new YamlEntry("include", place, new YamlNode.Sequence(place, [.. cells])),
            .. matrix.Entries.Where(entry => entry.Key is "max_parallel" or "fail_fast").Select(entry => Expand(entry, WorkflowKeys.Matrix)),
        ]);
    }

    private YamlEntry Expand(YamlEntry entry, KeyGroup group) =>
        entry.Value.IsNull || (group.Find(entry.Key)?.Kind ?? group.Others) is not { } kind ? entry : entry with { Value = Expand(entry.Value, kind, inList: false) };

    private YamlNode Expand(YamlNode node, ValueKind kind, bool inList)
    {
        switch (kind)
        {
            case ValueKind.AnyOf any:
                return any.Kinds.FirstOrDefault(candidate => ShapeChecker.Takes(candidate, node)) is { } chosen ? Expand(node, chosen, inList) : node;
            case ValueKind.Keys keys when node is YamlNode.Mapping mapping:
                return new YamlNode.Mapping(mapping.Location, [.. mapping.Entries.Select(entry => Expand(entry, keys.Group))]);
            case ValueKind.Map map when node is YamlNode.Mapping mapping:
                return new YamlNode.Mapping(mapping.Location, [.. mapping.Entries.Select(entry => entry.Value.IsNull ? entry : entry with { Value = Expand(entry.Value, map.Item, inList: false) })]);
            case ValueKind.List list when node is YamlNode.Sequence sequence:
                return Items(sequence, item => Expand(item, list.Item, inList: true));
            case ValueKind.OneOrMany many:
                return node is YamlNode.Sequence some ? Items(some, item => Expand(item, many.Item, inList: true)) : Expand(node, many.Item, inList);
            case ValueKind.Data:
                return Data(node);
            case ValueKind.Anything or ValueKind.Condition or ValueKind.Script:
                return node;
            default:
                return node is YamlNode.Scalar scalar ? Value(scalar, kind, inList) : node;
        }
    }

    private YamlNode Data(YamlNode node) => node switch
    {
        YamlNode.Sequence sequence => Items(sequence, Data),
        YamlNode.Mapping mapping when mapping.Find("from_secret") is null =>
            new YamlNode.Mapping(mapping.Location, [.. mapping.Entries.Select(entry => entry with { Value = Data(entry.Value) })]),
        YamlNode.Scalar scalar when Known(scalar) is { } template =>
            template.HasOutputs ? Quoted(scalar, file.Variables.ExpandAllButOutputs(template)) : Quoted(scalar, Escape(file.Variables.Expand(template))),
        _ => node,
    };

    private YamlNode.Scalar Value(YamlNode.Scalar scalar, ValueKind kind, bool inList)
    {
        if (Known(scalar) is not { HasOutputs: false } template)
            return scalar;
        var text = file.Variables.Expand(template, kind is ValueKind.GlobPattern ? (name, value) => file.Variables.IsAuthored(name) ? value : Glob.Escape(value) : null);

        // A value that came to nothing is as good as absent, but an item of a list stays one.
        return text is null ? scalar : new YamlNode.Scalar(scalar.Location, Escape(text)!, scalar.Plain && !(inList && YamlScalars.IsNull(text)));
    }

    // Null: stays as it is written.
    private TextTemplate? Known(YamlNode.Scalar scalar) =>
        TextTemplate.Parse(scalar.Text, out _) is { IsLiteral: false } template && !template.Variables().Any(variable => differing.Contains(variable.Name)) ? template : null;

    private static YamlNode.Scalar Quoted(YamlNode.Scalar scalar, string? text) => text is null ? scalar : new YamlNode.Scalar(scalar.Location, text, plain: false);

    private static string? Escape(string? text) => text?.Replace("$", "$$", StringComparison.Ordinal);

    private static YamlNode.Sequence Items(YamlNode.Sequence sequence, Func<YamlNode, YamlNode> expand) => new(sequence.Location, [.. sequence.Items.Select(expand)]);
}

/// <summary>A file as it was read for an event.</summary>
/// <param name="Document">What it holds.</param>
/// <param name="Cells">The cells of its matrix; one without values if it has none.</param>
/// <param name="Variables">The variables of the first cell.</param>
internal sealed record ReadFile(PipelineDocument Document, IReadOnlyList<IReadOnlyDictionary<string, string>> Cells, VariableScope Variables);
