namespace BuildRunner.Core.Expressions.Conditions;

/// <summary>A condition of <c>evaluate</c>.</summary>
internal sealed class Expression
{
    private readonly ExpressionNode root;

    private Expression(ExpressionNode root)
    {
        this.root = root;
        Outputs =
        [
            .. ExpressionKinds.Parts(root).SelectMany(part => part switch
            {
                ExpressionNode.Output output => [new TextPart.Output(output.Step, output.Key)],
                ExpressionNode.Text text => text.Template.Outputs(),
                ExpressionNode.Substitution substitution => substitution.Template.Outputs(),
                _ => [],
            }),
        ];
    }

    /// <summary>The outputs of steps that it looks at; with one, it can be judged only when the step is due.</summary>
    public IReadOnlyList<TextPart.Output> Outputs { get; }

    /// <summary>Reads an expression.</summary>
    /// <param name="text">The text as written, not substituted.</param>
    /// <param name="problem">What is wrong with it, if null is returned.</param>
    /// <param name="printed">True: the text is what <see cref="Bind"/> made.</param>
    public static Expression? Parse(string text, out string? problem, bool printed = false)
    {
        problem = null;
        try
        {
            var root = ExpressionParser.Parse(printed ? text : WrittenBackslashes.Taken(text), printed ? 4 : 1);
            if (ExpressionKinds.Of(root) is { } kind and not "bool")
                problem = $"it gives {kind}, and must be `true` or `false`";
            foreach (var pattern in Patterns(root))
                ExpressionOperators.Pattern(pattern);
            return problem is null ? new Expression(root) : null;
        }
        catch (ExpressionException bad)
        {
            // What is wrong is told to whoever wrote the expression.
            problem = bad.Message;
            return null;
        }
    }

    /// <summary>Whether the condition holds.</summary>
    /// <param name="scope">What it can look at.</param>
    /// <param name="problem">Why that cannot be told, if null is returned.</param>
    public bool? Holds(ExpressionScope scope, out string? problem)
    {
        problem = null;
        try
        {
            return ExpressionEvaluator.IsTrue(new ExpressionEvaluator(scope).Evaluate(root));
        }
        catch (ExpressionException bad)
        {
            // The caller decides what a condition without an answer means.
            problem = bad.Message;
            return null;
        }
    }

    /// <summary>The expression's text with the values of variables in it, to be judged later with nothing but outputs.</summary>
    /// <param name="variable">Gives a variable's value; null leaves it a variable.</param>
    /// <param name="problem">Why there is none, if null is returned.</param>
    public string? Bind(Func<string, string?> variable, out string? problem)
    {
        problem = ExpressionKinds.Parts(root).Any(part => part is ExpressionNode.Variable { Name: "$env" }) ? "`$env` cannot be used together with outputs of steps" : null;
        try
        {
            return problem is null ? new ExpressionPrinter(variable).Print(root) : null;
        }
        catch (ExpressionException bad)
        {
            // Reported at the condition.
            problem = bad.Message;
            return null;
        }
    }

    private static IEnumerable<string> Patterns(ExpressionNode root) => ExpressionKinds.Parts(root)
        .OfType<ExpressionNode.Binary>()
        .Where(binary => binary.Operator == "matches")
        .Select(binary => binary.Right)
        .OfType<ExpressionNode.Constant>()
        .Select(constant => constant.Value)
        .OfType<ExpressionValue.Text>()
        .Select(text => text.Value);
}
