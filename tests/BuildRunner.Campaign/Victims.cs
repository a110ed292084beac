using System.Globalization;

namespace BuildRunner.Campaign;

/// <summary>Finds the processes beside and in the containers of an agent, from outside: by <c>/proc</c>.</summary>
public static class Victims
{
    /// <summary>The process that stands for a victim at this moment.</summary>
    /// <returns>Its id, and what it is; null: there is none.</returns>
    public static Prey? Find(Victim victim, AgentSeat agent, int run, string step)
    {
        var helpers = Helpers(agent);
        var ofStep = Processes().Where(p => Environment(p).IsSupersetOf([$"CI_PIPELINE_NUMBER={run}", $"CI_STEP_NAME={step}"])).Select(p => Above(p, helpers, "init")).FirstOrDefault(p => p is not null);
        var container = ofStep ?? helpers.LastOrDefault(h => h.Verb == "init");
        if (victim == Victim.Container)
        {
            return container is null ? null : new Prey(container.Id, ofStep is null ? "another container" : "the step's container");
        }

        var shim = ofStep is not null ? Above(ofStep.Id, helpers, "shim") : helpers.LastOrDefault(h => h.Verb == "shim");
        return shim is not null ? new Prey(shim.Id, ofStep is null ? "another shim" : "the step's shim")
            : helpers.Find(h => h.Verb == "group") is { } holder ? new Prey(holder.Id, "the group's holder")
            : null;
    }

    /// <summary>The processes of a run's steps, wherever they run.</summary>
    public static IReadOnlyList<int> Of(int run) => [.. Processes().Where(p => Environment(p).Contains($"CI_PIPELINE_NUMBER={run}"))];

    private static List<Helper> Helpers(AgentSeat agent) =>
    [
        .. from id in Processes()
           let words = Read(id, "cmdline").Split('\0')
           where words.Length >= 2 && words[1] is "group" or "shim" or "init"
           let mounts = Read(id, "mountinfo")
           where mounts.Contains(agent.State, StringComparison.Ordinal) || mounts.Contains(agent.Scratch, StringComparison.Ordinal)
           orderby id
           select new Helper(id, words[1]),
    ];

    private static Helper? Above(int id, List<Helper> helpers, string verb)
    {
        for (var steps = 0; id > 1 && steps < 20; steps++)
        {
            if (helpers.Find(h => h.Id == id) is { } helper && helper.Verb == verb)
            {
                return helper;
            }

            id = ParentOf(id);
        }

        return null;
    }

    private static int ParentOf(int id)
    {
        // The name in parentheses may hold anything, also a parenthesis.
        var stat = Read(id, "stat");
        return stat.LastIndexOf(')') is >= 0 and var end && stat[(end + 2)..].Split(' ') is [_, var parent, ..] ? int.Parse(parent, CultureInfo.InvariantCulture) : 0;
    }

    private static HashSet<string> Environment(int id) => [.. Read(id, "environ").Split('\0')];

    private static IEnumerable<int> Processes() =>
        Directory.EnumerateDirectories("/proc").Select(d => int.TryParse(Path.GetFileName(d), CultureInfo.InvariantCulture, out var id) ? id : 0).Where(id => id > 1);

    private static string Read(int id, string file)
    {
        try
        {
            return File.ReadAllText($"/proc/{id}/{file}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It has ended meanwhile.
            return "";
        }
    }

    private sealed record Helper(int Id, string Verb);
}

/// <summary>A process that is about to be killed.</summary>
/// <param name="Id">Its id.</param>
/// <param name="What">What it is, for the report.</param>
public sealed record Prey(int Id, string What);
