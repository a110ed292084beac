using BuildRunner.Core.Pipelines.Yaml;

namespace BuildRunner.Core.Pipelines.Reading;

/// <summary>Makes <see cref="WhenFile"/>s of checked nodes.</summary>
internal static class WhenBinder
{
    /// <summary>The conditions of a step or a workflow.</summary>
    public static IReadOnlyList<WhenFile> Bind(YamlNode.Mapping owner) => [.. owner.OneOrMany("when").OfType<YamlNode.Mapping>().Select(BindOne)];

    private static WhenFile BindOne(YamlNode.Mapping when) => new()
    {
        Location = when.Location,
        Event = when.Patterns("event"),
        Branch = when.Patterns("branch"),
        Ref = when.Patterns("ref"),
        Repo = when.Patterns("repo"),
        Cron = when.Patterns("cron"),
        Platform = when.Patterns("platform"),
        Instance = when.Patterns("instance"),
        Path = Paths(when),
        Status = when.Words("status"),
        Matrix = when.Pairs("matrix"),
        Evaluate = when.Text("evaluate"),
    };

    private static PathsFile? Paths(YamlNode.Mapping when)
    {
        if (when.Get("path") is null)
            return null;
        var map = when.Map("path");
        return new PathsFile(when.Patterns("path") ?? new PatternsFile([], []), map?.Text("ignore_message")?.Text ?? "", map?.Flag("on_empty") ?? true);
    }
}
