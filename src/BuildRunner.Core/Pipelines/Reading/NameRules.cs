using BuildRunner.Core.Expressions;
using BuildRunner.Core.Pipelines.Keys;
using BuildRunner.Core.Pipelines.Yaml;
using BuildRunner.Core.Planning;

namespace BuildRunner.Core.Pipelines.Reading;

/// <summary>
/// Tells of substitutions of names that nothing defines: they count as empty, and are mostly meant for the shell. Said of each name once in a file, where it stands first.
/// </summary>
internal sealed class NameRules
{
    private readonly HashSet<string> known;
    private readonly DiagnosticBag diagnostics;
    private readonly HashSet<string> told = new(StringComparer.Ordinal);

    private NameRules(HashSet<string> known, DiagnosticBag diagnostics)
    {
        this.known = known;
        this.diagnostics = diagnostics;
    }

    /// <summary>The rules for a file: what BuildRunner defines, axes of the matrix, inputs, and what is known of the run.</summary>
    /// <param name="root">The file, not checked yet.</param>
    /// <param name="variables">What is known of the run; null: nothing.</param>
    /// <param name="diagnostics">Where remarks go.</param>
    public static NameRules Of(YamlNode.Mapping root, VariableScope? variables, DiagnosticBag diagnostics)
    {
        var known = new HashSet<string>(CiNames.BeforeRun, StringComparer.Ordinal);
        known.UnionWith(variables?.Values.Keys ?? []);
        known.UnionWith(InputRules.Bind(root).Select(input => input.Name));
        known.UnionWith(Axes(root));
        return new NameRules(known, diagnostics);
    }

    /// <summary>Looks at the names of one value. One with a default is meant to be absent at times.</summary>
    public void Check(TextTemplate template, SourceLocation location)
    {
        foreach (var variable in template.Variables())
        {
            if (CiNames.Old.TryGetValue(variable.Name, out var now) && told.Add(variable.Name))
                diagnostics.Warning(DiagnosticCodes.Deprecated, location, $"`{variable.Name}` is an old name", $"Write `{now}`");
            else if (variable.Operation != TextOperation.Default && !known.Contains(variable.Name) && told.Add(variable.Name))
                diagnostics.Warning(DiagnosticCodes.UnknownVariable, location, $"nothing defines `{Short(variable.Name)}`, so it counts as empty here", Hint(variable.Name));
        }
    }

    private string Hint(string name)
    {
        if (CiNames.AtStart.Contains(name))
            return $"It is known when the step runs: write `$${{{name}}}` for the shell's variable";
        if (CiNames.Gone.TryGetValue(name, out var now))
            return $"It is called `{now}` now";
        return Nearest.To(name, known) is { } near && near.Length > 4
            ? $"Did you mean `{near}`? For the shell's variable write `$${{{Short(name)}}}`"
            : $"For the shell's variable write `$${{{Short(name)}}}` or `${Short(name)}`; for one that may be absent `${{{Short(name)}:-}}`";
    }

    private static IEnumerable<string> Axes(YamlNode.Mapping root)
    {
        foreach (var entry in root.Map("matrix")?.Entries ?? [])
        {
            if (entry.Key != "include")
                yield return entry.Key;
            else if (entry.Value is YamlNode.Sequence cells)
            {
                foreach (var axis in cells.Items.OfType<YamlNode.Mapping>().SelectMany(cell => cell.Entries))
                    yield return axis.Key;
            }
        }
    }

    private static string Short(string text) => text.Length <= 60 ? text : text[..57] + "...";
}
