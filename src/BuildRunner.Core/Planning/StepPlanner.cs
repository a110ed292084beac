using BuildRunner.Core.Expressions;
using BuildRunner.Core.Pipelines;

namespace BuildRunner.Core.Planning;

/// <summary>Makes <see cref="StepPlan"/>s for one workflow.</summary>
/// <param name="workflow">What the steps have in common.</param>
/// <param name="diagnostics">Where problems go.</param>
internal sealed class StepPlanner(WorkflowContext workflow, DiagnosticBag diagnostics)
{
    private readonly PlanValues values = new(workflow.Variables);

    /// <summary>Makes one.</summary>
    /// <param name="file">What was written.</param>
    /// <param name="name">Its unique name.</param>
    /// <param name="number">Its place in the workflow, from 0.</param>
    /// <param name="kind">What it is.</param>
    /// <param name="verdict">What its conditions came to.</param>
    /// <param name="order">What it waits for.</param>
    public StepPlan Plan(StepFile file, string name, int number, StepKind kind, WhenVerdict verdict, OrderedStep order) => new()
    {
        Name = name,
        Kind = kind,
        Image = file.Image ?? "",
        Location = file.Location,
        Commands = Expand(file.Commands),
        Entrypoint = file.Entrypoint.Count == 0 ? null : Expand(file.Entrypoint),
        Environment = Environment(file, name, number, kind),
        DependsOn = order.DependsOn,
        Failure = file.Failure,
        RunsOnStatus = verdict.Status,
        SkipReason = order.SkipReason,
        Conditions = verdict.Conditions,
        Detached = file.Detach,
        AlwaysPull = file.Pull,
        Timeout = file.Timeout,
        Retry = file.Retry,
        Directory = Directory(file),
        User = file.User,
        Privileged = file.Privileged,
        Volumes = [.. file.Volumes.Select(volume => volume.Text)],
        Dns = file.Dns,
        DnsSearch = file.DnsSearch,
        ExtraHosts = [.. file.ExtraHosts.Select(host => host.Text)],
        Ports = [.. file.Ports.Select(port => port.Text)],
        Resources = file.Resources,
        Networked = file.Networked,
        AllowedExitCodes = file.AllowedExitCodes,
        HealthCheck = HealthCheck(file),
        WithoutSecrets = file.WithoutSecrets,
    };

    private IReadOnlyList<string> Expand(IReadOnlyList<TextFile> texts) => [.. texts.Select(Expand)];

    private string Expand(TextFile text)
    {
        if (TextTemplate.Parse(text.Text, out _) is not { HasOutputs: false } template)
            return text.Text;
        if (workflow.Variables.Expand(template) is { } expanded)
            return expanded;
        ReportTooLong(text.Location);
        return "";
    }

    private HealthCheckPlan? HealthCheck(StepFile file) => file.HealthCheck is { } check
        ? check.Plan with { Test = check.IsShell ? ["/bin/sh", "-c", string.Join(' ', Expand(check.Test))] : Expand(check.Test) }
        : null;

    // Plugins have the workspace at its usual place, whatever the file says, so that their own programs are not hidden (Woodpecker).
    private string? Directory(StepFile file)
    {
        var tree = WorkspacePaths.Join(file.IsPlugin ? WorkspacePaths.DefaultBase : workflow.WorkspaceBase, workflow.WorkspacePath);
        if (file.Directory is not { } directory)
            return tree == workflow.Tree ? null : tree;
        return directory.Text.StartsWith('/') ? WorkspacePaths.Join(directory.Text) : WorkspacePaths.Join(tree, directory.Text);
    }

    private LayeredEnvironment Environment(StepFile file, string name, int number, StepKind kind)
    {
        var isPlugin = file.IsPlugin;
        var own = new Dictionary<string, PlanValue>(StringComparer.Ordinal);
        var tree = WorkspacePaths.Join(isPlugin ? WorkspacePaths.DefaultBase : workflow.WorkspaceBase, workflow.WorkspacePath);
        foreach (var (key, value) in CiVariables.ForStep(name, number, kind, tree, workflow.Variables.Get("CI_PIPELINE_URL")))
            own[key] = new PlanValue.Literal(value);
        foreach (var entry in file.Settings)
            Add(own, "PLUGIN_" + entry.Key.Replace('.', '_').Replace('-', '_').ToUpperInvariant(), entry);
        foreach (var entry in file.Environment)
        {
            if (entry.Key == "CI" || entry.Key.StartsWith("CI_", StringComparison.Ordinal))
                WarnOfBuiltIn(own, entry);
            Add(own, entry.Key, entry);
        }
        return new LayeredEnvironment(isPlugin ? workflow.PluginEnvironment : workflow.CommandEnvironment, own);
    }

    private void WarnOfBuiltIn(Dictionary<string, PlanValue> own, Pipelines.Yaml.YamlEntry entry)
    {
        if (own.ContainsKey(entry.Key) || workflow.CommandEnvironment.ContainsKey(entry.Key))
            diagnostics.Warning(DiagnosticCodes.BuiltInReplaced, entry.KeyLocation, $"`{entry.Key}` replaces a built-in variable", "Give it another name");
    }

    private void Add(Dictionary<string, PlanValue> own, string name, Pipelines.Yaml.YamlEntry entry)
    {
        if (values.Make(entry.Value) is { } value)
            own[name] = value;
        else
            ReportTooLong(entry.Value.Location);
    }

    private void ReportTooLong(SourceLocation location) =>
        diagnostics.Error(DiagnosticCodes.BadSubstitution, location, "substitution makes this value too long");
}

/// <summary>What the steps of one workflow have in common.</summary>
/// <param name="Variables">For substitution.</param>
/// <param name="WorkspaceBase">Mount point of the shared volume.</param>
/// <param name="WorkspacePath">The repository's folder below it.</param>
/// <param name="CommandEnvironment">Variables of steps with commands, and of services.</param>
/// <param name="PluginEnvironment">Variables of plugins: without the matrix, with Drone's names.</param>
internal sealed record WorkflowContext(
    VariableScope Variables,
    string WorkspaceBase,
    string WorkspacePath,
    IReadOnlyDictionary<string, PlanValue> CommandEnvironment,
    IReadOnlyDictionary<string, PlanValue> PluginEnvironment)
{
    /// <summary>The working tree.</summary>
    public string Tree { get; } = WorkspacePaths.Join(WorkspaceBase, WorkspacePath);
}
