namespace BuildRunner.Cli.Output;

/// <summary>Rows of text under headings, as wide as they need to be. The last column is not padded.</summary>
internal static class TextTable
{
    /// <summary>The table.</summary>
    /// <param name="style">How headings are written.</param>
    /// <param name="headings">One a column.</param>
    /// <param name="rows">Cells, as many as headings; they may hold colours only in the first column.</param>
    public static string Of(Style style, IReadOnlyList<string> headings, IEnumerable<IReadOnlyList<string>> rows)
    {
        var all = rows.Select(row => row.Select(Line).ToList()).ToList();
        var widths = headings.Select((heading, column) => all.Select(row => WidthOf(row[column])).Append(heading.Length).Max()).ToList();
        var lines = new List<string> { style.Dim(Join(headings, widths)) };
        lines.AddRange(all.Select(row => Join(row, widths)));
        return string.Concat(lines.Select(line => line + "\n"));
    }

    // What strangers wrote does not move the cursor.
    private static string Line(string cell) => cell.Any(c => char.IsControl(c) && c != '\e') ? new string([.. cell.Select(c => char.IsControl(c) && c != '\e' ? ' ' : c)]) : cell;

    private static string Join(IReadOnlyList<string> cells, List<int> widths) =>
        string.Join("  ", cells.Select((cell, column) => column == cells.Count - 1 ? cell : cell + new string(' ', Math.Max(0, widths[column] - WidthOf(cell))))).TrimEnd();

    private static int WidthOf(string cell) => CellText.Width(cell.Contains('\e') ? Unpainted(cell) : cell);

    private static string Unpainted(string cell) => CellText.Plain(System.Text.Encoding.UTF8.GetBytes(cell));
}
