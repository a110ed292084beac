using BuildRunner.Core.AgentContract;

namespace BuildRunner.Agent.Work;

/// <summary>Adds up how often what the engine had made ahead was what a workflow began with, until a beat has told the server.</summary>
internal sealed class AheadTally
{
    private readonly Lock gate = new();
    private int hits;
    private int misses;

    /// <summary>Counts one workflow.</summary>
    /// <param name="hit">Whether it got what was made ahead.</param>
    public void Count(bool hit) => Add(hit ? 1 : 0, hit ? 0 : 1);

    /// <summary>What has come together since the last call; null: nothing.</summary>
    public AheadUse? Take()
    {
        lock (gate)
        {
            var taken = hits == 0 && misses == 0 ? null : new AheadUse(hits, misses);
            (hits, misses) = (0, 0);
            return taken;
        }
    }

    /// <summary>Takes back what the server was not told.</summary>
    public void PutBack(AheadUse? use) => Add(use?.Hits ?? 0, use?.Misses ?? 0);

    private void Add(int more, int missed)
    {
        lock (gate)
        {
            hits += more;
            misses += missed;
        }
    }
}
