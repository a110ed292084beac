namespace BuildRunner.Core.Expressions;

/// <summary>
/// A value that holds outputs of steps, as <c>PlanValue.Template</c> carries it: <c>${steps.NAME.outputs.KEY}</c> is an output, <c>$$</c> is a dollar,
/// everything else stands for itself. Data that was put into it can therefore never be taken for an output.
/// </summary>
public static class OutputTemplate
{
    /// <summary>The value, once the outputs are known.</summary>
    /// <param name="text">The template's text.</param>
    /// <param name="output">Gives an output from the step's and the output's name; null counts as empty.</param>
    public static string Resolve(string text, Func<string, string, string?> output)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(output);
        if (TextTemplate.Parse(text, out _) is not { } template)
            return text;
        return string.Concat(template.Parts.Select(part => part switch
        {
            TextPart.Literal literal => literal.Text,
            TextPart.Output reference => output(reference.Step, reference.Key) ?? "",
            _ => "",
        }));
    }
}
