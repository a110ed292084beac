using BuildRunner.Core.Expressions;
using BuildRunner.Core.Expressions.Conditions;
using BuildRunner.Core.Pipelines.Keys;
using BuildRunner.Core.Pipelines.Yaml;

namespace BuildRunner.Core.Pipelines.Reading;

/// <summary>Outputs of steps can be used only by steps that start after them.</summary>
internal static class OutputRules
{
    /// <summary>Checks a file.</summary>
    public static void Check(PipelineFile file, DiagnosticBag diagnostics)
    {
        foreach (var (_, location) in InConditions(file.When))
            diagnostics.Error(DiagnosticCodes.UnknownOutput, location, "a workflow cannot depend on the output of a step", "Its conditions are judged before the first step; write the condition at a step");
        foreach (var (_, location) in file.Services.Concat(file.CloneSteps).SelectMany(References))
            diagnostics.Error(DiagnosticCodes.UnknownOutput, location, "services and clone steps start before every step, and cannot use their outputs");
        var steps = new Dictionary<string, StepFile>(StringComparer.Ordinal);
        foreach (var step in file.Steps)
            steps.TryAdd(step.Name, step);
        var before = new Dictionary<string, HashSet<string>>(StringComparer.Ordinal);
        foreach (var step in file.Steps)
        {
            foreach (var (output, location) in References(step))
                Check(step, output, location, steps, before.TryGetValue(step.Name, out var known) ? known : before[step.Name] = Before(step, file.Steps), diagnostics);
        }
    }

    private static void Check(StepFile step, TextPart.Output output, SourceLocation location, Dictionary<string, StepFile> steps, HashSet<string> before, DiagnosticBag diagnostics)
    {
        if (!steps.TryGetValue(output.Step, out var source))
        {
            var near = Nearest.To(output.Step, steps.Keys);
            diagnostics.Error(DiagnosticCodes.UnknownOutput, location, $"there is no step `{output.Step}`", near is null ? "Outputs are those of steps of the same workflow" : $"Did you mean `{near}`?");
        }
        else if (source.Outputs is { } declared && !declared.Contains(output.Key))
        {
            var near = Nearest.To(output.Key, declared);
            diagnostics.Error(DiagnosticCodes.UnknownOutput, location, $"step `{output.Step}` has no output `{output.Key}`", near is null ? "Add it to the step's `outputs`" : $"Did you mean `{near}`?");
        }
        else if (!before.Contains(output.Step))
        {
            diagnostics.Error(DiagnosticCodes.UnknownOutput, location, $"step `{step.Name}` does not wait for `{output.Step}`, and cannot use its output", $"Add `{output.Step}` to its `depends_on`");
        }
    }

    // Steps that have ended when this one starts, as far as the file says.
    private static HashSet<string> Before(StepFile step, IReadOnlyList<StepFile> steps)
    {
        if (steps.All(other => other.DependsOn is null))
            return [.. steps.TakeWhile(other => other != step).Where(other => other.Group is null || other.Group != step.Group).Select(other => other.Name)];
        var found = new HashSet<string>(StringComparer.Ordinal);
        var pending = new Queue<string>((step.DependsOn ?? []).Select(dependency => dependency.Name));
        while (pending.TryDequeue(out var name))
        {
            if (!found.Add(name))
                continue;
            foreach (var dependency in steps.Where(other => other.Name == name).SelectMany(other => other.DependsOn ?? []))
                pending.Enqueue(dependency.Name);
        }
        return found;
    }

    private static IEnumerable<(TextPart.Output Output, SourceLocation Location)> References(StepFile step) =>
        step.Environment.Concat(step.Settings).SelectMany(entry => InData(entry.Value)).Concat(InConditions(step.When));

    private static IEnumerable<(TextPart.Output, SourceLocation)> InData(YamlNode node) => node switch
    {
        YamlNode.Scalar scalar when scalar.Text.Contains("${steps.", StringComparison.Ordinal) =>
            TextTemplate.Parse(scalar.Text, out _)?.Outputs().Select(output => (output, scalar.Location)) ?? [],
        YamlNode.Sequence sequence => sequence.Items.SelectMany(InData),
        YamlNode.Mapping mapping => mapping.Entries.SelectMany(entry => InData(entry.Value)),
        _ => [],
    };

    private static IEnumerable<(TextPart.Output, SourceLocation)> InConditions(IReadOnlyList<WhenFile> conditions) => conditions
        .Select(condition => condition.Evaluate)
        .OfType<TextFile>()
        .SelectMany(evaluate => Expression.Parse(evaluate.Text, out _)?.Outputs.Select(output => (output, evaluate.Location)) ?? []);
}
