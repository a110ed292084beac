using System.Text;
using BuildRunner.Cli.Output;

namespace BuildRunner.Cli.Planning;

/// <summary>A drawing made of pieces of text at places. Grows while it is made.</summary>
internal sealed class GraphBlock
{
    // Blanks between two things in one line that have nothing to do with each other.
    private const int Gap = 3;

    // By line; in each, pieces from left to right.
    private readonly List<List<(int Column, string Text)>> rows = [];

    /// <summary>A tree from left to right.</summary>
    public static GraphBlock Across(GraphTree tree, bool unicode)
    {
        var block = new GraphBlock();
        block.Put(0, 0, tree.Text);
        var end = CellText.Width(tree.Text);
        if (tree.Children is [var only])
        {
            block.Put(0, end, unicode ? " ── " : " -- ");
            block.Add(Across(only, unicode), 0, end + 4);
        }
        else if (tree.Children.Count > 1)
        {
            block.AddBranches([.. tree.Children.Select(c => Across(c, unicode))], end, unicode);
        }

        return block;
    }

    /// <summary>A tree from top to bottom, a line for each node.</summary>
    public static IEnumerable<string> Down(GraphTree tree, bool unicode, string indent = "", string branch = "")
    {
        yield return indent + branch + tree.Text;
        var below = indent + (branch.Length == 0 ? "" : branch[0] is '├' or '+' ? unicode ? "│  " : "|  " : "   ");
        for (var i = 0; i < tree.Children.Count; i++)
        {
            var last = i == tree.Children.Count - 1;
            foreach (var line in Down(tree.Children[i], unicode, below, last ? unicode ? "└─ " : "`- " : unicode ? "├─ " : "+- "))
            {
                yield return line;
            }
        }
    }

    /// <summary>The lines, without blanks at their ends.</summary>
    public IEnumerable<string> Lines() => rows.Select(row =>
    {
        var (line, at) = (new StringBuilder(), 0);
        foreach (var (column, text) in row.OrderBy(piece => piece.Column))
        {
            line.Append(' ', column - at).Append(text);
            at = column + CellText.Width(text);
        }

        return line.ToString().TrimEnd();
    });

    private void AddBranches(IReadOnlyList<GraphBlock> children, int end, bool unicode)
    {
        var (trunk, column) = (end + 2, end + 5);
        Put(0, end, unicode ? " ─┬─ " : " -+- ");
        Add(children[0], 0, column);
        var line = 0;
        for (var i = 1; i < children.Count; i++)
        {
            var next = line + 1;
            while (!Fits(children[i], next, column))
            {
                next++;
            }

            for (var between = line + 1; between < next; between++)
            {
                Put(between, trunk, unicode ? "│" : "|");
            }

            Put(next, trunk, i == children.Count - 1 ? unicode ? "└─ " : "`- " : unicode ? "├─ " : "+- ");
            Add(children[i], next, column);
            line = next;
        }
    }

    // As high as it can stand: left of everything that its lines hold already.
    private bool Fits(GraphBlock child, int line, int column)
    {
        for (var i = 0; i < child.rows.Count && line + i < rows.Count; i++)
        {
            var end = column + child.rows[i].Select(p => p.Column + CellText.Width(p.Text)).DefaultIfEmpty().Max();
            if (rows[line + i].Exists(piece => piece.Column < end + Gap))
            {
                return false;
            }
        }

        return true;
    }

    private void Add(GraphBlock child, int line, int column)
    {
        for (var i = 0; i < child.rows.Count; i++)
        {
            foreach (var (at, text) in child.rows[i])
            {
                Put(line + i, column + at, text);
            }
        }
    }

    private void Put(int line, int column, string text)
    {
        while (rows.Count <= line)
        {
            rows.Add([]);
        }

        rows[line].Add((column, text));
    }
}
