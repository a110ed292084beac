using BuildRunner.Core.Runs;

namespace BuildRunner.Cli.Running;

/// <summary>What to do after a run that did not go well.</summary>
internal static class Hints
{
    /// <summary>A few words and a command each.</summary>
    public static IReadOnlyList<(string What, string Command)> Of(RunState state)
    {
        var hints = new List<(string, string)>();
        if (state.Workflows.Any(w => w.Halt is Outcome.Error || w.Steps.Any(s => s.Phase is StepPhase.Done { Outcome: Outcome.Error("engine_unavailable", _) })))
        {
            hints.Add(("what is missing", "buildrunner doctor"));
        }

        return hints;
    }
}
