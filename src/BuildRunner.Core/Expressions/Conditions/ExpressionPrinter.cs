using System.Diagnostics;
using System.Text;

namespace BuildRunner.Core.Expressions.Conditions;

/// <summary>Writes an expression so that reading it gives the same again, with the values of known variables in it.</summary>
/// <param name="variable">Gives a variable's value; null leaves it a variable.</param>
internal sealed class ExpressionPrinter(Func<string, string?> variable)
{
    private readonly List<string> locals = [];

    /// <summary>The expression's text.</summary>
    public string Print(ExpressionNode node) => node switch
    {
        ExpressionNode.Constant constant => Print(constant.Value),
        ExpressionNode.Text text => Quote(Known(text.Template), escapeDollars: false),
        ExpressionNode.Substitution substitution => substitution.Template.HasOutputs ? Known(substitution.Template) : Print(substitution),
        ExpressionNode.Variable name => !locals.Contains(name.Name) && variable(name.Name) is { } value ? Quote(value, escapeDollars: true) : name.Name,
        ExpressionNode.Output output => $"steps[{Quote(output.Step, escapeDollars: true)}].outputs[{Quote(output.Key, escapeDollars: true)}]",
        ExpressionNode.Pointer pointer => "#" + pointer.Name,
        ExpressionNode.Unary unary => $"({unary.Operator} {Print(unary.Operand)})",
        ExpressionNode.Binary binary => $"({Chain(binary)})",
        ExpressionNode.Conditional conditional => $"({Print(conditional.Condition)} ? {Print(conditional.Then)} : {Print(conditional.Otherwise)})",
        ExpressionNode.Member member => $"{Print(member.Target)}{(member.Optional ? "?." : "")}[{Print(member.Key)}]",
        ExpressionNode.Slice slice => $"{Print(slice.Target)}[{(slice.From is null ? "" : Print(slice.From))}:{(slice.To is null ? "" : Print(slice.To))}]",
        ExpressionNode.List list => $"[{string.Join(", ", list.Items.Select(Print))}]",
        ExpressionNode.Map map => $"{{{string.Join(", ", map.Entries.Select(entry => $"({Print(entry.Key)}): {Print(entry.Value)}"))}}}",
        ExpressionNode.Call call => $"{call.Function}({string.Join(", ", call.Arguments.Select(Print))})",
        ExpressionNode.Predicate predicate => $"{{{Print(predicate.Body)}}}",
        ExpressionNode.Let let => Print(let),
        _ => throw new UnreachableException(),
    };

    // a or b or c: no parentheses on the left, so that a long chain does not become a deep one.
    private string Chain(ExpressionNode.Binary binary)
    {
        var left = binary.Operator is "and" or "or" && binary.Left is ExpressionNode.Binary same && same.Operator == binary.Operator ? Chain(same) : Print(binary.Left);
        return $"{left} {binary.Operator} {Print(binary.Right)}";
    }

    private string Print(ExpressionNode.Let let)
    {
        var value = Print(let.Value);
        locals.Add(let.Name);
        var body = Print(let.Body);
        locals.RemoveAt(locals.Count - 1);
        return $"(let {let.Name} = {value}; {body})";
    }

    // A substitution of which everything is known becomes a value, of the kind that it looks like.
    private string Print(ExpressionNode.Substitution substitution) =>
        Print(new ExpressionEvaluator(new ExpressionScope(variable, [], null)).Evaluate(substitution));

    private static string Print(ExpressionValue value) => value switch
    {
        ExpressionValue.Text text => Quote(text.Value, escapeDollars: true),
        ExpressionValue.Nil => "nil",
        { Number: < 0 } => $"({value.Said})",
        _ => value.Said,
    };

    private string Known(TextTemplate template) => template.ExpandAllButOutputs(name => variable(name) ?? "") ?? throw new ExpressionException("substitution makes a text that is too long");

    private static string Quote(string text, bool escapeDollars)
    {
        var result = new StringBuilder("\"");
        foreach (var character in text)
        {
            _ = character switch
            {
                '"' or '\\' => result.Append('\\').Append(character),
                '\n' => result.Append("\\n"),
                '\r' => result.Append("\\r"),
                '$' when escapeDollars => result.Append("$$"),
                _ => result.Append(character),
            };
        }
        return result.Append('"').ToString();
    }
}
