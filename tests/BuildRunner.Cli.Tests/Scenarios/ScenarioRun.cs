using System.Text;
using System.Text.RegularExpressions;
using BuildRunner.Agent.Steps;
using BuildRunner.Cli.Running;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Dummy;
using BuildRunner.Containers.Engine.Oci;
using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;
using BuildRunner.Testing;

namespace BuildRunner.Cli.Tests.Scenarios;

/// <summary>A scenario as it was run: planned and carried out as <c>run</c> does it, and watched at the engine.</summary>
internal sealed partial class ScenarioRun : IDisposable
{
    private readonly TestFolder tree = TestFolder.Create();
    private readonly Scenario scenario;

    private ScenarioRun(Scenario scenario, PlanResult planned)
    {
        this.scenario = scenario;
        Diagnostics = planned.Diagnostics;
        Planned = planned.Plan;
    }

    /// <summary>What was said of the files.</summary>
    public IReadOnlyList<Diagnostic> Diagnostics { get; }

    /// <summary>The plan as the planner made it, clone steps included; null: refused.</summary>
    public RunPlan? Planned { get; }

    /// <summary>What the engine was asked to do, by the name of the step or service (<c>workflow/step</c> with several workflows).</summary>
    public WatchedEngine? Engine { get; private set; }

    /// <summary>How it ended; null if nothing was run.</summary>
    public RunState? State { get; private set; }

    /// <summary>True on real containers, whose output means something.</summary>
    public bool IsReal { get; private set; }

    /// <summary>What was written.</summary>
    public TextView View { get; } = new();

    /// <summary>Plans a scenario and runs it, if it is to run, and checks everything that it promises.</summary>
    public static async Task CheckAsync(Scenario scenario, string engine)
    {
        var real = engine == "oci";
        var sources = scenario.Sources().Select(file => new PipelineSource(file.Path, Encoding.UTF8.GetBytes(real ? ImageKey().Replace(file.Content, "image: rootfs:/") : file.Content))).ToList();
        using var run = new ScenarioRun(scenario, Planner.Plan(sources, scenario.Event)) { IsReal = real };
        Assert.Equal(scenario.Refused, Codes(run.Diagnostics, DiagnosticSeverity.Error));
        Assert.Equal(scenario.Warns, Codes(run.Diagnostics, DiagnosticSeverity.Warning));
        if (run.Planned is { } plan && scenario.Outcomes.Length > 0)
        {
            await run.RunAsync(LocalPlan.Adjust(plan, new RunRequest { Timeout = TimeSpan.FromMinutes(3) }));
            var (expected, actual) = (string.Join(' ', scenario.Outcomes.Split(' ').Order(StringComparer.Ordinal)), string.Join(' ', run.Outcomes().Order(StringComparer.Ordinal)));
            Assert.True(expected == actual, $"expected {expected}\nbut it was {actual}\n{run.Errors()}");
            Assert.Equal(scenario.Result, run.State!.Result!.Outcome.Word);
        }

        foreach (var check in scenario.Checks)
        {
            check.Holds(run);
        }
    }

    /// <summary>A step of the plan.</summary>
    public StepPlan Step(string name) => Assert.Single(Assert.IsType<RunPlan>(Planned).Workflows.SelectMany(w => w.Steps.Concat(w.Services).Where(s => NameOf(w.Name, s.Name) == name || s.Name == name)));

    /// <summary>A step's state.</summary>
    public StepState StateOf(string name) => Assert.Single(State!.Workflows.SelectMany(w => w.Steps.Concat(w.Services).Where(s => NameOf(w.Name, s.Name) == name || s.Name == name)));

    public void Dispose() => tree.Dispose();

    private async Task RunAsync(RunPlan plan)
    {
        foreach (var (name, content) in scenario.Tree)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(tree[name])!);
            File.WriteAllText(tree[name], content);
        }

        using var host = new ScenarioHost(IsReal);
        Engine = new WatchedEngine(host.NewEngine()) { Meet = scenario.Meet, Held = scenario.Held };
        await using var engine = Engine;
        await using var run = new LocalRun(SpecOf(plan), engine, View, View, TimeProvider.System);
        if (scenario.CancelledAt is { } step)
        {
            engine.Started = started =>
            {
                if (started.EndsWith(step, StringComparison.Ordinal))
                {
                    run.Cancel("somebody cancelled it");
                }
            };
        }

        State = await run.RunAsync().WaitAsync(TimeSpan.FromMinutes(3), TestContext.Current.CancellationToken);
    }

    private LocalRunSpec SpecOf(RunPlan plan)
    {
        var id = RunId.Create(TimeProvider.System);
        return new LocalRunSpec
        {
            Id = id,
            Plan = plan,
            Slots = 16,
            Images = (engine, stop) => new RunImages(engine, new RunImageOptions(tree.Path, new Dictionary<string, string>(), null, null, stop)),
            JobOf = (workflow, at, startedAt, folder) => new WorkflowJob
            {
                Run = id,
                Plan = workflow,
                GroupId = $"{id}-{at}",
                Owner = LocalRun.Owner,
                Workspace = new WorkspaceSpec { BasePath = workflow.WorkspaceBase, TreePath = workflow.WorkspaceTree, SourceDirectory = tree.Path, CopyOnWrite = true },
                ScratchDirectory = folder,
                RunStartedAt = startedAt,
                Secrets = scenario.Secrets,
                Policy = new StepPolicy(false, [], ["*"]),
            },
        };
    }

    private IEnumerable<string> Outcomes() => State!.Workflows.SelectMany(w => w.Steps.Concat(w.Services).Select(s => $"{NameOf(w.Name, s.Name)}={((StepPhase.Done)s.Phase).Outcome.Word}"));

    private string Errors() => string.Join('\n', State!.Workflows.SelectMany(w => w.Steps.Concat(w.Services)).Select(s => (s.Name, Error: ((StepPhase.Done)s.Phase).Outcome as Outcome.Error)).Where(s => s.Error is not null).Select(s => $"{s.Name}: {s.Error!.Message}"));

    private string NameOf(string workflow, string step) => Planned!.Workflows.Count > 1 ? $"{workflow}/{step}" : step;

    private static string Codes(IReadOnlyList<Diagnostic> diagnostics, DiagnosticSeverity severity) =>
        string.Join(' ', diagnostics.Where(d => d.Severity == severity).Select(d => d.Code).Distinct());

    [GeneratedRegex(@"image: ('[^']*'|[^\s,}]+)")]
    private static partial Regex ImageKey();
}

/// <summary>Where the engine of one scenario keeps what it needs.</summary>
internal sealed class ScenarioHost(bool real) : IDisposable
{
    private readonly TestFolder folder = TestFolder.Create();
    private readonly string state = "/run/buildrunner-scenario-" + Guid.NewGuid().ToString("N")[..8];

    public IContainerEngine NewEngine()
    {
        if (!real)
        {
            return new DummyEngine(TimeProvider.System);
        }

        var sandbox = Environment.GetEnvironmentVariable("BUILDRUNNER_SANDBOX");
        Requires.Root();
        Requires.Program("runc", "nft");
        Requires.That(File.Exists(sandbox), "BuildRunner's helper, named in BUILDRUNNER_SANDBOX");
        return OciEngine.Create(new OciEngineOptions { StateRoot = state, ScratchRoot = folder["scratch"], SandboxPath = sandbox });
    }

    public void Dispose()
    {
        if (Directory.Exists(state))
        {
            Directory.Delete(state, recursive: true);
        }

        folder.Dispose();
    }
}
