using System.Globalization;
using BuildRunner.Sandbox.Kernel;

namespace BuildRunner.Sandbox.Waiter;

/// <summary>Whether the kernel has killed a process of this container for memory, as its own cgroup tells.</summary>
internal static class OutOfMemory
{
    public static bool Happened() => Count("/sys/fs/cgroup/memory.events") > 0 || Count("/sys/fs/cgroup/memory/memory.oom_control") > 0;

    private static long Count(string file)
    {
        var line = (Files.TryRead(file) ?? "").Split('\n').FirstOrDefault(l => l.StartsWith("oom_kill ", StringComparison.Ordinal));
        return line is not null && long.TryParse(line.AsSpan("oom_kill ".Length), CultureInfo.InvariantCulture, out var count) ? count : 0;
    }
}
