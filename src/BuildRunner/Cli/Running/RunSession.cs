using System.Collections.Concurrent;
using BuildRunner.Agent.Steps;
using BuildRunner.Cli.Output;
using BuildRunner.Cli.Trees;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;
using BuildRunner.Settings;

namespace BuildRunner.Cli.Running;

/// <summary>From a request to an exit code: find, plan, run, sum up.</summary>
/// <remarks>1. The files are read and the event's facts gathered. 2. They become a plan, or a list of errors. 3. The plan is fitted to this
/// machine. 4. It runs, while a view shows it. 5. The summary says how it ended and what to do next.</remarks>
internal sealed class RunSession(CliHost host, EffectiveSettings settings, RunRequest request, Style style)
{
    private readonly ConcurrentQueue<string> exported = [];
    private readonly DateTimeOffset began = host.Time.GetUtcNow();
    private bool exportFailed;

    public async Task<ExitCode> RunAsync()
    {
        var (sources, tree) = PipelineFiles.Find(request.File, host.Directory);
        var head = await GitTree.HeadAsync(tree, CancellationToken.None);
        var runEvent = LocalEvent.Of(request, head, tree, host.Time);
        var planned = Planner.Plan(sources, runEvent);
        foreach (var diagnostic in planned.Diagnostics)
        {
            host.Say($"{(diagnostic.Severity == DiagnosticSeverity.Error ? style.Red($"{diagnostic}") : style.Yellow($"{diagnostic}"))}\n");
        }

        if (planned.Plan is not { } plan)
        {
            return ExitCode.InvalidFile;
        }

        if (request.OutDirectory is { } output && IsSame(output, tree))
        {
            throw new CliException(ExitCode.Usage, $"--out {tree} is the working tree itself; --in-place lets steps write to it");
        }

        plan = LocalPlan.Adjust(plan, request.Timeout);
        var title = new RunTitle(RunId.Create(host.Time), TitleOf(sources, tree), LocalEvent.Describe(runEvent), new StepLabels(plan));
        await using var engine = host.NewEngine(settings, host);
        var tidying = TidyAsync(engine);
        var code = await RunAsync(SpecOf(title.Run, plan, tree), title, engine);
        await tidying;
        return code;
    }

    // Runs that were killed, with all their helpers, may have left something. The run does not wait for it.
    private static Task TidyAsync(IContainerEngine engine) => Task.Run(async () =>
    {
        RunFolder.RemoveDead();
        try
        {
            await engine.ReapAsync(LocalRun.Owner, CancellationToken.None);
        }
        catch (ContainerException)
        {
            // An engine that cannot be used says so when the run needs it.
        }
    });

    private async Task<ExitCode> RunAsync(LocalRunSpec spec, RunTitle title, IContainerEngine engine)
    {
        await using var view = ViewOf(title, spec.Plan);
        var tails = new LogTails(view);
        RunState state;
        await using (var run = new LocalRun(spec, engine, view, tails, host.Time))
        {
            using var listening = host.Signals.Listen(run.Cancel);
            state = await run.RunAsync();
        }

        await view.DisposeAsync();
        new Summary(host.Error, style, title, tails).Write(state, Hints.Of(state));
        foreach (var line in exported)
        {
            host.Say($"  {line}\n");
        }

        var outcome = state.Result!.Outcome;
        if (exportFailed && ExitCodes.Of(outcome) == ExitCode.Success)
        {
            return ExitCode.Error;
        }

        return outcome is Outcome.Cancelled ? host.Signals.Received ?? ExitCode.Interrupted : ExitCodes.Of(outcome);
    }

    private IRunView ViewOf(RunTitle title, RunPlan plan)
    {
        var stamps = new Timestamps(request.Timestamps, host.Time.GetUtcNow(), host.Time.LocalTimeZone);
        return request.Progress switch
        {
            ProgressMode.Json => new JsonView(host.Output, title, host.Time),
            ProgressMode.Quiet => new QuietView(),
            ProgressMode.Live => new LiveView(host.Error, style, title, plan, host.Terminal, host.Time),
            _ => new PlainView(host.Error, style, title, plan, stamps, host.Time),
        };
    }

    private LocalRunSpec SpecOf(RunId id, RunPlan plan, string tree) => new()
    {
        Id = id,
        Plan = plan,
        Tree = tree,
        InPlace = request.InPlace,
        Jobs = request.Jobs,
        Secrets = request.Secrets,
        Environment = request.Environment,
        Pull = PullOf(settings),
        Colour = style.Colour && request.Progress != ProgressMode.Json,
        Policy = new StepPolicy(false, [], ["*"]),
        BeforeRelease = request.OutDirectory is { } directory ? (workflow, merged, _) => ExportAsync(plan, workflow, tree, merged, directory) : null,
        DefaultLimits = new ResourceLimits(
            settings.Size(SettingKeys.EngineDefaultMemory),
            settings.Number(SettingKeys.EngineDefaultCpus),
            (int?)settings.Number(SettingKeys.EnginePidsLimit)),
    };

    private static bool IsSame(string directory, string tree)
    {
        var link = Directory.Exists(directory) ? Directory.ResolveLinkTarget(directory, returnFinalTarget: true) : null;
        var real = link?.FullName ?? directory;
        return Path.TrimEndingDirectorySeparator(real) == Path.TrimEndingDirectorySeparator(tree);
    }

    // With several workflows each has a workspace, and a directory, of its own.
    private Task ExportAsync(RunPlan plan, WorkflowPlan workflow, string tree, string? merged, string directory) => Task.Run(() =>
    {
        var destination = plan.Workflows.Count == 1 ? directory : Path.Combine(directory, workflow.Name);
        try
        {
            exported.Enqueue(merged is null ? $"nothing was copied to {destination}: the engine has no workspace" : TreeExport.Copy(tree, merged, destination, began));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The run itself went well or not; this is said beside it, and counts at the end.
            exportFailed = true;
            exported.Enqueue($"the changes could not be copied to {destination}: {e.Message}");
        }
    });

    // "missing" is what happens without being asked; a step's own "pull: true" may then say more.
    private static PullPolicy? PullOf(EffectiveSettings settings) => settings.Required(SettingKeys.ImagesPull) switch
    {
        "always" => PullPolicy.Always,
        "never" => PullPolicy.Never,
        _ => null,
    };

    private static string TitleOf(IReadOnlyList<PipelineSource> sources, string tree) =>
        sources.Count == 1 ? Path.GetFileName(sources[0].Path) : Path.GetFileName(tree.TrimEnd('/'));
}
