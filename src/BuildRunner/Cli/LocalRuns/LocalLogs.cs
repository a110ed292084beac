using BuildRunner.Cli.Running;
using BuildRunner.Settings;

namespace BuildRunner.Cli.LocalRuns;

/// <summary><c>logs [RUN] [STEP]</c> of a local run: what its steps wrote.</summary>
internal static class LocalLogs
{
    private const string Latest = "@latest";

    /// <summary>Prints what was asked for.</summary>
    /// <param name="run"><c>@latest</c>, or the id of a local run or its beginning; null: the newest of this folder.</param>
    /// <param name="step">Only this step, as NAME or WORKFLOW/NAME; null: all.</param>
    /// <param name="failed">Only steps that failed.</param>
    /// <param name="how">How lines are written.</param>
    /// <param name="settings">For where local runs are kept.</param>
    /// <param name="here">The process.</param>
    public static ExitCode Run(string? run, string? step, bool failed, LogPrinting how, EffectiveSettings settings, CliHost here)
    {
        var runs = LocalRuns.Of(settings, here);
        var found = Find(runs, run ?? Latest, here);
        Print(runs, found, Choose(found, step, failed), how, here);
        return ExitCode.Success;
    }

    private static LocalRunRecord Find(LocalRuns runs, string text, CliHost host)
    {
        var all = runs.List().ToList();
        if (all.Count == 0)
        {
            throw new CliException(ExitCode.Usage, "there is no local run yet; 'buildrunner run' makes one");
        }

        if (text == Latest)
        {
            // The newest of the folder in which this is asked, if it has one.
            var tree = GitTree.TopOf(host.Directory) ?? host.Directory;
            return all.FirstOrDefault(r => r.Tree == tree) ?? all[0];
        }

        var found = all.Where(r => r.Id.StartsWith(text, StringComparison.Ordinal)).ToList();
        return found switch
        {
            [var one] => one,
            [] => throw new CliException(ExitCode.Usage, $"{text}: there is no such local run; the newest is {all[0].Id} ({all[0].Title}), which is {Latest}"),
            _ => throw new CliException(ExitCode.Usage, $"{text}: the ids of {found.Count} local runs begin like this"),
        };
    }

    private static List<LocalStepRecord> Choose(LocalRunRecord run, string? step, bool failed)
    {
        var steps = run.Steps.Where(s => step is null || s.Step == step || $"{s.Workflow}/{s.Step}" == step).ToList();
        if (step is not null && steps.Count == 0)
        {
            throw new CliException(
                ExitCode.Usage,
                $"{step}: no such step of the run {run.Id} wrote anything" + (run.Steps.Count == 0 ? "" : $". These did: {string.Join(", ", run.Steps.Select(s => s.Step).Distinct())}"));
        }

        return failed ? [.. steps.Where(s => s.Outcome is not (null or "success" or "skipped" or "cancelled"))] : steps;
    }

    private static void Print(LocalRuns runs, LocalRunRecord run, List<LocalStepRecord> steps, LogPrinting how, CliHost host)
    {
        var several = steps.Select(s => (s.Workflow, s.Step)).Distinct().Count() > 1;
        var workflows = steps.Select(s => s.Workflow).Distinct().Count();
        foreach (var step in steps)
        {
            var name = workflows > 1 ? $"{step.Workflow}/{step.Step}" : step.Step;
            var attempts = steps.Count(s => s.Workflow == step.Workflow && s.Step == step.Step) > 1;
            var label = (several, attempts) switch
            {
                (true, true) => $"{name} #{step.Attempt}",
                (true, false) => name,
                (false, true) => $"#{step.Attempt}",
                _ => null,
            };
            how.Print(Path.Combine(runs.DirectoryOf(run.Id), step.Log), label, host.Output);
        }
    }
}
