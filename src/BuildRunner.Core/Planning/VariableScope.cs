using BuildRunner.Core.Expressions;

namespace BuildRunner.Core.Planning;

/// <summary>The variables of one workflow cell, for substitution and conditions.</summary>
/// <param name="values">Name and value of every variable.</param>
/// <param name="authored">Names whose values are written in the pipeline file itself (matrix axes), and may therefore be patterns and pieces of scripts.</param>
/// <param name="budget">How much may still be made by substitution, shared by all that is planned together.</param>
internal sealed class VariableScope(IReadOnlyDictionary<string, string> values, IReadOnlySet<string> authored, SubstitutionBudget budget)
{
    /// <summary>Every variable.</summary>
    public IReadOnlyDictionary<string, string> Values { get; } = values;

    /// <summary>A variable's value, or null.</summary>
    public string? Get(string name) => Values.GetValueOrDefault(name);

    /// <summary>Whether the value is written in the pipeline file itself.</summary>
    public bool IsAuthored(string name) => authored.Contains(name);

    /// <summary>Charges a text that was made otherwise; null if there is no room for it.</summary>
    public string? Spend(string? text) => budget.Spend(text);

    /// <summary>Puts values into a template. Null if the result is too long.</summary>
    public string? Expand(TextTemplate template, Func<string, string, string>? encode = null) => budget.Spend(template.Expand(Get, encode));

    /// <summary>As <see cref="Expand"/>, but leaves outputs of steps to be resolved later.</summary>
    public string? ExpandAllButOutputs(TextTemplate template) => budget.Spend(template.ExpandAllButOutputs(Get));
}

/// <summary>Bounds what substitution makes of all files together, so that many small references to a long value cannot exhaust memory.</summary>
internal sealed class SubstitutionBudget
{
    private long left = 16 * 1024 * 1024;

    /// <summary>The text, or null if there is none or no room for it.</summary>
    public string? Spend(string? text)
    {
        if (text is null || left < text.Length)
            return null;
        left -= text.Length;
        return text;
    }
}
