using BuildRunner.Core.Pipelines.Keys;

namespace BuildRunner.Core.Pipelines.Reading;

/// <summary>Finds dependencies on steps that do not exist, and dependencies that form a circle.</summary>
internal static class DependencyRules
{
    /// <summary>Checks the steps of a workflow.</summary>
    public static void Check(IReadOnlyList<StepFile> steps, DiagnosticBag diagnostics)
    {
        var names = steps.Select(step => step.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var dependency in steps.SelectMany(step => step.DependsOn ?? []).Where(dependency => !names.Contains(dependency.Name)))
        {
            var near = Nearest.To(dependency.Name, names);
            var hint = near is null ? "Dependencies are names of steps of the same workflow" : $"Did you mean `{near}`?";
            if (dependency.Optional)
                diagnostics.Warning(DiagnosticCodes.UnknownDependency, dependency.Location, $"there is no step `{dependency.Name}`", hint);
            else
                diagnostics.Error(DiagnosticCodes.UnknownDependency, dependency.Location, $"there is no step `{dependency.Name}`", hint);
        }
        ReportCycles([.. steps.Select(step => (step.Name, step.DependsOn ?? []))], "step", diagnostics);
    }

    /// <summary>Reports each circle once, at the dependency that closes it.</summary>
    /// <param name="nodes">Names with what they depend on; names that are not among them are passed over.</param>
    /// <param name="noun"><c>step</c> or <c>workflow</c>.</param>
    /// <param name="diagnostics">Where they go.</param>
    /// <returns>True if there is one.</returns>
    public static bool ReportCycles(IReadOnlyList<(string Name, IReadOnlyList<DependencyFile> DependsOn)> nodes, string noun, DiagnosticBag diagnostics)
    {
        var edges = new Dictionary<string, IReadOnlyList<DependencyFile>>(StringComparer.Ordinal);
        foreach (var (name, dependsOn) in nodes)
            edges.TryAdd(name, dependsOn);
        var done = new HashSet<string>(StringComparer.Ordinal);
        var found = false;
        foreach (var (start, _) in nodes)
        {
            foreach (var (circle, closing) in Circles(start, edges, done))
            {
                found = true;
                var message = circle.Count == 1 ? $"{noun} `{circle[0]}` depends on itself" : $"{noun}s wait for each other: {string.Join(" needs ", circle.Append(closing.Name).Select(name => $"`{name}`"))}";
                diagnostics.Error(DiagnosticCodes.Cycle, closing.Location, message, "Remove one of these dependencies");
            }
        }
        return found;
    }

    // Depth first with a stack of its own: 256 steps in a row are no reason to recurse. Gives the names of each circle, and the dependency that closes it.
    private static IEnumerable<(IReadOnlyList<string> Circle, DependencyFile Closing)> Circles(string start, Dictionary<string, IReadOnlyList<DependencyFile>> edges, HashSet<string> done)
    {
        var path = new List<(string Name, int Next)>();
        if (!done.Contains(start))
            path.Add((start, 0));
        while (path.Count > 0)
        {
            var (name, next) = path[^1];
            if (next >= edges[name].Count)
            {
                done.Add(name);
                path.RemoveAt(path.Count - 1);
                continue;
            }
            path[^1] = (name, next + 1);
            var dependency = edges[name][next];
            if (!edges.ContainsKey(dependency.Name) || done.Contains(dependency.Name))
                continue;
            var earlier = path.FindIndex(step => step.Name == dependency.Name);
            if (earlier < 0)
                path.Add((dependency.Name, 0));
            else
                yield return ([.. path.Skip(earlier).Select(step => step.Name)], dependency);
        }
    }
}
