using System.Text;
using BuildRunner.Cli.Images;
using BuildRunner.Cli.Output;
using BuildRunner.Core.ApiContract;
using BuildRunner.Core.Runs;

namespace BuildRunner.Cli.Client;

/// <summary>Runs in words, as lists and <c>show</c> print them. What strangers wrote loses everything that a terminal would act on.</summary>
internal sealed class RunText(Style style, DateTimeOffset now)
{
    // A longer reason stands once, below, and not in the line of steps too.
    private const int ShortReason = 30;

    /// <summary>The sign of a state; never colour alone.</summary>
    public string Sign(string state) => state switch
    {
        "success" => style.Sign(new Outcome.Success()),
        "skipped" => style.Sign(new Outcome.Skipped("")),
        "cancelled" => style.Sign(new Outcome.Cancelled("")),
        "error" or "lost" => style.Sign(new Outcome.Lost("")),
        RunStates.Running or RunStates.Preparing => style.Running,
        RunStates.Blocked => style.Warning,
        RunStates.Queued or RunStates.Waiting => style.Waiting,
        _ => style.Sign(new Outcome.Failure()),
    };

    /// <summary>The list of runs.</summary>
    public string List(IReadOnlyList<RunSummary> runs) => runs.Count == 0
        ? "no run yet that is so; start one with: buildrunner start OWNER/NAME\n"
        : TextTable.Of(style, ["RUN", "STATE", "BRANCH", "EVENT", "TOOK", "AGE", "TITLE"], runs.Select(run => (string[])
        [
            $"{Sign(run.State)} {run.Repo}#{run.Number}{(run.Attempt > 1 ? $" attempt {run.Attempt}" : "")}", run.State, Safe(run.Place), run.Event, Took(run.StartedAt, run.EndedAt), SizeText.Of(now - run.CreatedAt), Safe(run.Title),
        ]));

    /// <summary>One run: a line about it, a line of steps for each workflow, then what went wrong.</summary>
    /// <param name="details">The run.</param>
    /// <param name="tails">The last lines of steps that did not end well.</param>
    public string Show(RunDetails details, IReadOnlyDictionary<(string Workflow, string Step), IReadOnlyList<string>> tails)
    {
        var run = details.Run;
        var text = new StringBuilder();
        text.Append($"{Sign(run.State)} {style.Bold($"{run.Repo}#{run.Number}")}{(run.Attempt > 1 ? $" attempt {run.Attempt}" : "")}  {run.State}  {Took(run.StartedAt, run.EndedAt)}".TrimEnd())
            .Append($"  {run.Event} {Safe(run.Place)} «{Safe(run.Title)}»  {Short(run.Commit)} by {Safe(run.Author)}, {SizeText.Of(now - run.CreatedAt)} ago\n");
        if (details.Approval is not { Approved: null } approval)
        {
            Line(text, run.Reason);
            Line(text, details.CancelledBecause == run.Reason ? null : details.CancelledBecause);
        }
        else
        {
            text.Append($"  waits for an approval of {approval.Commit}: {Safe(approval.Reason)}\n");
        }

        foreach (var problem in details.Diagnostics)
        {
            text.Append("  ").Append(Problem(problem)).Append('\n');
        }

        foreach (var workflow in details.Workflows)
        {
            text.Append("  ").Append(Workflow(workflow, details.Workflows.Count > 1 || workflow.Matrix.Count > 0)).Append('\n');
        }

        foreach (var (workflow, step) in Broken(details))
        {
            AddBroken(text, details.Workflows.Count > 1 ? $"{Label(workflow)}/{step.Name}" : step.Name, step, tails.GetValueOrDefault((workflow.Name, step.Name), []));
        }

        return text.Append($"  {run.Url}\n").ToString();
    }

    /// <summary>The steps that did not end well and count.</summary>
    public static IEnumerable<(WorkflowDetails Workflow, StepDetails Step)> Broken(RunDetails details) =>
        from workflow in details.Workflows
        from step in workflow.Steps
        where IsBroken(step)
        select (workflow, step);

    private static bool IsBroken(StepDetails step) => step.Conclusion is "failure" or "timed_out" or "error" or "lost";

    /// <summary>Text of others without anything that a terminal would act on.</summary>
    public static string Safe(string text) => CellText.Plain(Encoding.UTF8.GetBytes(text.ReplaceLineEndings(" ")));

    /// <summary>A problem of a file: where, how bad, what, and what to do.</summary>
    public static string Problem(FileProblem problem) =>
        $"{Safe(problem.File)}({problem.Line},{problem.Column}): {problem.Severity} {problem.Code}: {Safe(problem.Message)}{(problem.Hint is { } hint ? $". {Safe(hint)}" : "")}";

    /// <summary>A workflow's name as people read it: of a matrix cell with its values.</summary>
    public static string Label(WorkflowDetails workflow) => Safe(workflow.Label ?? workflow.Name);

    /// <summary>What 'logs' takes for a step: its name, and where several workflows have one of that name the workflow's too.</summary>
    public static string Named(RunDetails details, WorkflowDetails workflow, StepDetails step) =>
        details.Workflows.Count(w => w.Steps.Concat(w.Services).Any(s => s.Name == step.Name)) > 1 ? $"{workflow.Name}/{step.Name}" : step.Name;

    /// <summary>A commit as people read it.</summary>
    public static string Short(string commit) => commit.Length > 7 ? commit[..7] : commit;

    private void AddBroken(StringBuilder text, string label, StepDetails step, IReadOnlyList<string> tail)
    {
        text.Append($"\n  {Sign(step.State)} {style.Bold(label)}  {style.Red(step.Reason is { } reason ? Safe(reason) : step.State)}\n");
        foreach (var line in tail)
        {
            text.Append($"    {style.Dim(style.Bar)} {line}\n");
        }
    }

    private string Workflow(WorkflowDetails workflow, bool named)
    {
        var steps = workflow.Steps.Count == 0 || workflow.State is "skipped"
            ? $"{Sign(workflow.State)} {workflow.State}"
            : string.Join("  ", workflow.Steps.Select(Step));
        // Why a step broke stands below, and is often why its workflow did.
        var reason = workflow.Reason is { } why && workflow.State is not ("success" or "failure") && workflow.Steps.All(s => s.Reason != why) ? style.Dim($"  ({Safe(why)})") : "";
        return (named ? style.Bold(Label(workflow)) + "  " : "") + steps + reason;
    }

    private string Step(StepDetails step)
    {
        var last = step.Attempts.Count == 0 ? null : step.Attempts[^1];
        var took = last is null ? "" : " " + Took(last.StartedAt, last.EndedAt);
        var why = step.State is "success" or "skipped" || step.Reason is null || (IsBroken(step) && step.Reason.Length > ShortReason) ? "" : $" ({Safe(step.Reason)})";
        return $"{Sign(step.State)} {step.Name}{took.TrimEnd()}{why}";
    }

    private string Took(DateTimeOffset? from, DateTimeOffset? to) => from is { } begin ? Durations.Text((to ?? now) - begin) : "";

    private static void Line(StringBuilder text, string? sentence)
    {
        if (sentence is not null)
        {
            text.Append("  ").Append(Safe(sentence)).Append('\n');
        }
    }
}
