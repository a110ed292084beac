using System.Diagnostics;
using System.Globalization;
using System.Runtime;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>What a process's memory is in use for, after a collection, in KB: so that growth can be told from a leak.</summary>
/// <param name="All">What is in memory of it.</param>
/// <param name="Files">Pages of files, that the kernel takes away when it needs them.</param>
/// <param name="Heap">What objects take that are alive.</param>
/// <param name="Committed">What the collector has asked the kernel for.</param>
/// <param name="Code">What the runtime has compiled, and writes where it writes code.</param>
/// <param name="Native">What the C library handed out and keeps.</param>
/// <param name="Threads">Threads; each has a stack.</param>
/// <param name="Methods">Methods that were compiled, each version counted.</param>
internal sealed record MemoryInUse(long All, long Files, long Heap, long Committed, long Code, long Native, int Threads, long Methods)
{
    public static MemoryInUse OfThisProcess()
    {
        for (var i = 0; i < 3; i++)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers();
        }

        var regions = Regions().ToList();
        return new MemoryInUse(
            Status("VmRSS:"), Status("RssFile:"), GC.GetTotalMemory(false) / 1024, GC.GetGCMemoryInfo().TotalCommittedBytes / 1024,
            regions.Where(r => r.Name.Contains("doublemapper", StringComparison.Ordinal)).Sum(r => r.Resident),
            regions.Where(r => r.Name == "[heap]" || (r.Name.Length == 0 && r.Size <= 64 << 10 && r.Start % (64 << 20) == 0)).Sum(r => r.Resident),
            Process.GetCurrentProcess().Threads.Count, JitInfo.GetCompiledMethodCount());
    }

    private static long Status(string key) => Number(File.ReadLines("/proc/self/status").First(l => l.StartsWith(key, StringComparison.Ordinal)));

    private static IEnumerable<(long Start, string Name, long Size, long Resident)> Regions()
    {
        var (start, name, size) = (0L, "", 0L);
        foreach (var line in File.ReadAllLines("/proc/self/smaps"))
        {
            if (char.IsAsciiHexDigitLower(line[0]) && line.IndexOf('-', StringComparison.Ordinal) is > 0 and < 17 and var dash)
            {
                start = long.Parse(line.AsSpan(0, dash), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                name = line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries) is [_, _, _, _, _, var path] ? path.Trim() : "";
            }
            else if (line.StartsWith("Size:", StringComparison.Ordinal))
            {
                size = Number(line);
            }
            else if (line.StartsWith("Rss:", StringComparison.Ordinal))
            {
                yield return (start, name, size, Number(line));
            }
        }
    }

    private static long Number(string line) => long.Parse(line.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture);
}
