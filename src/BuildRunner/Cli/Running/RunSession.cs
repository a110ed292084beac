using System.Collections.Concurrent;
using BuildRunner.Agent.Steps;
using BuildRunner.Cli.LocalRuns;
using BuildRunner.Cli.Output;
using BuildRunner.Cli.Shell;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Kept;
using BuildRunner.Containers.Engine.Oci;
using BuildRunner.Core.Files;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;
using BuildRunner.Settings;

namespace BuildRunner.Cli.Running;

/// <summary>From a request to an exit code: find, plan, run, sum up.</summary>
/// <remarks>1. The files are read and the event's facts gathered; they become a plan, or a list of errors. 2. It runs, while a view shows it and its logs are
/// stored. 3. The summary says how it ended and what to do next. 4. What was asked for besides is written: changes, report, kept containers.</remarks>
internal sealed class RunSession(CliHost host, EffectiveSettings settings, RunRequest request, Style style)
{
    private readonly ConcurrentQueue<StepSummary> summaries = [];
    private readonly DateTimeOffset began = host.Time.GetUtcNow();

    public async Task<ExitCode> RunAsync()
    {
        var planned = await LocalPlanning.MakeAsync(host, request, style);
        if (planned.Plan is not { } plan)
        {
            return ExitCode.InvalidFile;
        }

        var index = new ChoiceIndex(plan);
        var exitFrom = request.ExitCodeFrom is { } of ? index.Find("--exit-code-from", of)[0] : (ChosenStep?)null;
        HashSet<ChosenStep> keep = [.. request.KeepSteps.SelectMany(s => index.Find("--keep-step", s))];
        var export = request.OutDirectory is { } output ? new TreeCopies(plan, planned.Tree, output, began) : null;
        var title = new RunTitle(RunId.Create(host.Time), planned.Title, LocalEvent.Describe(planned.Event), new StepLabels(plan));
        SayLimits(plan);
        await using var engine = host.NewEngine(settings, host);
        var tidying = TidyAsync(engine);
        var annotations = new StepAnnotations(plan);
        var fold = request.Progress == ProgressMode.Folded ? CiFold.Of(request.Ci) : null;
        await using var view = ViewOf(title, plan, fold, annotations);
        using var shells = new FailureShells(host, view, style);
        var jobs = new LocalJobs(host, settings, request, title.Run, planned.Tree, "");
        var spec = new LocalRunSpec
        {
            Id = title.Run,
            Plan = plan,
            Slots = request.Jobs,
            Images = (images, stop) => jobs.Images(images, stop, new PullWatch(plan, planned.Tree, request.ImageMap, view).Of),
            JobOf = (workflow, at, startedAt, folder) => jobs.Job(workflow, at, startedAt) with
            {
                ScratchDirectory = folder,
                Colour = style.Colour && request.Progress != ProgressMode.Json,
                Summary = summary => Take(summary, view),
                Keep = new KeepRule(request.Keep || request.Debug, keep.Where(k => k.Workflow == workflow.Name).Select(k => k.Step).ToHashSet()),
                Kept = request.Debug ? (step, stop) => keep.Contains(new ChosenStep(workflow.Name, step.Step.Name)) ? Task.CompletedTask : shells.OpenAsync(step, stop) : null,
                BeforeRelease = export is null ? null : (merged, _) => export.CopyAsync(workflow, merged),
            },
        };
        var ended = await RunAsync(spec, title, planned.Tree, engine, view, annotations);
        await tidying;
        var kept = await SettleKeptAsync(engine, title.Run, planned.Tree);
        fold?.Pause(new LineWriter(host.Error));
        Say(ended, annotations, title, plan, engine.Name, kept, export);
        fold?.Resume(new LineWriter(host.Error));
        return CodeOf(ended, title, export, exitFrom);
    }

    // A run without its limits is better than none, but nobody shall believe in them.
    private void SayLimits(RunPlan plan)
    {
        if (RootlessUser.OfThisProcess is null || settings.Required(SettingKeys.EngineKind) != "oci")
        {
            return;
        }

        var named = plan.Workflows.Where(w => w.SkipReason is null).SelectMany(w => w.Steps.Concat(w.Services).Where(s => s.Resources != ResourcePlan.None).Select(s => s.Name)
            .Concat(w.Resources != ResourcePlan.None ? [w.Name] : [])).Distinct().ToList();
        if (named.Count > 0)
        {
            host.Say(style.Yellow($"buildrunner: {string.Join(", ", named)} {(named.Count == 1 ? "asks" : "ask")} for limits that are not kept without root; sudo keeps them") + "\n");
        }
    }

    private void Take(StepSummary summary, PausableView view)
    {
        summaries.Enqueue(summary);
        view.Show(summary);
    }

    private async Task<Ended> RunAsync(LocalRunSpec spec, RunTitle title, string tree, IContainerEngine engine, PausableView view, StepAnnotations annotations)
    {
        var tails = new LogTails(view);
        var record = new LocalRunRecord { Id = $"{title.Run}", Title = title.Title, Event = title.Event, Tree = tree, Started = began };
        using var archive = RunArchive.Begin(LocalRuns.LocalRuns.Of(settings, host), (int)(settings.Number(SettingKeys.LocalRunsKeep) ?? 0), record, tails);
        annotations.Next = archive;
        RunState state;
        await using (var run = new LocalRun(spec, engine, view, annotations, host.Time))
        {
            using var listening = host.Signals.Listen(run.Cancel);
            state = await run.RunAsync();
        }

        archive.End(state, host.Time.GetUtcNow());
        await view.DisposeAsync();
        return new Ended(state, tails, archive.Problem);
    }

    private void Say(Ended ended, StepAnnotations annotations, RunTitle title, RunPlan plan, string engine, IReadOnlyCollection<KeptContainer> kept, TreeCopies? export)
    {
        if (request.Progress != ProgressMode.Json)
        {
            new StepSummaries(host.Error, style, title).Write(summaries);
        }

        new Summary(host.Error, style, title, ended.Tails, annotations).Write(ended.State, Hints.Of(ended.State, plan, request, engine, kept, ended.StoreProblem is null, host));
        foreach (var line in export?.Lines ?? [])
        {
            host.Say($"  {line}\n");
        }

        if (ended.StoreProblem is { } problem)
        {
            host.Say(style.Yellow($"  the logs of this run are not stored: {problem}\n"));
        }
    }

    private ExitCode CodeOf(Ended ended, RunTitle title, TreeCopies? export, ChosenStep? exitFrom)
    {
        var reported = request.Report is null || TryReport(request.Report, title, ended);
        var outcome = ended.State.Result!.Outcome;
        if (outcome is Outcome.Cancelled)
        {
            return host.Signals.Received ?? ExitCode.Interrupted;
        }

        if (exitFrom is { } from && ended.State.Workflow(from.Workflow).Step(from.Step).Phase is StepPhase.Done { Outcome: var own } && ExitCodes.StatusOf(own) is { } status)
        {
            return (ExitCode)status;
        }

        var code = ExitCodes.Of(outcome);
        return code == ExitCode.Success && (!reported || export is { HasFailed: true }) ? ExitCode.Error : code;
    }

    private bool TryReport(string path, RunTitle title, Ended ended)
    {
        try
        {
            JUnitReport.Write(path, title.Title, ended.State, ended.Tails);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The run itself went well or not; this is said beside it, and counts at the end.
            host.Say(style.Red($"  the report could not be written to {path}: {PathTrouble.OfFile(path, e)}\n"));
            return false;
        }
    }

    /// <summary>What was kept only for a shell that has ended goes, and what earlier runs of this tree kept if there is something newer.</summary>
    private async Task<IReadOnlyCollection<KeptContainer>> SettleKeptAsync(IContainerEngine engine, RunId run, string tree)
    {
        if (engine.Kept is not { } all || !(request.Keep || request.Debug || request.KeepSteps.Count > 0))
        {
            return [];
        }

        if (!request.Keep && request.KeepSteps.Count == 0)
        {
            await all.RemoveAsync(k => k.Run == $"{run}", CancellationToken.None);
            return [];
        }

        List<KeptContainer> ours = [.. all.List().Where(k => k.Run == $"{run}")];
        if (ours.Count > 0)
        {
            await all.RemoveAsync(k => k.Tree == tree && k.Run != $"{run}", CancellationToken.None);
        }

        return ours;
    }

    // Runs that were killed, with all their helpers, may have left something. The run does not wait for it.
    private Task TidyAsync(IContainerEngine engine) => Task.Run(async () =>
    {
        RunFolder.RemoveDead();
        try
        {
            await engine.ReapAsync(LocalRun.Owner, CancellationToken.None);
            if (engine.Kept is { } kept && settings.Duration(SettingKeys.EngineKeepFor) is { } time)
            {
                await kept.RemoveAsync(k => k.Owner == LocalRun.Owner && began - k.At > time, CancellationToken.None);
            }
        }
        catch (ContainerException)
        {
            // An engine that cannot be used says so when the run needs it.
        }
    });

    private PausableView ViewOf(RunTitle title, RunPlan plan, CiFold? fold, StepAnnotations annotations)
    {
        var stamps = new Timestamps(request.Timestamps, host.Time.GetUtcNow(), host.Time.LocalTimeZone);
        return new PausableView(request.Progress switch
        {
            ProgressMode.Json => new JsonView(host.Output, title, host.Time),
            ProgressMode.Quiet => new QuietView(),
            _ when fold is not null => new FoldedView(host.Error, style, title, plan, fold, annotations, host.Time),
            ProgressMode.Live => new LiveView(host.Error, style, title, plan, host.Terminal, host.Time),
            _ => new PlainView(host.Error, style, title, plan, stamps, host.Time),
        });
    }

    /// <summary>A run that has ended.</summary>
    private sealed record Ended(RunState State, LogTails Tails, string? StoreProblem);
}
