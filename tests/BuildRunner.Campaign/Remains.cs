using System.Text;

namespace BuildRunner.Campaign;

/// <summary>What is on the machine when nothing should be: of containers, of agents' work, of temporary files, and of the secret.</summary>
public static class Remains
{
    private static readonly string[] Kept = ["work", "workflows"];
    // What a killed helper has left the reaper finds, which looks once a minute; it may come just before, and a busy machine takes its time.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(150), Look = TimeSpan.FromMilliseconds(50);

    /// <summary>Waits until nothing is left, for a little longer than promise G8 allows; what is left then.</summary>
    /// <param name="installation">Whose.</param>
    /// <param name="workflows">The ids of works that made workflows: control groups have their names.</param>
    /// <param name="known">What does not count.</param>
    public static async Task<IReadOnlyList<string>> AfterAsync(Installation installation, IReadOnlySet<string> workflows, IReadOnlySet<string> known)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            List<string> all = [.. installation.Agents.SelectMany(Of).Concat(Cgroups(workflows, installation)).Concat(Temporary(installation)).Where(f => !known.Contains(f))];
            if (all.Count == 0 || TimeProvider.System.GetElapsedTime(began) > Limit)
            {
                return all;
            }

            await Task.Delay(Look);
        }
    }

    /// <summary>Files with the secret in them, as it is or in base64.</summary>
    public static IReadOnlyList<string> Secrets(Installation installation)
    {
        var plain = Encoding.UTF8.GetBytes(installation.Canary);
        byte[][] forms = [plain, .. Enumerable.Range(0, 3).Select(shift => Encoding.ASCII.GetBytes(Convert.ToBase64String([.. new byte[shift], .. plain])[4..^4]))];
        var folders = new[] { installation.Folder, installation.Database?.Folder, installation.Broker?.Folder, "/run/buildrunner/agents" }.OfType<string>().Concat(installation.Agents.Select(a => a.State));
        return [.. from folder in folders where Directory.Exists(folder) from file in Files(folder) where Has(file, forms) select $"the secret is in {file}"];
    }

    // A device whose holder is gone may be another engine's of this machine.
    private static IEnumerable<string> Of(AgentSeat agent) => agent.Auditor.Findings().Where(f => !f.StartsWith("device ", StringComparison.Ordinal))
        .Concat(Kept.Select(n => Path.Combine(agent.Work, n)).Where(Directory.Exists).SelectMany(Directory.EnumerateFileSystemEntries).Select(f => $"{agent.Name} keeps {f}"));

    private static IEnumerable<string> Cgroups(IReadOnlySet<string> workflows, Installation installation) =>
        from hierarchy in Directory.EnumerateDirectories("/sys/fs/cgroup").Append("/sys/fs/cgroup").Select(d => d + "/buildrunner").Where(Directory.Exists)
        from directory in Directory.EnumerateDirectories(hierarchy)
        let name = Path.GetFileName(directory)
        where workflows.Any(w => ContractCall.Plain(name).StartsWith(w, StringComparison.Ordinal)) || (name.StartsWith("ready-", StringComparison.Ordinal) && !installation.Agents.Any(a => a.Auditor.Ready.Contains(name)))
        select $"cgroup {directory}";

    private static IEnumerable<string> Temporary(Installation installation) =>
        Directory.EnumerateFileSystemEntries(Path.Combine(installation.Folder, "tmp")).Select(f => $"temporary {f}");

    private static IEnumerable<string> Files(string folder) =>
        Directory.EnumerateFiles(folder, "*", new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true, AttributesToSkip = FileAttributes.ReparsePoint });

    private static bool Has(string file, byte[][] forms)
    {
        try
        {
            var bytes = File.ReadAllBytes(file);
            return forms.Any(f => bytes.AsSpan().IndexOf(f) >= 0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A socket, or gone meanwhile.
            return false;
        }
    }
}
