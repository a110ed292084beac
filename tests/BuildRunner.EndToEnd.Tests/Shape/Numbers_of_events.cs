using System.Text.RegularExpressions;

namespace BuildRunner.EndToEnd.Tests.Shape;

/// <summary>Whoever filters a log by the number of an event means one event.</summary>
public sealed partial class Numbers_of_events
{
    [Fact]
    public void Each_number_means_one_event()
    {
        var events = (
            from file in Directory.EnumerateFiles(Path.Combine(Release.Root, "src"), "*.cs", SearchOption.AllDirectories)
            where !file.Contains("/obj/", StringComparison.Ordinal)
            from Match match in MessagePattern().Matches(File.ReadAllText(file))
            select (Number: match.Groups[1].Value, File: Path.GetRelativePath(Release.Root, file))).ToList();
        Assert.True(events.Count > 30, $"only {events.Count} events were found: they are written in another way now");
        Assert.All(events, e => Assert.True(e.Number.Length > 0, $"{e.File} has an event that does not begin with its number"));
        Assert.Empty(events.GroupBy(e => e.Number).Where(g => g.Count() > 1).Select(g => $"{g.Key}: {string.Join(", ", g.Select(e => e.File))}"));
    }

    [GeneratedRegex(@"\[LoggerMessage\(\s*(\d*)")]
    private static partial Regex MessagePattern();
}
