using System.Globalization;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>Looks from outside for the processes that an engine has ready, and for those that it uses.</summary>
internal static class WaitingProcesses
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>The holder of a group that is alive.</summary>
    public static int HolderOf(OciHost host) => host.Auditor.Processes()
        .Where(p => p.Contains("helper group", StringComparison.Ordinal))
        .Select(p => int.Parse(p.Split(' ')[1].TrimEnd(':'), CultureInfo.InvariantCulture))
        .First(p => ParentOf(p) == Environment.ProcessId);

    /// <summary>The holder and the shim that wait, when they do: both sleep, and the holder has a place's two namespaces.</summary>
    public static async Task<Dictionary<string, int>> ReadyAsync(OciHost host, Dictionary<string, int>? besides = null)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var busy = host.Auditor.Processes().Select(p => int.Parse(p.Split(' ')[1].TrimEnd(':'), CultureInfo.InvariantCulture)).ToHashSet();
            var waiting = Children(host).Where(c => !busy.Contains(c.Pid) && besides?.ContainsValue(c.Pid) != true).ToList();
            var holder = waiting.FirstOrDefault(c => c.Verb == "group" && HasPlace(c.Pid));
            var shim = waiting.LastOrDefault(c => c.Verb == "shim");
            if (holder.Pid > 0 && shim.Pid > 0)
            {
                return new() { ["group"] = holder.Pid, ["shim"] = shim.Pid };
            }

            Assert.True(TimeProvider.System.GetElapsedTime(began) < Limit, "none was made ready");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }

    // The last that it makes is the spare network: then it answers.
    private static bool HasPlace(int pid)
    {
        try
        {
            return Directory.EnumerateFiles($"/proc/{pid}/fd").Select(f => new FileInfo(f).LinkTarget ?? "").Count(t => t.StartsWith("net:", StringComparison.Ordinal)) >= 2;
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>The helpers that this process has started under the name that the host has for them.</summary>
    public static List<(int Pid, string Verb)> Children(OciHost host)
    {
        var children = new List<(int, string)>();
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(directory), CultureInfo.InvariantCulture, out var pid) && CommandOf(pid) is [var program, var verb, ..]
                && program == host.Options.SandboxPath && ParentOf(pid) == Environment.ProcessId)
            {
                children.Add((pid, verb));
            }
        }

        return children;
    }

    private static string[] CommandOf(int pid) => TryRead($"/proc/{pid}/cmdline").Split('\0');

    /// <summary>Which process started another; 0: it is gone.</summary>
    public static int ParentOf(int pid) =>
        TryRead($"/proc/{pid}/stat").Split(") ") is [_, var rest] && rest.Split(' ') is [_, var parent, ..] ? int.Parse(parent, CultureInfo.InvariantCulture) : 0;

    private static string TryRead(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It has ended meanwhile.
            return "";
        }
    }
}
