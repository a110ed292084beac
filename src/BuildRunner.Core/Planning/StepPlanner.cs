using System.Globalization;
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
    public StepPlan Plan(StepFile file, string name, int number, StepKind kind, WhenVerdict verdict, OrderedStep order)
    {
        var scripts = new ScriptText(workflow.Variables, file.Environment.Select(entry => entry.Key).ToHashSet(StringComparer.Ordinal));
        var plan = Plan(file, scripts, name, verdict, order) with { Kind = kind };
        return plan with { Environment = Environment(file, scripts, name, number, kind) };
    }

    private StepPlan Plan(StepFile file, ScriptText scripts, string name, WhenVerdict verdict, OrderedStep order) => new()
    {
        Name = name,
        Kind = StepKind.Commands,
        Image = file.Image ?? (file.Build is { } build ? $"build:{build.Directory}" : ""),
        Build = file.Build,
        Location = file.Location,
        Implied = file.Implied,
        Commands = Commands(file, scripts),
        Entrypoint = file.Entrypoint.Count == 0 ? null : Arguments(file.Entrypoint, scripts),
        DependsOn = order.DependsOn,
        Failure = file.Failure,
        RunsOnStatus = verdict.Status,
        SkipReason = order.SkipReason,
        Conditions = verdict.Conditions,
        LateCondition = verdict.LateCondition,
        Detached = file.Detach,
        AlwaysPull = file.Pull,
        Timeout = file.Timeout,
        Retry = file.Retry,
        Directory = Directory(file),
        User = file.User,
        Privileged = file.Privileged,
        Volumes = [.. file.Volumes.Select(volume => volume.Text)],
        Devices = [.. file.Devices.Select(device => device.Text)],
        Dns = [.. file.Dns.Select(server => server.Text.Trim('[', ']'))],
        DnsSearch = [.. file.DnsSearch.Select(domain => domain.Text)],
        ExtraHosts = [.. file.ExtraHosts.Select(host => HostEntry.TryParse(host.Text, out var entry, out _) ? entry.ToString() : host.Text)],
        Ports = [.. file.Ports.Select(port => port.Text)],
        Resources = file.Resources,
        Networked = file.Networked,
        AllowedExitCodes = file.AllowedExitCodes,
        HealthCheck = HealthCheck(file, scripts),
        WithoutSecrets = file.WithoutSecrets,
        TestReports = file.TestReports,
    };

    private IReadOnlyList<string> Commands(StepFile file, ScriptText scripts)
    {
        var program = file.Entrypoint.Count == 0 ? "/bin/sh" : file.Entrypoint[0].Text;
        return [.. file.Commands.Select(command => Script(command, program, scripts))];
    }

    // A command and its arguments, which no shell looks at; but an argument can itself be a script.
    private IReadOnlyList<string> Arguments(IReadOnlyList<TextFile> command, ScriptText scripts)
    {
        var words = command.Select(word => word.Text).ToList();
        return [.. command.Select((word, index) => Interpreters.Of(words, index) is { } program ? Script(word, program, scripts) : Data(word))];
    }

    private string Script(TextFile script, string program, ScriptText scripts)
    {
        var made = Interpreters.IsShell(program) ? scripts.ForShell(script.Text, out var problem) : scripts.ForProgram(script.Text, program, out problem);
        if (problem is not null)
            diagnostics.Error(DiagnosticCodes.UnsafeScript, script.Location, problem, "Read it from the environment of the step instead");
        return made ?? "";
    }

    private string Data(TextFile text)
    {
        if (TextTemplate.Parse(text.Text, out _) is not { HasOutputs: false } template)
            return text.Text;
        if (workflow.Variables.Expand(template) is { } expanded)
            return expanded;
        ReportTooLong(text.Location);
        return "";
    }

    private HealthCheckPlan? HealthCheck(StepFile file, ScriptText scripts) => file.HealthCheck is { } check
        ? check.Plan with { Test = check.IsShell ? ["/bin/sh", "-c", string.Join(' ', check.Test.Select(text => Script(text, "/bin/sh", scripts)))] : Arguments(check.Test, scripts) }
        : null;

    // Plugins have the workspace at its usual place, whatever the file says, so that their own programs are not hidden (Woodpecker).
    private string? Directory(StepFile file)
    {
        var tree = WorkspacePaths.Join(file.IsPlugin ? WorkspacePaths.DefaultBase : workflow.WorkspaceBase, workflow.WorkspacePath);
        if (file.Directory is not { } directory)
            return tree == workflow.Tree ? null : tree;
        return directory.Text.StartsWith('/') ? WorkspacePaths.Join(directory.Text) : WorkspacePaths.Join(tree, directory.Text);
    }

    private LayeredEnvironment Environment(StepFile file, ScriptText scripts, string name, int number, StepKind kind)
    {
        var isPlugin = file.IsPlugin;
        var own = new Dictionary<string, PlanValue>(StringComparer.Ordinal);
        var tree = WorkspacePaths.Join(isPlugin ? WorkspacePaths.DefaultBase : workflow.WorkspaceBase, workflow.WorkspacePath);
        foreach (var (key, value) in CiVariables.ForStep(name, number, kind, tree, workflow.Variables.Get("CI_PIPELINE_URL")))
            own[key] = new PlanValue.Literal(value);
        foreach (var (key, value) in scripts.Extra)
            Add(own, key, new PlanValue.Literal(value), file.Location);
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
            Add(own, name, value, entry.Value.Location);
        else
            ReportTooLong(entry.Value.Location);
    }

    // What is not literal is measured when the step starts.
    private void Add(Dictionary<string, PlanValue> own, string name, PlanValue value, Pipelines.SourceLocation location)
    {
        if (value is PlanValue.Literal(var text) && !EnvironmentLimit.Fits(name, text))
            diagnostics.Error(DiagnosticCodes.TooLong, location, string.Create(CultureInfo.InvariantCulture, $"`{name}` has {EnvironmentLimit.SizeOf(name, text)} bytes with its name; an environment variable can have {EnvironmentLimit.Bytes}"), "Put it into a file of the repository, or write it to one in a command");
        own[name] = value;
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
