using BuildRunner.Core.Pipelines.Yaml;
using BuildRunner.Core.Planning;

namespace BuildRunner.Core.Pipelines.Reading;

/// <summary>Makes a <see cref="PipelineFile"/> of a checked document.</summary>
internal static class PipelineBinder
{
    /// <summary>The file's content, typed.</summary>
    public static PipelineFile Bind(YamlNode.Mapping root, string path) => new()
    {
        Path = path,
        Steps = StepBinder.BindAll(root.Get("steps") ?? root.Get("pipeline"), "step"),
        Services = StepBinder.BindAll(root.Get("services"), "service"),
        CloneSteps = StepBinder.BindAll(root.Get("clone"), "clone"),
        SkipClone = root.Flag("skip_clone") ?? false,
        When = WhenBinder.Bind(root),
        Branches = root.Patterns("branches"),
        DependsOn = StepBinder.Dependencies(root),
        RunsOn = root.Words("runs_on"),
        Labels = Labels(root),
        Concurrency = Concurrency(root),
        WorkspaceBase = root.Map("workspace")?.Text("base"),
        WorkspacePath = root.Map("workspace")?.Text("path"),
        Timeout = root.Time("timeout"),
        Resources = StepBinder.Resources(root),
    };

    /// <summary>Labels that begin so are Woodpecker's own, and are left out as there.</summary>
    public const string ReservedLabels = "woodpecker-ci.org";

    /// <summary>Whether a label cannot be set in a file.</summary>
    public static bool IsReserved(string label) => label.StartsWith(ReservedLabels, StringComparison.Ordinal);

    // A label without a value counts as not written (Woodpecker: "Workflow labels with an empty value are ignored").
    private static Dictionary<string, string> Labels(YamlNode.Mapping root)
    {
        var labels = root.Pairs("labels").Where(label => label.Value.Length > 0 && !IsReserved(label.Key)).ToDictionary(label => label.Key, label => label.Value, StringComparer.Ordinal);
        if (root.Text("platform") is { } platform)
            labels.TryAdd("platform", platform.Text);
        return labels;
    }

    private static ConcurrencyPlan? Concurrency(YamlNode.Mapping root) => root.Map("concurrency") is { } map
        ? map.Whole("limit") is { } limit ? new ConcurrencyPlan(limit, map.Text("group")?.Text) : null
        : root.Whole("concurrency") is { } number ? new ConcurrencyPlan(number, null) : null;
}
