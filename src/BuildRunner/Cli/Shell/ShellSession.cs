using BuildRunner.Agent.Output;
using BuildRunner.Agent.Steps;
using BuildRunner.Cli.Output;
using BuildRunner.Cli.Running;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Kept;
using BuildRunner.Core.Logs;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;
using BuildRunner.Settings;

namespace BuildRunner.Cli.Shell;

/// <summary>From a step's name to a command in its container: plan, find what was kept, make the workflow's group, run.</summary>
internal sealed class ShellSession(CliHost host, EffectiveSettings settings, RunRequest request, ShellRequest wanted, Style style)
{
    /// <summary>A better shell where the image has one.</summary>
    private static readonly string[] BestShell = ["/bin/sh", "-c", "command -v bash >/dev/null 2>&1 && exec bash; exec /bin/sh"];

    private const int MostOthers = 4;

    /// <summary>Runs it; the result is the command's own exit code.</summary>
    public async Task<ExitCode> RunAsync()
    {
        var planned = await LocalPlanning.MakeAsync(host, request, style);
        if (planned.Plan is not { } plan)
        {
            return ExitCode.InvalidFile;
        }

        await using var engine = host.NewEngine(settings, host);
        var (workflow, step, kept) = Choose(plan, engine, planned.Tree);
        using var use = kept is null ? null : engine.Kept!.Use(kept);
        using var folder = RunFolder.Create();
        using var stop = new CancellationTokenSource();
        using var listening = host.Signals.Listen(_ => stop.Cancel());
        try
        {
            var exit = await OpenAsync(engine, plan, workflow, step, planned.Tree, kept, folder, stop.Token);
            return (ExitCode)exit.Status;
        }
        catch (OperationCanceledException) when (host.Signals.Received is { } code)
        {
            return code;
        }
    }

    private (WorkflowPlan Workflow, StepPlan Step, KeptContainer? Kept) Choose(RunPlan plan, IContainerEngine engine, string tree)
    {
        var named = wanted.Kept is { } id ? FindKept(engine, id) : null;
        IReadOnlyList<KeptContainer> candidates = named is not null ? [named] : wanted.Fresh ? [] : [.. (engine.Kept?.List() ?? []).Where(k => k.Tree == tree)];
        var choice = ShellChoice.Of(plan, wanted.Step, request.Choice.Matrix, candidates);
        var (workflow, step, kept) = (choice.Workflow, choice.Step, choice.Kept);
        if (named is null && kept is not null)
        {
            host.Say(style.Dim($"as the step '{(plan.Workflows.Count == 1 ? "" : $"{workflow.Label}/")}{step.Name}' left it {Durations.Text(host.Time.GetUtcNow() - kept.At)} ago ({kept.Outcome}, kept as {kept.Id}); --fresh starts from the image\n"));
        }
        else if (choice.Others is { Count: > 0 } others)
        {
            var rest = others.Count > MostOthers ? $" and {others.Count - MostOthers} more" : "";
            host.Say(style.Dim($"a shell of {workflow.Label}/{step.Name}; the same name has {string.Join(", ", others.Take(MostOthers))}{rest}\n"));
        }

        return (workflow, step, named ?? kept);
    }

    private static KeptContainer FindKept(IContainerEngine engine, string id) =>
        engine.Kept?.Find(id) ?? throw new CliException(ExitCode.Usage, $"--kept {id}: the engine {engine.Name} has kept no such container; 'buildrunner clean --dry-run' lists them");

    private async Task<ContainerExit> OpenAsync(
        IContainerEngine engine, RunPlan plan, WorkflowPlan workflow, StepPlan step, string tree, KeptContainer? kept, RunFolder folder, CancellationToken stop)
    {
        if (engine.Name == "dummy")
        {
            throw new CliException(ExitCode.Usage, "the engine dummy runs nothing: there is no container to look into");
        }

        var run = RunId.Create(host.Time);
        var parts = new LocalJobs(host, settings, request, run, tree, folder.Path);
        using var pulls = CancellationTokenSource.CreateLinkedTokenSource(stop);
        using var slots = new SemaphoreSlim(1);
        var agent = new AgentContext(engine, parts.Images(engine, pulls.Token), slots, (_, _) => Task.FromResult<string?>(null), StepLog.To(NoLog.Sink, host.Time), host.Time, _ => { });
        var job = parts.Job(workflow, 0, host.Time.GetUtcNow()) with { Secrets = WithMissing(step) };
        if (kept is { WorkspaceDirectory: { } changes } && Directory.Exists(changes))
        {
            job = job with { Workspace = job.Workspace with { CopyOnWrite = true, ChangesOf = kept } };
        }

        var attempt = new StepAttempt(step, 1, host.Time.GetUtcNow(), null, WorkflowStatus.Success, StepAttempt.NoOutputs);
        var shell = new StepShell(agent, job);
        return await new ShellConsole(host).RunAsync(
            (input, output, token) => shell.RunAsync(attempt, SpecOf(input, kept, wanted, host), output, token), stop);
    }

    /// <summary>What to run: a shell, or the command that was asked for.</summary>
    public static ShellSpec SpecOf(ContainerInput input, KeptContainer? kept, ShellRequest wanted, CliHost host) =>
        new(wanted.Command.Count > 0 ? wanted.Command : input.Terminal is null ? [StepShellPath] : BestShell, input, kept)
        {
            WithServices = wanted.WithServices,
            Environment = input.Terminal is null ? new Dictionary<string, string>() : new Dictionary<string, string>
            {
                ["TERM"] = host.Environment.GetValueOrDefault("TERM") is { Length: > 0 } term ? term : "xterm-256color",
            },
        };

    private const string StepShellPath = "/bin/sh";

    // A shell is worth having without a secret too; a run would not be.
    private Dictionary<string, string> WithMissing(StepPlan step)
    {
        var secrets = new Dictionary<string, string>(request.Secrets, StringComparer.Ordinal);
        foreach (var name in step.Environment.Values.OfType<PlanValue.Secret>().Select(s => s.Name).Distinct().Where(n => !secrets.ContainsKey(n)))
        {
            host.Say(style.Yellow($"the secret '{name}' was not given and is empty here; --secret {name} takes it from the environment\n"));
            secrets.Add(name, "");
        }

        return secrets;
    }

    private sealed class NoLog : ILogSink
    {
        public static NoLog Sink { get; } = new();

        public ValueTask WriteAsync(LogLine line, CancellationToken cancellationToken) => ValueTask.CompletedTask;
    }
}
