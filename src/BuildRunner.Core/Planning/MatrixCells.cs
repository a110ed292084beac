using System.Globalization;
using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Pipelines.Reading;
using BuildRunner.Core.Pipelines.Yaml;

namespace BuildRunner.Core.Planning;

/// <summary>Makes the cells of a matrix.</summary>
internal static class MatrixCells
{
    /// <summary>Most cells of one workflow.</summary>
    public const int Max = 256;

    private static readonly string[] OwnKeys = ["include", "exclude", "max_parallel", "fail_fast"];

    /// <summary>The cells in the order of the axes as written, the last one changing fastest; one without values if there is no matrix.</summary>
    /// <param name="root">The document, <c>matrix</c> checked.</param>
    /// <param name="diagnostics">Where problems go.</param>
    public static IReadOnlyList<IReadOnlyDictionary<string, string>> Expand(YamlNode.Mapping root, DiagnosticBag diagnostics)
    {
        if (root.Map("matrix") is not { } matrix)
            return [new Dictionary<string, string>()];
        var key = root.Find("matrix")!.KeyLocation;
        var axes = matrix.Entries.Where(entry => !OwnKeys.Contains(entry.Key)).Select(entry => (entry.Key, Values: NodeValues.Texts(entry.Value))).Where(axis => axis.Values.Count > 0).ToList();
        if (matrix.Get("include") is YamlNode.Sequence { Items.Count: > 0 } include)
            return Included(include, matrix, key, diagnostics);
        var count = axes.Aggregate(1L, (product, axis) => Math.Min(product * axis.Values.Count, int.MaxValue));
        if (axes.Count == 0)
        {
            diagnostics.Error(DiagnosticCodes.NoCells, key, "the matrix has no cells", "Write an axis with its values, or `include`");
            return [];
        }
        if (count > 4 * Max)
            return TooMany(count, key, diagnostics);
        var cells = Product(axes, (int)count).Where(cell => !IsExcluded(cell, matrix)).ToList();
        if (cells.Count > Max)
            return TooMany(cells.Count, key, diagnostics);
        if (cells.Count == 0)
            diagnostics.Error(DiagnosticCodes.NoCells, key, "`exclude` leaves no cell of the matrix", "Remove an entry of it");
        return cells;
    }

    private static List<IReadOnlyDictionary<string, string>> Included(YamlNode.Sequence include, YamlNode.Mapping matrix, SourceLocation key, DiagnosticBag diagnostics)
    {
        foreach (var ignored in matrix.Entries.Where(entry => entry.Key == "exclude" || !OwnKeys.Contains(entry.Key)))
            diagnostics.Warning(DiagnosticCodes.NoEffect, ignored.KeyLocation, $"`{ignored.Key}` is not used, because `include` lists the cells", "Remove one of the two");
        return include.Items.Count > Max
            ? TooMany(include.Items.Count, key, diagnostics)
            : [.. include.Items.OfType<YamlNode.Mapping>().Select(Values)];
    }

    private static IEnumerable<IReadOnlyDictionary<string, string>> Product(List<(string Name, IReadOnlyList<TextFile> Values)> axes, int count)
    {
        for (var number = 0; number < count; number++)
        {
            var cell = new Dictionary<string, string>(StringComparer.Ordinal);
            var block = count;
            foreach (var (name, values) in axes)
            {
                block /= values.Count;
                cell[name] = values[number / block % values.Count].Text;
            }
            yield return cell;
        }
    }

    private static bool IsExcluded(IReadOnlyDictionary<string, string> cell, YamlNode.Mapping matrix) => matrix.Get("exclude") is YamlNode.Sequence exclude
        && exclude.Items.OfType<YamlNode.Mapping>().Select(Values).Any(entry => entry.Count > 0 && entry.All(pair => cell.TryGetValue(pair.Key, out var value) && value == pair.Value));

    private static IReadOnlyDictionary<string, string> Values(YamlNode.Mapping entry) =>
        entry.Entries.Select(pair => (pair.Key, pair.Value as YamlNode.Scalar)).Where(pair => pair.Item2 is not null).ToDictionary(pair => pair.Key, pair => pair.Item2!.IsNull ? "" : pair.Item2.Text, StringComparer.Ordinal);

    private static List<IReadOnlyDictionary<string, string>> TooMany(long count, SourceLocation key, DiagnosticBag diagnostics)
    {
        diagnostics.Error(DiagnosticCodes.TooManyCells, key, string.Create(CultureInfo.InvariantCulture, $"the matrix has {count} cells; {Max} are allowed"), "Use `exclude`, or list the cells with `include`");
        return [];
    }
}
