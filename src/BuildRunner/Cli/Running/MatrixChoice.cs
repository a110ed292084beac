using BuildRunner.Core.Planning;

namespace BuildRunner.Cli.Running;

/// <summary><c>--matrix KEY=VALUE</c>: only the cells with these values; workflows without such an axis are not touched. Pure.</summary>
internal static class MatrixChoice
{
    /// <summary>Reads the flag's values.</summary>
    /// <exception cref="CliException">One is not <c>KEY=VALUE</c>.</exception>
    public static IReadOnlyList<KeyValuePair<string, string>> Read(IEnumerable<string> given) =>
        [.. given.Select(text => text.Split('=', 2) is [{ Length: > 0 } key, var value]
            ? KeyValuePair.Create(key, value)
            : throw new CliException(ExitCode.Usage, $"--matrix {text}: this is not KEY=VALUE"))];

    /// <summary>Skips the other cells.</summary>
    /// <exception cref="CliException">No matrix has the axis, or the value on it.</exception>
    public static RunPlan Apply(RunPlan plan, IReadOnlyList<KeyValuePair<string, string>> wanted)
    {
        foreach (var axis in wanted.ToLookup(w => w.Key, w => w.Value))
        {
            Check(plan, axis.Key, axis);
            plan = plan with { Workflows = [.. plan.Workflows.Select(w => Judge(w, axis.Key, axis))] };
        }

        return plan;
    }

    /// <summary>Whether a workflow has one of these values on an axis, or no such axis.</summary>
    public static bool Has(WorkflowPlan workflow, string axis, IEnumerable<string> values) => !workflow.Matrix.TryGetValue(axis, out var value) || values.Contains(value);

    private static WorkflowPlan Judge(WorkflowPlan workflow, string axis, IEnumerable<string> values) =>
        workflow.SkipReason is null && !Has(workflow, axis, values)
            ? workflow with { SkipReason = $"not chosen by --matrix: its {axis} is {workflow.Matrix[axis]}" }
            : workflow;

    private static void Check(RunPlan plan, string axis, IEnumerable<string> values)
    {
        var present = plan.Workflows.Where(w => w.Matrix.ContainsKey(axis)).Select(w => w.Matrix[axis]).ToHashSet();
        if (present.Count == 0)
        {
            var axes = plan.Workflows.SelectMany(w => w.Matrix.Keys).Distinct().ToList();
            throw new CliException(
                ExitCode.Usage,
                $"--matrix {axis}=…: no matrix has '{axis}'" + (axes.Count == 0 ? "; there is no matrix" : $". There {(axes.Count == 1 ? "is" : "are")}: {string.Join(", ", axes)}"));
        }

        foreach (var value in values.Where(v => !present.Contains(v)))
        {
            throw new CliException(ExitCode.Usage, $"--matrix {axis}={value}: no cell has this value. There {(present.Count == 1 ? "is" : "are")}: {string.Join(", ", present)}");
        }
    }
}
