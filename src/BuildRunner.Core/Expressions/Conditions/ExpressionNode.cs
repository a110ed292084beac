namespace BuildRunner.Core.Expressions.Conditions;

/// <summary>A part of an expression. A closed hierarchy.</summary>
internal abstract record ExpressionNode
{
    private ExpressionNode()
    {
    }

    /// <summary>A value.</summary>
    /// <param name="Value">The value.</param>
    public sealed record Constant(ExpressionValue Value) : ExpressionNode;

    /// <summary>A text with substitutions in it; the values go in as data.</summary>
    /// <param name="Template">The text.</param>
    public sealed record Text(TextTemplate Template) : ExpressionNode;

    /// <summary>A substitution outside of quotes: a number, a boolean or a text, whatever its value looks like.</summary>
    /// <param name="Template">The substitution.</param>
    public sealed record Substitution(TextTemplate Template) : ExpressionNode;

    /// <summary>A variable of the run, of <c>let</c>, or <c>$env</c>.</summary>
    /// <param name="Name">Its name.</param>
    public sealed record Variable(string Name) : ExpressionNode;

    /// <summary>An output of a step.</summary>
    /// <param name="Step">The step's name.</param>
    /// <param name="Key">The output's name.</param>
    public sealed record Output(string Step, string Key) : ExpressionNode;

    /// <summary>The item at hand in a predicate: <c>#</c>, <c>#acc</c>, <c>#index</c>.</summary>
    /// <param name="Name">Empty, <c>acc</c> or <c>index</c>.</param>
    public sealed record Pointer(string Name) : ExpressionNode;

    /// <summary>An operator before its operand.</summary>
    /// <param name="Operator"><c>not</c>, <c>-</c> or <c>+</c>.</param>
    /// <param name="Operand">The operand.</param>
    public sealed record Unary(string Operator, ExpressionNode Operand) : ExpressionNode;

    /// <summary>An operator between its operands.</summary>
    /// <param name="Operator">The operator.</param>
    /// <param name="Left">Left operand.</param>
    /// <param name="Right">Right operand.</param>
    public sealed record Binary(string Operator, ExpressionNode Left, ExpressionNode Right) : ExpressionNode;

    /// <summary>One of two.</summary>
    /// <param name="Condition">Decides.</param>
    /// <param name="Then">If it is true.</param>
    /// <param name="Otherwise">If it is false.</param>
    public sealed record Conditional(ExpressionNode Condition, ExpressionNode Then, ExpressionNode Otherwise) : ExpressionNode;

    /// <summary>An entry of a mapping or an item of a list.</summary>
    /// <param name="Target">The mapping or list.</param>
    /// <param name="Key">Which.</param>
    /// <param name="Optional">True: of nothing comes nothing.</param>
    public sealed record Member(ExpressionNode Target, ExpressionNode Key, bool Optional) : ExpressionNode;

    /// <summary>A part of a list or text.</summary>
    /// <param name="Target">The list or text.</param>
    /// <param name="From">First index; null: 0.</param>
    /// <param name="To">Index behind the last; null: the end.</param>
    public sealed record Slice(ExpressionNode Target, ExpressionNode? From, ExpressionNode? To) : ExpressionNode;

    /// <summary>A list.</summary>
    /// <param name="Items">Its items.</param>
    public sealed record List(IReadOnlyList<ExpressionNode> Items) : ExpressionNode;

    /// <summary>A mapping.</summary>
    /// <param name="Entries">Its entries.</param>
    public sealed record Map(IReadOnlyList<(ExpressionNode Key, ExpressionNode Value)> Entries) : ExpressionNode;

    /// <summary>A function.</summary>
    /// <param name="Function">Its name.</param>
    /// <param name="Arguments">Its arguments; a <see cref="Predicate"/> among them is evaluated for each item.</param>
    public sealed record Call(string Function, IReadOnlyList<ExpressionNode> Arguments) : ExpressionNode;

    /// <summary>An expression that is evaluated for each item of a list.</summary>
    /// <param name="Body">The expression.</param>
    public sealed record Predicate(ExpressionNode Body) : ExpressionNode;

    /// <summary>A variable of the expression's own.</summary>
    /// <param name="Name">Its name.</param>
    /// <param name="Value">Its value.</param>
    /// <param name="Body">Where it holds.</param>
    public sealed record Let(string Name, ExpressionNode Value, ExpressionNode Body) : ExpressionNode;
}
