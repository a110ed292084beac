using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Dispatch;

/// <summary>Pauses the queue and lets it go on. While it is paused nothing new is handed out; what has begun is finished.</summary>
internal sealed class QueueSwitch(Database database, QueueView view, Doorbells bells)
{
    /// <summary>Pauses it; a second time changes only who wants it.</summary>
    public async Task PauseAsync(string who, string? why, CancellationToken cancellationToken)
    {
        var by = why is { Length: > 0 } ? $"{who}: {new string([.. why.Where(c => !char.IsControl(c)).Take(200)])}" : who;
        await database.WriteAsync(
            async turn =>
            {
                await turn.Db.Settings.Where(s => s.Key == Candidates.PausedKey).ExecuteDeleteAsync();
                turn.Db.Add(new SettingRow { Key = Candidates.PausedKey, Value = by });
                turn.Audit(who, "queue.paused", "", why ?? "");
            },
            cancellationToken);
        view.Forget();
    }

    /// <summary>Lets it go on; a second time changes nothing.</summary>
    public async Task ResumeAsync(string who, CancellationToken cancellationToken)
    {
        await database.WriteAsync(
            async turn =>
            {
                if (await turn.Db.Settings.Where(s => s.Key == Candidates.PausedKey).ExecuteDeleteAsync() > 0)
                {
                    turn.Audit(who, "queue.resumed", "", "");
                }
            },
            cancellationToken);
        view.Forget();

        // Agents at other servers look again within a claim's wait.
        bells.RingAll();
    }
}
