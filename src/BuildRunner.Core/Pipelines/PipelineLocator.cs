namespace BuildRunner.Core.Pipelines;

/// <summary>
/// Finds a repository's pipeline files. The first place that has any wins:
/// <c>.buildrunner/*.y(a)ml</c>, <c>.buildrunner.y(a)ml</c>, <c>.woodpecker/*.y(a)ml</c>, <c>.woodpecker.y(a)ml</c>, <c>pipelines/*.y(a)ml</c>.
/// </summary>
public static class PipelineLocator
{
    /// <summary>The places in their order; one that ends with a slash is a folder.</summary>
    public static IReadOnlyList<string> Places { get; } =
        [".buildrunner/", ".buildrunner.yaml", ".buildrunner.yml", ".woodpecker/", ".woodpecker.yaml", ".woodpecker.yml", "pipelines/"];

    /// <summary>Picks the pipeline files among a repository's files.</summary>
    /// <param name="files">Paths relative to the repository, with slashes. Only files in the places matter, so it does to give those.</param>
    /// <param name="configured">A file, or a folder with a slash at its end, that a setting names instead; null: the usual places.</param>
    /// <returns>Sorted by name; empty if there are none.</returns>
    public static IReadOnlyList<string> Find(IEnumerable<string> files, string? configured = null)
    {
        ArgumentNullException.ThrowIfNull(files);
        var all = files.ToList();
        foreach (var place in configured is null ? Places : [configured])
        {
            var found = all.Where(file => IsIn(file, place)).Order(StringComparer.Ordinal).ToList();
            if (found.Count > 0)
                return found;
        }
        return [];
    }

    private static bool IsIn(string file, string place)
    {
        if (!place.EndsWith('/'))
            return file == place;
        return file.StartsWith(place, StringComparison.Ordinal)
            && !file.AsSpan(place.Length).Contains('/')
            && (file.EndsWith(".yml", StringComparison.Ordinal) || file.EndsWith(".yaml", StringComparison.Ordinal));
    }
}
