using BuildRunner.Core.ApiContract;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Dispatch;
using BuildRunner.Server.Logs;
using BuildRunner.Server.Runs;
using BuildRunner.Server.Storage.Rows;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.RazorPages;
using Microsoft.Extensions.DependencyInjection;

namespace BuildRunner.Server.Pages;

/// <summary>A run, or one step of it: what happened, why, and the log. Whole without a script; with one it goes on by itself.</summary>
public sealed class RunPageModel : SitePage
{
    private const int MostFailures = 5;

    /// <summary>The run.</summary>
    public RunDetails Details { get; private set; } = null!;

    /// <summary>The attempt that the address names; null: the latest.</summary>
    public int? Shown { get; private set; }

    /// <summary>The workflow of the step that is shown.</summary>
    public string Workflow { get; private set; } = "";

    /// <summary>The step that is shown.</summary>
    public StepDetails? Selected { get; private set; }

    /// <summary>Its name.</summary>
    public string? StepName => Selected?.Name;

    /// <summary>Its last lines.</summary>
    internal IReadOnlyList<LogEntry> Lines { get; private set; } = [];

    /// <summary>What stands below them.</summary>
    public string LogEnd { get; private set; } = "";

    /// <summary>From when its times count.</summary>
    public DateTimeOffset? LogBegin => Last?.StartedAt ?? Last?.QueuedAt;

    /// <summary>Steps that did not end well, each with the lines that tell most.</summary>
    internal IReadOnlyList<Failure> Failures { get; private set; } = [];

    /// <summary>Why something could not be done.</summary>
    public string? Said { get; private set; }

    /// <summary>Whether it goes on.</summary>
    public bool IsOpen => !RunStates.Ended.Contains(Details.Run.State);

    /// <summary>The log as text.</summary>
    public string RawLog => Log(ApiRoutes.Log);

    /// <summary>What a downloaded log is called.</summary>
    public string DownloadName => $"{Details.Run.Repo.Replace('/', '-')}-{Details.Run.Number}-{Workflow}-{StepName}.log".Replace('/', '-');

    /// <summary>The page's stream.</summary>
    public string LiveUrl => $"{Repository(Details.Run.Repo)}/runs/{Details.Run.Number}/live{LogQuery}{(Selected?.Kind == "service" ? "&service=1" : "")}";

    /// <summary>Where the time of the last attempt went.</summary>
    public string Phases => Last?.Phases is { } p
        ? $" · queue {Text(p.Queue)} · image {Text(p.Pull)} · container {Text(p.Create)} · run {Text(p.Run)}"
        : "";

    private AttemptDetails? Last => Selected is { Attempts: [.., var last] } ? last : null;

    private string LogQuery => $"?attempt={Details.Run.Attempt}&workflow={Uri.EscapeDataString(Workflow)}&step={Uri.EscapeDataString(StepName ?? "")}";

    /// <summary>The address that does something.</summary>
    public string Action(string handler) => $"{Repository(Details.Run.Repo)}/runs/{Details.Run.Number}?handler={handler}{(Shown is { } attempt ? $"&attempt={attempt}" : "")}";

    /// <summary>What is said about its files, in short: the page's script sees by it when that changes.</summary>
    internal string Problems => string.Join(' ', Details.Diagnostics.Select(d => $"{d.Code}@{d.File}:{d.Line}"));

    /// <summary>What a step is called where steps of several workflows stand together.</summary>
    internal string Called(Failure failure) =>
        Details.Workflows.Count > 1 ? $"{Details.Workflows.First(w => w.Name == failure.Workflow).Label} / {failure.Step.Name}" : failure.Step.Name;

    /// <summary>Answers the page.</summary>
    public async Task<IActionResult> OnGetAsync(string owner, string name, int number, string? step, string? workflow, int? attempt)
    {
        if (await FindAsync(owner, name, number, attempt) is not { } row)
        {
            return NotFound();
        }

        return await ShowAsync(row, step is null ? null : Uri.UnescapeDataString(step), workflow) ? Page() : NotFound();
    }

    /// <summary>Cancels it.</summary>
    public Task<IActionResult> OnPostCancelAsync(string owner, string name, int number, int? attempt) => DoAsync(owner, name, number, attempt, MayRun, async (row, register) =>
        await register.CancelAsync(row.Id, $"cancelled by {Who}", Gone));

    /// <summary>Runs all of it again.</summary>
    public Task<IActionResult> OnPostRerunAsync(string owner, string name, int number, int? attempt) => DoAsync(owner, name, number, attempt, MayRun, async (row, register) =>
        (await register.RerunAsync(row.Id, new RerunWhat.All(), Who!, Gone)).Refusal);

    /// <summary>Runs what did not end well again.</summary>
    public Task<IActionResult> OnPostRerunFailedAsync(string owner, string name, int number, int? attempt) => DoAsync(owner, name, number, attempt, MayRun, async (row, register) =>
        (await register.RerunAsync(row.Id, new RerunWhat.Failed(), Who!, Gone)).Refusal);

    /// <summary>Lets it begin.</summary>
    public Task<IActionResult> OnPostApproveAsync(string owner, string name, int number, int? attempt, [FromForm] string? commit) => DecideAsync(owner, name, number, attempt, commit, approved: true);

    /// <summary>Ends it.</summary>
    public Task<IActionResult> OnPostDeclineAsync(string owner, string name, int number, int? attempt, [FromForm] string? commit) => DecideAsync(owner, name, number, attempt, commit, approved: false);

    private Task<IActionResult> DecideAsync(string owner, string name, int number, int? attempt, string? commit, bool approved) =>
        DoAsync(owner, name, number, attempt, MayApprove, (row, register) => register.DecideAsync(row.Id, commit ?? "", approved, Who!, Gone));

    // Whoever reloads the page afterwards does not do it again: the answer leads back to it.
    private async Task<IActionResult> DoAsync(string owner, string name, int number, int? attempt, bool may, Func<RunRow, RunRegister, Task<string?>> act)
    {
        if (!may)
        {
            return Forbid();
        }

        if (await FindAsync(owner, name, number, attempt) is not { } row)
        {
            return NotFound();
        }

        if (await act(row, HttpContext.RequestServices.GetRequiredService<RunRegister>()) is not { } refusal)
        {
            HttpContext.RequestServices.GetRequiredService<QueueView>().Forget();
            return Redirect($"{Repository($"{owner}/{name}")}/runs/{number}");
        }

        Said = refusal;
        return await ShowAsync(row, null, null) ? new PageResult { StatusCode = Microsoft.AspNetCore.Http.StatusCodes.Status409Conflict } : NotFound();
    }

    private Task<RunRow?> FindAsync(string owner, string name, int number, int? attempt)
    {
        Shown = attempt;
        return HttpContext.RequestServices.GetRequiredService<RunViews>().FindAsync($"{owner}/{name}", number, attempt, Gone);
    }

    private async Task<bool> ShowAsync(RunRow row, string? step, string? workflow)
    {
        if (await HttpContext.RequestServices.GetRequiredService<RunViews>().DetailsAsync(row.Id, Gone) is not { } details)
        {
            return false;
        }

        Details = details;
        State = details.Run.State;
        Script = "run";
        Title = $"{StateWords.Of(State)} · {details.Run.Repo}#{details.Run.Number} · BuildRunner";
        var all = details.Workflows.SelectMany(w => w.Services.Concat(w.Steps).Select(s => (w.Name, Step: s))).ToList();
        if (step is not null)
        {
            var named = all.Find(s => s.Step.Name == step && (workflow is null || s.Name == workflow));
            if (named.Step is null)
            {
                return false;
            }

            (Workflow, Selected) = named;
        }
        else if (all.Count > 0)
        {
            (Workflow, Selected) = Telling(all);
        }

        await ReadLogsAsync(row);
        return true;
    }

    // What failed first; or else what runs; or else what ended last.
    private static (string Workflow, StepDetails Step) Telling(List<(string Name, StepDetails Step)> all)
    {
        var broken = all.FindIndex(s => StateWords.IsBroken(s.Step));
        var running = all.FindIndex(s => s.Step.Kind != "service" && s.Step.State is RunStates.Running or RunStates.Preparing);
        var last = all.FindLastIndex(s => s.Step.Attempts.Count > 0 && s.Step.Kind != "service");
        return all[broken >= 0 ? broken : running >= 0 ? running : Math.Max(0, last)];
    }

    private async Task ReadLogsAsync(RunRow row)
    {
        var logs = HttpContext.RequestServices.GetRequiredService<PageLogs>();
        var failures = new List<Failure>();
        foreach (var (workflow, step) in Details.Workflows.SelectMany(w => w.Steps.Select(s => (w.Name, s))).Where(s => StateWords.IsBroken(s.s)).Take(MostFailures))
        {
            var (tail, _) = await logs.TailAsync(row, new WantedLog(workflow, step.Name, IsService: false, Try: null), 400, Gone);
            failures.Add(new Failure(workflow, step, PageLogs.Telling(tail)));
        }

        Failures = failures;
        if (Selected is { } selected)
        {
            var (lines, missing) = await logs.TailAsync(row, new WantedLog(Workflow, selected.Name, selected.Kind == "service", Try: null), PageLogs.Kept, Gone);
            Lines = lines;
            LogEnd = missing ?? (selected.Attempts.Count == 0 ? selected.Reason ?? "nothing yet" : lines.Count == 0 && !IsOpen ? "it wrote nothing" : lines.Count == PageLogs.Kept ? "the last 1000 lines; Raw has all" : "");
        }
    }

    private string Log(string route) => At(ApiRoutes.For(route, Details.Run.Repo, Details.Run.Number)) + LogQuery;

    private static string Text(long milliseconds) => Durations.Text(TimeSpan.FromMilliseconds(milliseconds));
}

/// <summary>A step that did not end well.</summary>
/// <param name="Workflow">Its workflow.</param>
/// <param name="Step">The step.</param>
/// <param name="Lines">The lines that tell most.</param>
internal sealed record Failure(string Workflow, StepDetails Step, IReadOnlyList<LogEntry> Lines);
