using System.Collections.Concurrent;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Dispatch;

/// <summary>Sets of labels by number. They are few, never change and are kept once read.</summary>
internal sealed class LabelSets
{
    private readonly ConcurrentDictionary<int, IReadOnlyDictionary<string, string>> known = new();

    /// <summary>The number of a set, made if there is none.</summary>
    public static async Task<int> NumberAsync(WriteTurn turn, IReadOnlyDictionary<string, string> labels)
    {
        var canonical = Labels.Canonical(labels);
        if (await turn.Db.LabelSets.Where(s => s.Labels == canonical).Select(s => (int?)s.Id).SingleOrDefaultAsync() is { } number)
        {
            return number;
        }

        var row = new LabelSetRow { Labels = canonical };
        turn.Db.Add(row);
        await turn.Db.SaveChangesAsync();
        return row.Id;
    }

    /// <summary>The labels of a set.</summary>
    public async Task<IReadOnlyDictionary<string, string>> OfAsync(Db db, int number)
    {
        if (known.TryGetValue(number, out var labels))
        {
            return labels;
        }

        var text = await db.LabelSets.Where(s => s.Id == number).Select(s => s.Labels).SingleAsync();
        return known.GetOrAdd(number, Labels.Parse(text));
    }

    /// <summary>The sets that an agent with these labels may take, and the others. What is in neither was made after the look.</summary>
    /// <param name="db">The tables.</param>
    /// <param name="count">How many sets there are. They are only ever added, but their numbers need not become visible in order, so it is their count that tells.</param>
    /// <param name="agent">What it has.</param>
    public async Task<LabelFit> FitAsync(Db db, int count, IReadOnlyDictionary<string, string> agent)
    {
        if (count != known.Count)
        {
            foreach (var row in await db.LabelSets.ToListAsync())
            {
                known.TryAdd(row.Id, Labels.Parse(row.Labels));
            }
        }

        var sets = known.ToLookup(k => Labels.Fit(agent, k.Value), k => k.Key);
        return new LabelFit([.. sets[true]], [.. sets[false]]);
    }
}

/// <summary>Sets of labels, for one agent.</summary>
/// <param name="Fitting">It may take these.</param>
/// <param name="Others">It may not take these.</param>
internal sealed record LabelFit(List<int> Fitting, List<int> Others);
