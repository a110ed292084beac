using System.CommandLine;
using BuildRunner.Cli.Output;
using BuildRunner.Cli.Running;

namespace BuildRunner.Cli.LocalRuns;

/// <summary><c>logs [RUN] [STEP]</c>: what the steps of a local run wrote.</summary>
internal static class LogsVerb
{
    private const string Latest = "@latest";

    public static Command Create(CliHost host, GlobalOptions globals)
    {
        var run = new Argument<string?>("RUN") { Description = "@latest, or the id of a local run or its beginning; the newest of this folder if left out", Arity = ArgumentArity.ZeroOrOne };
        var step = new Argument<string?>("STEP") { Description = "only this step: NAME or WORKFLOW/NAME", Arity = ArgumentArity.ZeroOrOne };
        var failed = new Option<bool>("--failed") { Description = "only steps that failed" };
        var tail = new Option<int?>("--tail") { Description = "only the last N lines of each step", HelpName = "N" };
        var timestamps = new Option<bool>("--timestamps") { Description = "the time in UTC before each line" };
        var raw = new Option<bool>("--raw") { Description = "bytes as the step wrote them, also escape sequences, and no names" };
        tail.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() is < 1)
            {
                result.AddError("--tail takes a number from 1");
            }
        });
        var command = new Command("logs", "what the steps of a local run wrote") { run, step, failed, tail, timestamps, raw };
        command.SetAction(parsed =>
        {
            var here = globals.Apply(parsed, host);
            var runs = LocalRuns.Of(globals.SettingsOf(parsed, here), here);
            var found = Find(runs, parsed.GetValue(run) ?? Latest, here);
            var style = Style.Choose(parsed.GetValue(globals.Colour) ?? "auto", here.Environment, here.Terminal.OutputIsTerminal);
            var how = new LogPrinting(parsed.GetValue(tail), parsed.GetValue(timestamps), parsed.GetValue(raw), style);
            Print(runs, found, Choose(found, parsed.GetValue(step), parsed.GetValue(failed)), how, here);
            return (int)ExitCode.Success;
        });
        return command;
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
