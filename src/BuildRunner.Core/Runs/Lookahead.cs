using BuildRunner.Core.Planning;

namespace BuildRunner.Core.Runs;

/// <summary>Which steps will be due next if all goes well: they can be prepared while others run.</summary>
public static class Lookahead
{
    /// <summary>Waiting steps whose dependencies have all ended or are running, in the order of the file.</summary>
    public static IEnumerable<StepPlan> Next(WorkflowPlan plan, WorkflowState state)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(state);
        if (state.Phase is not (WorkflowPhase.Starting or WorkflowPhase.Running) || state.Halt is not null)
        {
            return [];
        }

        var phases = state.Steps.ToDictionary(s => s.Name, s => s.Phase, StringComparer.Ordinal);
        var status = StepRules.FirstBad(state) is null ? "success" : "failure";
        return plan.Steps.Where(step =>
            step.SkipReason is null
            && phases[step.Name] is StepPhase.Waiting
            && step.RunsOnStatus.Contains(status)
            && step.DependsOn.All(d => !phases.TryGetValue(d.Name, out var phase) || phase is StepPhase.Done or StepPhase.Running));
    }
}
