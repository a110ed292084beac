using BuildRunner.Server.Storage;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Runs;

/// <summary>Numbers for runs, each given once. Those who ask while one write waits for its turn share it: a burst of triggers takes one write for all its numbers, and not one each.</summary>
internal sealed class RunNumbers(Database database)
{
    private readonly Lock gate = new();
    private readonly Dictionary<Guid, Batch> open = [];

    /// <summary>The next number of a repository. It stays unused if whoever asked does not use it.</summary>
    public async Task<int> TakeAsync(Guid repository, CancellationToken cancellationToken)
    {
        Batch batch;
        int place;
        lock (gate)
        {
            if (!open.TryGetValue(repository, out batch!))
            {
                open[repository] = batch = new Batch();

                // Of all who share it, so that none of them can give it up for the others.
                batch.Last = Task.Run(() => WriteAsync(repository, batch), CancellationToken.None);
            }

            place = batch.Count++;
        }

        return await batch.Last.WaitAsync(cancellationToken) - batch.Count + 1 + place;
    }

    /// <summary>Takes numbers inside a turn.</summary>
    /// <returns>The last of them.</returns>
    public static Task<int> TakeAsync(WriteTurn turn, Guid repository, int count) => TakeAsync(turn, repository, () => count);

    private async Task<int> WriteAsync(Guid repository, Batch batch)
    {
        try
        {
            return await database.WriteAsync(turn => TakeAsync(turn, repository, () => Close(repository, batch)), CancellationToken.None);
        }
        finally
        {
            // Also when it got no turn: nobody must join what has failed.
            Close(repository, batch);
        }
    }

    private static async Task<int> TakeAsync(WriteTurn turn, Guid repository, Func<int> close)
    {
        var count = close();
        await turn.Db.Repositories.Where(r => r.Id == repository).ExecuteUpdateAsync(set => set.SetProperty(r => r.LastNumber, r => r.LastNumber + count));
        return await turn.Db.Repositories.Where(r => r.Id == repository).Select(r => r.LastNumber).SingleAsync();
    }

    // Whoever comes from here on is not in it any more. The write may begin again after a conflict: its count stands then.
    private int Close(Guid repository, Batch batch)
    {
        lock (gate)
        {
            if (open.GetValueOrDefault(repository) == batch)
            {
                open.Remove(repository);
            }

            return batch.Count;
        }
    }

    private sealed class Batch
    {
        public int Count { get; set; }

        public Task<int> Last { get; set; } = Task.FromResult(0);
    }
}
