using System.Globalization;

namespace BuildRunner.Testing.Engine;

/// <summary>Looks at the host from outside for what an engine with these folders has there: processes, mounts, cgroups, devices, files.</summary>
/// <remarks>It knows nothing of the engine's code; it reads <c>/proc</c>, <c>/sys</c> and folders. Other engines of the host do not disturb it.</remarks>
public sealed class HostAuditor(string stateRoot, string scratchRoot)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    /// <summary>True: the engine is an agent's that lives. The one group that it may have made for a workflow to come does not count; a second one does.</summary>
    public bool OfLivingAgent { get; init; }

    /// <summary>Groups that were made ahead and have no workflow yet, newest first.</summary>
    public IReadOnlyList<string> Ready => !Directory.Exists(stateRoot + "/groups") ? []
        : [.. Directory.EnumerateDirectories(stateRoot + "/groups", "ready-*").Where(d => !File.Exists(d + "/taken")).Select(d => Path.GetFileName(d)).OrderDescending(StringComparer.Ordinal)];

    /// <summary>Everything of the engine that is on the host, one line each; empty on a clean host.</summary>
    public IReadOnlyList<string> Findings() => [.. Processes(), .. Mounts(), .. Cgroups(), .. Devices(), .. LoopDevices(), .. Files()];

    /// <summary>Waits until nothing is left, and returns what is after the time.</summary>
    public Task<IReadOnlyList<string>> FindingsAfterAsync(TimeSpan limit) => WaitAsync(limit, Findings);

    /// <summary>Waits until no process is left, and returns those that are after the time.</summary>
    public Task<IReadOnlyList<string>> ProcessesAfterAsync(TimeSpan limit) => WaitAsync(limit, () => [.. Processes()]);

    private static async Task<IReadOnlyList<string>> WaitAsync(TimeSpan limit, Func<IReadOnlyList<string>> look)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var findings = look();
            if (findings.Count == 0 || TimeProvider.System.GetElapsedTime(start) > limit)
            {
                return findings;
            }

            await Task.Delay(Pause);
        }
    }

    /// <summary>Processes that live in the engine's mounts, or in its cgroups: holders, shims, runtimes, containers.</summary>
    public IEnumerable<string> Processes()
    {
        foreach (var directory in Directory.EnumerateDirectories("/proc").Where(d => int.TryParse(Path.GetFileName(d), CultureInfo.InvariantCulture, out _)))
        {
            if (Lines(directory + "/mountinfo").Any(IsOurs))
            {
                yield return $"process {Path.GetFileName(directory)}: {TryRead(directory + "/cmdline").Replace('\0', ' ')}";
            }
        }
    }

    private IEnumerable<string> Mounts() => Lines("/proc/self/mountinfo").Where(l => l.Contains(stateRoot, StringComparison.Ordinal)).Select(l => "mount " + l);

    private static string[] Lines(string path) => TryRead(path).Split('\n');

    private bool IsOurs(string line) =>
        (line.Contains(stateRoot, StringComparison.Ordinal) || line.Contains(scratchRoot, StringComparison.Ordinal)) && !IsReady(line);

    private bool IsReady(string text) => OfLivingAgent && Ready is [var newest, ..] && text.Contains(newest, StringComparison.Ordinal);

    /// <summary>Cgroups of groups that this engine had: those whose folder it has, and all that are empty and nobody's.</summary>
    private IEnumerable<string> Cgroups()
    {
        foreach (var hierarchy in Directory.EnumerateDirectories("/sys/fs/cgroup").Append("/sys/fs/cgroup").Select(d => d + "/buildrunner").Where(Directory.Exists))
        {
            foreach (var group in Directory.EnumerateDirectories(hierarchy).Where(g => _known.ContainsKey(Path.GetFileName(g))))
            {
                yield return "cgroup " + group;
            }
        }
    }

    /// <summary>Devices of groups: named by their holder's process id, and left over if that is gone.</summary>
    private static IEnumerable<string> Devices() => (IsOrdinary ? [] : Directory.EnumerateDirectories("/sys/class/net"))
        .Select(d => Path.GetFileName(d))
        .Where(n => n.StartsWith("brg", StringComparison.Ordinal) && !Directory.Exists("/proc/" + n["brg".Length..].TrimStart([.. Enumerable.Range('g', 16).Select(c => (char)c)])))
        .Select(n => "device " + n);

    /// <summary>True: this process is an ordinary user's, whose engines make no devices in this network, and who does not see the processes that those of others belong to.</summary>
    private static bool IsOrdinary => TryRead("/proc/self/uid_map").Split(' ', StringSplitOptions.RemoveEmptyEntries) is not ["0", "0", ..];

    /// <summary>Disks of groups, also those whose file has no name any more.</summary>
    private IEnumerable<string> LoopDevices() => Directory.EnumerateDirectories("/sys/block", "loop*")
        .Select(d => (Device: d, File: TryRead(d + "/loop/backing_file").Trim()))
        .Where(l => l.File.StartsWith(scratchRoot + "/", StringComparison.Ordinal))
        .Select(l => $"device {l.Device}: {l.File}");

    private IEnumerable<string> Files() => new[] { stateRoot + "/groups", scratchRoot }
        .Where(Directory.Exists)
        .SelectMany(Directory.EnumerateFileSystemEntries)
        .Where(f => !IsReady(f))
        .Select(f => "file " + f);

    private readonly System.Collections.Concurrent.ConcurrentDictionary<string, bool> _known = new();

    /// <summary>Tells the auditor of a group, whose cgroups it then looks for.</summary>
    public void Watch(string groupId) => _known.TryAdd(groupId, true);

    private static string TryRead(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The process has ended meanwhile.
            return "";
        }
    }
}
