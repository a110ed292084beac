using System.Globalization;

namespace BuildRunner.EndToEnd.Tests.Isolation;

/// <summary>The host's processes.</summary>
internal static class Processes
{
    /// <summary>Those whose real user is one of a range.</summary>
    public static IEnumerable<int> OfUsers(uint first, uint count) =>
        All().Where(p => Field(p, "Uid:") is { } uid && uint.Parse(uid, CultureInfo.InvariantCulture) - first < count);

    /// <summary>The children of a process.</summary>
    public static IEnumerable<int> ChildrenOf(int parent) => All().Where(p => Field(p, "PPid:") == parent.ToString(CultureInfo.InvariantCulture));

    /// <summary>The words with which a process was started.</summary>
    public static string CommandOf(int process) => Read(process, "cmdline").Replace('\0', ' ').TrimEnd();

    private static List<int> All() =>
        [.. Directory.GetDirectories("/proc").Select(Path.GetFileName).Where(n => int.TryParse(n, out _)).Select(n => int.Parse(n!, CultureInfo.InvariantCulture))];

    private static string? Field(int process, string name) =>
        Read(process, "status").Split('\n').FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal))?.Split('\t', StringSplitOptions.RemoveEmptyEntries)[1];

    private static string Read(int process, string file)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/{file}");
        }
        catch (IOException)
        {
            // It ended while we looked.
            return "";
        }
    }
}
