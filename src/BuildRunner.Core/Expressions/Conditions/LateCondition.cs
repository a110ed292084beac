namespace BuildRunner.Core.Expressions.Conditions;

/// <summary>Judges <c>StepPlan.LateCondition</c> when the step is due: its outputs are known by then, everything else is written in it.</summary>
public static class LateCondition
{
    /// <summary>Whether the step runs.</summary>
    /// <param name="condition">The condition, as the plan has it.</param>
    /// <param name="status">The workflow's state at this moment: <c>success</c>, <c>failure</c> or <c>cancelled</c>; the condition knows it as <c>CI_PIPELINE_STATUS</c>.</param>
    /// <param name="output">Gives an output by the names of step and output; null counts as empty.</param>
    /// <param name="problem">Why that cannot be told, a sentence, if null is returned: the step then is an error.</param>
    public static bool? Holds(string condition, string status, Func<string, string, string?> output, out string? problem)
    {
        ArgumentNullException.ThrowIfNull(condition);
        ArgumentNullException.ThrowIfNull(output);
        if (Expression.Parse(condition, out problem, printed: true) is not { } expression)
            return null;
        return expression.Holds(new ExpressionScope(name => name == StatusVariable ? status : null, [StatusVariable], output), out problem);
    }

    /// <summary>The variable with the workflow's state.</summary>
    internal const string StatusVariable = "CI_PIPELINE_STATUS";
}
