using System.Diagnostics;
using System.Globalization;

namespace BuildRunner.Core.Expressions.Conditions;

/// <summary>What an expression can look at.</summary>
/// <param name="Variable">Gives a variable's value; null: it is not defined, and counts as the empty text, as in Woodpecker.</param>
/// <param name="Names">Names of all variables, for <c>$env</c>.</param>
/// <param name="Output">Gives an output by the names of step and output; null if outputs are not known yet.</param>
internal sealed record ExpressionScope(Func<string, string?> Variable, IEnumerable<string> Names, Func<string, string, string?>? Output);

/// <summary>Evaluates an expression. Ends in bounded time and memory: what is made is charged to a budget. Made for one evaluation.</summary>
internal sealed partial class ExpressionEvaluator(ExpressionScope scope)
{
    // About what a character costs that is copied; a step costs as much as some dozen of them.
    private const long Budget = 16_000_000;
    private const long StepCost = 32;

    private readonly Stack<(string Name, ExpressionValue Value)> locals = new();
    private readonly Stack<Item> items = new();
    private long spent;

    /// <summary>The value of an expression.</summary>
    /// <exception cref="ExpressionException">It has none.</exception>
    public ExpressionValue Evaluate(ExpressionNode node)
    {
        var value = node switch
        {
            ExpressionNode.Constant constant => constant.Value,
            ExpressionNode.Text text => new ExpressionValue.Text(Expand(text.Template)),
            ExpressionNode.Substitution substitution => Typed(Expand(substitution.Template)),
            ExpressionNode.Variable variable => Variable(variable.Name),
            ExpressionNode.Output output => new ExpressionValue.Text(Output(output.Step, output.Key)),
            ExpressionNode.Pointer pointer => Pointer(pointer.Name),
            ExpressionNode.Unary unary => Unary(unary),
            ExpressionNode.Binary binary => Binary(binary),
            ExpressionNode.Conditional conditional => Evaluate(IsTrue(Evaluate(conditional.Condition)) ? conditional.Then : conditional.Otherwise),
            ExpressionNode.Member member => Member(member),
            ExpressionNode.Slice slice => Slice(slice),
            ExpressionNode.List list => new ExpressionValue.List([.. list.Items.Select(Evaluate)]),
            ExpressionNode.Map map => Map(map),
            ExpressionNode.Call call => Call(call),
            ExpressionNode.Let let => Let(let),
            _ => throw new UnreachableException(),
        };
        // What was there before costs nothing but the step.
        Spend(node is ExpressionNode.Constant or ExpressionNode.Variable or ExpressionNode.Pointer ? StepCost : StepCost + value.Size);
        return value;
    }

    /// <summary>Whether a value is <c>true</c>.</summary>
    /// <exception cref="ExpressionException">It is neither <c>true</c> nor <c>false</c>.</exception>
    public static bool IsTrue(ExpressionValue value) =>
        value is ExpressionValue.Boolean boolean ? boolean.Value : throw new ExpressionException($"`true` or `false` is expected, not {value.Kind}");

    private void Spend(long cost)
    {
        spent += cost;
        if (spent > Budget)
            throw new ExpressionException("it takes too much work");
    }

    private ExpressionValue Variable(string name)
    {
        foreach (var (local, value) in locals)
        {
            if (local == name)
                return value;
        }
        return name == "$env"
            ? new ExpressionValue.Map(scope.Names.Distinct().ToDictionary(known => known, ExpressionValue (known) => new ExpressionValue.Text(scope.Variable(known) ?? ""), StringComparer.Ordinal))
            : new ExpressionValue.Text(scope.Variable(name) ?? "");
    }

    private string Expand(TextTemplate template)
    {
        if (!template.HasOutputs)
            return template.Expand(scope.Variable) ?? throw new ExpressionException("substitution makes a text that is too long");
        var text = template.ExpandAllButOutputs(scope.Variable) ?? throw new ExpressionException("substitution makes a text that is too long");
        return OutputTemplate.Resolve(text, Output);
    }

    private string Output(string step, string key) =>
        scope.Output is { } output ? output(step, key) ?? "" : throw new ExpressionException("outputs of steps are known only when a step starts");

    // A substitution outside of quotes is what it looks like, but never a piece of the expression.
    private static ExpressionValue Typed(string text)
    {
        if (text is "true" or "false")
            return ExpressionValue.Of(text == "true");
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var integer))
            return new ExpressionValue.Integer(integer);
        return double.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)
            ? new ExpressionValue.Float(number)
            : new ExpressionValue.Text(text);
    }

    private ExpressionValue Unary(ExpressionNode.Unary unary)
    {
        var operand = Evaluate(unary.Operand);
        return (unary.Operator, operand) switch
        {
            ("not", _) => ExpressionValue.Of(!IsTrue(operand)),
            ("-", ExpressionValue.Integer integer) => new ExpressionValue.Integer(unchecked(-integer.Value)),
            ("-", ExpressionValue.Float number) => new ExpressionValue.Float(-number.Value),
            ("+", { Number: not null }) => operand,
            _ => throw new ExpressionException($"`{unary.Operator}` is for numbers, not for {operand.Kind}"),
        };
    }

    private ExpressionValue Binary(ExpressionNode.Binary binary)
    {
        var left = Evaluate(binary.Left);
        switch (binary.Operator)
        {
            case "and":
                return ExpressionValue.Of(IsTrue(left) && IsTrue(Evaluate(binary.Right)));
            case "or":
                return ExpressionValue.Of(IsTrue(left) || IsTrue(Evaluate(binary.Right)));
            case "??":
                return left is ExpressionValue.Nil ? Evaluate(binary.Right) : left;
            default:
                var right = Evaluate(binary.Right);
                Spend(left.Size + right.Size);
                return ExpressionOperators.Apply(binary.Operator, left, right);
        }
    }

    private ExpressionValue Member(ExpressionNode.Member member)
    {
        var target = Evaluate(member.Target);
        if (target is ExpressionValue.Nil && member.Optional)
            return target;
        var key = Evaluate(member.Key);
        return ListFunctions.Get(target, key)
            ?? (target is ExpressionValue.Map ? ExpressionValue.Nothing : throw new ExpressionException($"there is no item {key.Said}"));
    }

    private ExpressionValue Slice(ExpressionNode.Slice slice)
    {
        var target = Evaluate(slice.Target);
        var length = target switch
        {
            ExpressionValue.Text { Value.Length: var characters } => characters,
            ExpressionValue.List { Items.Count: var count } => count,
            _ => throw new ExpressionException($"`[:]` is for lists and texts, not for {target.Kind}"),
        };
        var from = Bound(slice.From, 0, length);
        var to = Math.Max(from, Bound(slice.To, length, length));
        return target is ExpressionValue.Text text
            ? new ExpressionValue.Text(text.Value[from..to])
            : new ExpressionValue.List([.. ((ExpressionValue.List)target).Items.Skip(from).Take(to - from)]);
    }

    private int Bound(ExpressionNode? node, long otherwise, long length)
    {
        if (node is null)
            return (int)otherwise;
        var index = Evaluate(node) is ExpressionValue.Integer integer ? integer.Value : throw new ExpressionException("`[:]` takes whole numbers");
        return (int)Math.Clamp(index < 0 ? length + index : index, 0, length);
    }

    private ExpressionValue.Map Map(ExpressionNode.Map map)
    {
        var entries = new Dictionary<string, ExpressionValue>(StringComparer.Ordinal);
        foreach (var (key, value) in map.Entries)
            entries[Evaluate(key).Said] = Evaluate(value);
        return new ExpressionValue.Map(entries);
    }

    private ExpressionValue Let(ExpressionNode.Let let)
    {
        locals.Push((let.Name, Evaluate(let.Value)));
        var value = Evaluate(let.Body);
        locals.Pop();
        return value;
    }
}
