namespace BuildRunner.Core.Expressions.Conditions;

/// <summary>Finds out, without values, what an expression gives.</summary>
internal static class ExpressionKinds
{
    /// <summary>The kind of value, as <see cref="ExpressionValue.Kind"/> says it; null: that depends.</summary>
    public static string? Of(ExpressionNode node) => node switch
    {
        ExpressionNode.Constant constant => constant.Value.Kind,
        ExpressionNode.Text or ExpressionNode.Output => "string",
        ExpressionNode.Variable { Name: "$env" } or ExpressionNode.Map => "map",
        ExpressionNode.List => "array",
        ExpressionNode.Unary { Operator: "not" } => "bool",
        ExpressionNode.Binary binary => binary.Operator switch
        {
            "+" or "??" => null,
            "-" or "*" or "%" => "int",
            "/" or "**" => "float",
            ".." => "array",
            _ => "bool",
        },
        ExpressionNode.Conditional conditional when Of(conditional.Then) is { } kind && kind == Of(conditional.Otherwise) => kind,
        ExpressionNode.Call call when ExpressionFunctions.TryGet(call.Function, out var function) && function.Gives.Length > 0 => function.Gives,
        ExpressionNode.Let let => Of(let.Body),
        _ => null,
    };

    /// <summary>Every part of an expression.</summary>
    public static IEnumerable<ExpressionNode> Parts(ExpressionNode node) => Children(node).SelectMany(Parts).Prepend(node);

    /// <summary>The parts of which a part is made.</summary>
    public static IEnumerable<ExpressionNode> Children(ExpressionNode node) => node switch
    {
        ExpressionNode.Unary unary => [unary.Operand],
        ExpressionNode.Binary binary => [binary.Left, binary.Right],
        ExpressionNode.Conditional conditional => [conditional.Condition, conditional.Then, conditional.Otherwise],
        ExpressionNode.Member member => [member.Target, member.Key],
        ExpressionNode.Slice slice => new[] { slice.Target, slice.From, slice.To }.OfType<ExpressionNode>(),
        ExpressionNode.List list => list.Items,
        ExpressionNode.Map map => map.Entries.SelectMany(entry => new[] { entry.Key, entry.Value }),
        ExpressionNode.Call call => call.Arguments,
        ExpressionNode.Predicate predicate => [predicate.Body],
        ExpressionNode.Let let => [let.Value, let.Body],
        _ => [],
    };
}
