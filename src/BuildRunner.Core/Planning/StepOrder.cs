using BuildRunner.Core.Pipelines;

namespace BuildRunner.Core.Planning;

/// <summary>
/// Who waits for whom. Without any <c>depends_on</c> steps run one after the other, those of one <c>group</c> together; with one, each step starts as soon as
/// its own dependencies have ended. A step that does not run is passed over.
/// </summary>
internal static class StepOrder
{
    /// <summary>Orders the steps of a workflow.</summary>
    /// <param name="steps">Steps with unique names, and why each does not run, if so.</param>
    /// <param name="first">What every step waits for, directly or not: the last clone step; null: nothing.</param>
    /// <returns>For each step what it waits for, and why it does not run.</returns>
    public static IReadOnlyList<OrderedStep> Arrange(IReadOnlyList<(StepFile File, string Name, string? SkipReason)> steps, string? first)
    {
        IReadOnlyList<PlanDependency> start = first is null ? [] : [new PlanDependency(first)];
        return steps.Any(step => step.File.DependsOn is not null) ? ByDependencies(steps, start) : InSequence(steps, start);
    }

    private static List<OrderedStep> InSequence(IReadOnlyList<(StepFile File, string Name, string? SkipReason)> steps, IReadOnlyList<PlanDependency> start)
    {
        var result = new List<OrderedStep>();
        IReadOnlyList<PlanDependency> before = start;
        var together = new List<PlanDependency>();
        string? group = null;
        foreach (var (file, name, skipReason) in steps)
        {
            if (together.Count > 0 && (file.Group is null || file.Group != group))
            {
                before = [.. together];
                together.Clear();
            }
            result.Add(new OrderedStep(before, skipReason));
            group = file.Group;
            if (skipReason is null)
                together.Add(new PlanDependency(name));
        }
        return result;
    }

    private static List<OrderedStep> ByDependencies(IReadOnlyList<(StepFile File, string Name, string? SkipReason)> steps, IReadOnlyList<PlanDependency> start)
    {
        var skipped = steps.Where(step => step.SkipReason is not null).ToDictionary(step => step.Name, step => step.SkipReason!, StringComparer.Ordinal);
        var known = steps.Select(step => step.Name).ToHashSet(StringComparer.Ordinal);
        // Leaving out one step can leave out others, so look again until nothing changes.
        for (var changed = true; changed;)
        {
            changed = false;
            foreach (var (file, name, _) in steps.Where(step => !skipped.ContainsKey(step.Name)))
            {
                var missing = file.DependsOn?.FirstOrDefault(dependency => !dependency.Optional && skipped.ContainsKey(dependency.Name));
                if (missing is null)
                    continue;
                skipped.Add(name, $"it depends on `{missing.Name}`, which does not run");
                changed = true;
            }
        }
        return
        [
            .. steps.Select(step =>
            {
                var skipReason = skipped.GetValueOrDefault(step.Name);
                var dependsOn = (step.File.DependsOn ?? [])
                    .Where(dependency => known.Contains(dependency.Name) && (skipReason is not null || !skipped.ContainsKey(dependency.Name)))
                    .DistinctBy(dependency => dependency.Name)
                    .Select(dependency => new PlanDependency(dependency.Name, dependency.Optional))
                    .ToList();
                return new OrderedStep(dependsOn.Count > 0 ? dependsOn : start, skipReason);
            }),
        ];
    }
}

/// <summary>What <see cref="StepOrder"/> found for a step.</summary>
/// <param name="DependsOn">What it waits for.</param>
/// <param name="SkipReason">Why it does not run; null: it runs.</param>
internal sealed record OrderedStep(IReadOnlyList<PlanDependency> DependsOn, string? SkipReason);
