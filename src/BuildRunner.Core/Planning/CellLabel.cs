using System.Globalization;
using System.Text;

namespace BuildRunner.Core.Planning;

/// <summary>How people read the name of a workflow: of a matrix cell with its values, <c>build (go=1.22, os=linux)</c>. What programs name it by stays its name, <c>build/2</c>. Pure.</summary>
public static class CellLabel
{
    private const int MostValue = 40;
    private const int MostValues = 80;

    /// <summary>The label, with the names of the axes.</summary>
    /// <param name="workflow">The workflow's name.</param>
    /// <param name="matrix">The cell's values; empty: it is no cell, and its label is its name.</param>
    public static string Of(string workflow, IReadOnlyDictionary<string, string> matrix) => Write(workflow, matrix, named: true);

    /// <summary>As <see cref="Of"/>, without the names of the axes, where there is little room: <c>build (1.22, linux)</c>.</summary>
    public static string Short(string workflow, IReadOnlyDictionary<string, string> matrix) => Write(workflow, matrix, named: false);

    private static string Write(string workflow, IReadOnlyDictionary<string, string> matrix, bool named)
    {
        ArgumentNullException.ThrowIfNull(workflow);
        ArgumentNullException.ThrowIfNull(matrix);
        if (matrix.Count == 0)
            return workflow;
        var cut = false;
        var values = string.Join(", ", matrix.Select(pair => Cut((named ? pair.Key + "=" : "") + Shown(pair.Value), MostValue, ref cut)));
        values = Cut(values, MostValues, ref cut);
        // Cells that differ only in what is cut still differ in their numbers.
        return $"{(cut ? workflow : BaseOf(workflow))} ({values})";
    }

    private static string BaseOf(string workflow) =>
        workflow.LastIndexOf('/') is var at and > 0 && workflow.AsSpan(at + 1) is { Length: > 0 } number && !number.ContainsAnyExceptInRange('0', '9') ? workflow[..at] : workflow;

    private static string Cut(string text, int most, ref bool cut)
    {
        if (text.Length <= most)
            return text;
        cut = true;
        return text[..(char.IsHighSurrogate(text[most - 2]) ? most - 2 : most - 1)] + "…";
    }

    // Whatever a value is, it stays in its place: it moves no cursor and turns no line round.
    private static string Shown(string value)
    {
        var text = new StringBuilder(value.Length);
        foreach (var rune in value.EnumerateRunes())
        {
            text.Append(Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
                or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned ? "?" : rune.ToString());
        }
        return text.ToString();
    }
}
