using BuildRunner.Core.Runs;
using BuildRunner.Server.Orchestration;

namespace BuildRunner.Server.Runs;

/// <summary>What of a run is to run again. A closed hierarchy.</summary>
internal abstract record RerunWhat
{
    private RerunWhat()
    {
    }

    /// <summary>Everything.</summary>
    public sealed record All : RerunWhat;

    /// <summary>Workflows that did not end well, and those that depend on them.</summary>
    public sealed record Failed : RerunWhat;

    /// <summary>One workflow, by its name or its label, and those that depend on it.</summary>
    public sealed record Workflow(string Name) : RerunWhat;
}

/// <summary>The first state of another attempt. Pure.</summary>
internal static class Rerun
{
    /// <summary>The state: workflows that need not run again have ended already, as they did before.</summary>
    /// <returns>Null if nothing would run.</returns>
    public static RunState? Of(PlannedRun run, RunState before, RerunWhat what, RunId id, DateTimeOffset now)
    {
        var fresh = run.Machine.Create(id, now);
        var again = Again(run, before, what);
        return again.Count == 0
            ? null
            : fresh with { Workflows = [.. fresh.Workflows.Select(w => again.Contains(w.Name) ? w : before.Workflow(w.Name))] };
    }

    private static HashSet<string> Again(PlannedRun run, RunState before, RerunWhat what)
    {
        HashSet<string> again =
        [
            .. from workflow in before.Workflows
               let outcome = (workflow.Phase as WorkflowPhase.Done)?.Outcome
               where what switch
               {
                   RerunWhat.Failed => outcome is not (Outcome.Success or Outcome.Skipped),
                   RerunWhat.Workflow(var name) => workflow.Name == name || run.Plan.Workflows.First(w => w.Name == workflow.Name).Label == name,
                   _ => true,
               }
               select workflow.Name,
        ];

        // What depends on something that runs again has to wait for its new outcome.
        bool grown;
        do
        {
            grown = run.Plan.Workflows.Where(w => w.DependsOn.Any(d => again.Contains(d.Name))).ToList().Exists(w => again.Add(w.Name));
        }
        while (grown);
        return again;
    }
}
