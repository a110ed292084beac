using BuildRunner.Core.Planning;

namespace BuildRunner.Core.Runs;

/// <summary>Which steps will be due next if all goes well: they can be prepared while others run.</summary>
public static class Lookahead
{
    /// <summary>Waiting steps whose dependencies have all ended or are running, then those that follow them, in the order of the file.</summary>
    /// <param name="plan">The workflow.</param>
    /// <param name="state">Where it is.</param>
    /// <param name="depth">How many steps after one another are looked at.</param>
    public static IEnumerable<StepPlan> Next(WorkflowPlan plan, WorkflowState state, int depth = 1)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(state);
        if (state.Phase is not (WorkflowPhase.Starting or WorkflowPhase.Running) || state.Halt is not null)
        {
            return [];
        }

        var phases = state.Steps.ToDictionary(s => s.Name, s => s.Phase, StringComparer.Ordinal);
        var status = StepRules.FirstBad(state) is null ? "success" : "failure";
        var waiting = plan.Steps.Where(step => step.SkipReason is null && phases[step.Name] is StepPhase.Waiting && step.RunsOnStatus.Contains(status)).ToList();
        var expected = phases.Where(p => p.Value is StepPhase.Done or StepPhase.Running).Select(p => p.Key).ToHashSet(StringComparer.Ordinal);
        List<StepPlan> next = [];
        for (var level = 0; level < depth && waiting.Count > 0; level++)
        {
            var due = waiting.Where(step => step.DependsOn.All(d => !phases.ContainsKey(d.Name) || expected.Contains(d.Name))).ToList();
            waiting.RemoveAll(due.Contains);
            expected.UnionWith(due.Select(s => s.Name));
            next.AddRange(due);
        }

        return next;
    }

    /// <summary>How many steps of a workflow may be due at once, as far as its dependencies tell.</summary>
    public static int Width(WorkflowPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var depths = new Dictionary<string, int>(StringComparer.Ordinal);
        var steps = plan.Steps.Where(s => s.SkipReason is null).ToList();
        for (var left = steps; left.Count > 0;)
        {
            var known = left.Where(s => s.DependsOn.All(d => depths.ContainsKey(d.Name) || !left.Exists(l => l.Name == d.Name))).ToList();
            if (known.Count == 0)
            {
                break;
            }

            var deeper = known.ToDictionary(s => s.Name, s => 1 + s.DependsOn.Select(d => depths.GetValueOrDefault(d.Name)).DefaultIfEmpty().Max(), StringComparer.Ordinal);
            foreach (var (name, depth) in deeper)
            {
                depths[name] = depth;
            }

            left = [.. left.Except(known)];
        }

        return depths.Values.CountBy(d => d).Select(d => d.Value).DefaultIfEmpty(1).Max();
    }
}
