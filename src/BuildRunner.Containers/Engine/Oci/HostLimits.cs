using System.Globalization;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>What this process may, and so its containers: without the right to raise limits they cannot have more.</summary>
internal static class HostLimits
{
    private const long Fallback = 4096;

    /// <summary>The hard limit on open files.</summary>
    public static long OpenFiles()
    {
        // Limit                     Soft Limit           Hard Limit           Units
        // Max open files            20000                20000                files
        var line = File.ReadLines("/proc/self/limits").FirstOrDefault(l => l.StartsWith("Max open files", StringComparison.Ordinal));
        var words = line?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [];
        return words.Length > 4 && long.TryParse(words[4], CultureInfo.InvariantCulture, out var limit) ? limit : Fallback;
    }
}
