using BuildRunner.Agent.Steps;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;
using BuildRunner.Settings;

namespace BuildRunner.Cli.Running;

/// <summary>Turns workflows of a plan into jobs of this machine, as settings and request say.</summary>
internal sealed class LocalJobs(CliHost host, EffectiveSettings settings, RunRequest request, RunId run, string tree, string folder)
{
    /// <summary>How the images of this run are resolved.</summary>
    /// <param name="engine">Pulls them.</param>
    /// <param name="stop">Ends every pull.</param>
    /// <param name="progress">Hears how far a pull is; null: nobody does.</param>
    public RunImages Images(IContainerEngine engine, CancellationToken stop, Func<ImageReference, IProgress<PullProgress>?>? progress = null) =>
        new(engine, new RunImageOptions(tree, request.ImageMap, PullOf(settings), progress, stop));

    /// <summary>The job of a workflow, without what only a run wants of it.</summary>
    public WorkflowJob Job(WorkflowPlan workflow, int at, DateTimeOffset startedAt) => new()
    {
        Run = run,
        Plan = workflow,
        GroupId = $"{run}-{at}",
        Owner = LocalRun.Owner,
        Workspace = new WorkspaceSpec { BasePath = workflow.WorkspaceBase, TreePath = workflow.WorkspaceTree, SourceDirectory = tree, CopyOnWrite = !request.InPlace },
        ScratchDirectory = folder,
        RunStartedAt = startedAt,
        Secrets = request.Secrets,
        ExtraEnvironment = request.Environment,
        Colour = host.Terminal.ErrorIsTerminal && request.Progress != ProgressMode.Json,
        Policy = PolicyOf(settings),
        DefaultLimits = new ResourceLimits(
            settings.Size(SettingKeys.EngineDefaultMemory),
            settings.Number(SettingKeys.EngineDefaultCpus),
            (int?)settings.Number(SettingKeys.EnginePidsLimit)),
        Hardened = settings.Required(SettingKeys.EngineHardened) == "always",
        MostDiskBytes = settings.Size(SettingKeys.EngineWorkflowDisk),
    };

    /// <summary>What steps may ask for on this machine.</summary>
    public static StepPolicy PolicyOf(EffectiveSettings settings)
    {
        // Whoever runs a pipeline here may read this machine anyway. An agent runs other people's: it allows what the setting names and nothing else.
        var roots = settings.Text(SettingKeys.EngineAllowedRootFileSystems) is null ? ["*"] : settings.List(SettingKeys.EngineAllowedRootFileSystems);
        var volumes = settings.List(SettingKeys.EngineAllowedVolumes);
        return new StepPolicy(settings.Flag(SettingKeys.EngineAllowPrivileged), volumes, roots)
        {
            AllowImageBuilds = true,
            AllowedDevices = settings.List(SettingKeys.EngineAllowedDevices),
        };
    }

    // "missing" is what happens without being asked; a step's own "pull: true" may then say more.
    private static PullPolicy? PullOf(EffectiveSettings settings) => settings.Required(SettingKeys.ImagesPull) switch
    {
        "always" => PullPolicy.Always,
        "never" => PullPolicy.Never,
        _ => null,
    };
}
