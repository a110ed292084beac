using BuildRunner.Server.Storage;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Runs;

/// <summary>Numbers for runs, each given once. Those who ask while one write waits for its turn share it: a burst of triggers takes one write for all its numbers, and not one each.</summary>
internal sealed class RunNumbers(Database database)
{
    private readonly Lock gate = new();
    private readonly Dictionary<Guid, Batch> open = [];
    private readonly HashSet<Guid> starting = [];
    private readonly Dictionary<Guid, int> given = [];

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

    /// <summary>A guess of the next number, for who is the only one here that starts a run of the repository; disposing it lets the next one guess. Null: others start runs of it.</summary>
    /// <param name="repository">The repository.</param>
    /// <param name="lastNumber">Its last number, as it was read a while ago.</param>
    public Guess? Alone(Guid repository, int lastNumber)
    {
        lock (gate)
        {
            return !open.ContainsKey(repository) && starting.Add(repository) ? new Guess(this, repository, Math.Max(lastNumber, given.GetValueOrDefault(repository)) + 1) : null;
        }
    }

    /// <summary>Takes a number inside a turn, if it is the next one.</summary>
    public static async Task<bool> TryTakeAsync(WriteTurn turn, Guid repository, int number) =>
        await turn.Db.Repositories.Where(r => r.Id == repository && r.LastNumber == number - 1).ExecuteUpdateAsync(set => set.SetProperty(r => r.LastNumber, number)) == 1;

    /// <summary>Takes numbers inside a turn.</summary>
    /// <returns>The last of them.</returns>
    public static Task<int> TakeAsync(WriteTurn turn, Guid repository, int count) => TakeAsync(turn, repository, () => count);

    private async Task<int> WriteAsync(Guid repository, Batch batch)
    {
        try
        {
            var last = await database.WriteAsync(turn => TakeAsync(turn, repository, () => Close(repository, batch)), CancellationToken.None);
            Note(repository, last);
            return last;
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
        var numbers = await turn.Db.Database
            .SqlQuery<int>($"UPDATE repositories SET last_number = last_number + {count} WHERE id = {repository} RETURNING last_number AS \"Value\"")
            .ToListAsync();
        return numbers.Single();
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

    private void Note(Guid repository, int number)
    {
        lock (gate)
        {
            given[repository] = Math.Max(number, given.GetValueOrDefault(repository));
        }
    }

    /// <summary>A number that is probably the next one.</summary>
    internal sealed class Guess(RunNumbers numbers, Guid repository, int number) : IDisposable
    {
        public int Number => number;

        /// <summary>It was right, and is stored.</summary>
        public void Right() => numbers.Note(repository, number);

        public void Dispose()
        {
            lock (numbers.gate)
            {
                numbers.starting.Remove(repository);
            }
        }
    }

    private sealed class Batch
    {
        public int Count { get; set; }

        public Task<int> Last { get; set; } = Task.FromResult(0);
    }
}
