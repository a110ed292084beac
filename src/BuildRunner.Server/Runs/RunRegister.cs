using System.Text.Json;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Orchestration;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using BuildRunner.Server.Webhooks;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Runs;

/// <summary>Begins runs, and takes what people want of them.</summary>
internal sealed class RunRegister(Database database, RunPlans plans, RunWriter writer, OutboxNotes outbox, RunNumbers numbers)
{
    /// <summary>Stores a run and everything that it makes due. When this returns, it is kept (promise G1).</summary>
    public Task<StoredAs> CreateAsync(NewRun run, CancellationToken cancellationToken) =>
        database.WriteAsync(turn => CreateAsync(turn, run), cancellationToken);

    /// <summary>As <see cref="CreateAsync(NewRun, CancellationToken)"/>, for a run whose number was guessed: number and run are one write, where a number that is set aside is one of its own.</summary>
    /// <returns>Null: the number is not the repository's next one, and nothing was stored.</returns>
    public async Task<StoredAs?> CreateNextAsync(NewRun run, RunNumbers.Guess guess, CancellationToken cancellationToken)
    {
        var stored = await database.WriteAsync(
            async turn => await RunNumbers.TryTakeAsync(turn, run.Repository, guess.Number) ? await CreateAsync(turn, run) : null,
            cancellationToken);
        if (stored is not null)
        {
            guess.Right();
        }

        return stored;
    }

    /// <summary>Inside a turn of the caller, who stores more with it.</summary>
    public async Task<StoredAs> CreateAsync(WriteTurn turn, NewRun run)
    {
        if (run.Delivery is var (source, key) && await turn.Db.Deliveries.Where(d => d.Source == source && d.Key == key).Select(d => d.Run).SingleOrDefaultAsync() is { } made)
        {
            return new StoredAs(made, await turn.Db.Runs.Where(r => r.Id == made).Select(r => r.Number).SingleAsync(), Created: false);
        }

        var number = run.Number ?? await RunNumbers.TakeAsync(turn, run.Repository, 1);
        var id = RunId.Create(new TurnClock(turn));
        var state = run.Plan is null ? null : new RunMachine(run.Plan).Create(id, turn.Now);
        var json = run.Plan is null ? null : JsonSerializer.Serialize(run.Plan, RunJson.Default.RunPlan);
        var row = Add(turn, run, id.Value, number, state, json, await RunDiagnostics.OfAsync(turn.Db, run));
        if (run.Delivery is var (sender, name))
        {
            turn.Db.Add(new DeliveryRow { Source = sender, Key = name, At = turn.Now, Run = id.Value });
            if (run.AlsoKnownAs is { } also && also != name && !await turn.Db.Deliveries.AnyAsync(d => d.Source == sender && d.Key == also))
            {
                turn.Db.Add(new DeliveryRow { Source = sender, Key = also, At = turn.Now, Run = id.Value });
            }
        }

        await ShowAtForgeAsync(turn, run.Repository, id.Value);
        if (state is null || run.Trust.NeedsApproval is not null)
        {
            outbox.Add(turn, id.Value, state is null ? OutboxNotes.Finished : OutboxNotes.Blocked);
        }

        var begins = state is not null && run.Trust.NeedsApproval is null ? plans.Keep(id.Value, run.Plan!, json!.Length) : null;
        if (begins is not null && !run.CancelsEarlier)
        {
            await writer.BeginAsync(turn, row, begins, state!);
            return new StoredAs(id.Value, number, Created: true);
        }

        await turn.Db.SaveChangesAsync();
        await CancelEarlierAsync(turn, run, id.Value, number);
        if (begins is not null)
        {
            await writer.ApplyAsync(turn, id.Value, new RunFact.Begin());
        }

        return new StoredAs(id.Value, number, Created: true);
    }

    /// <summary>Sets a number aside for a run whose plan names it; it stays unused if that is never stored.</summary>
    public Task<int> ReserveAsync(Guid repository, CancellationToken cancellationToken) => numbers.TakeAsync(repository, cancellationToken);

    /// <summary>A guess of a repository's next number (<see cref="RunNumbers.Alone"/>).</summary>
    public RunNumbers.Guess? Guess(RepositoryRow repository) => numbers.Alone(repository.Id, repository.LastNumber);

    /// <summary>The run that a delivery made; null: none yet.</summary>
    public Task<Guid?> OfDeliveryAsync(string source, string key, CancellationToken cancellationToken) => database.ReadAsync(
        db => db.Deliveries.Where(d => d.Source == source && d.Key == key).Select(d => d.Run).SingleOrDefaultAsync(cancellationToken),
        cancellationToken);

    /// <summary>As <see cref="OfDeliveryAsync"/>, once: the run is known by another key of the same sender from then on. One transaction: a server that dies leaves it known by one of the two.</summary>
    public Task<Guid?> MoveDeliveryAsync(string source, string from, string to, CancellationToken cancellationToken) => database.WriteAsync(
        async turn =>
        {
            var run = await turn.Db.Deliveries.Where(d => d.Source == source && d.Key == from).Select(d => d.Run).SingleOrDefaultAsync();
            if (run is not null)
            {
                await turn.Db.Deliveries.Where(d => d.Source == source && d.Key == from).ExecuteDeleteAsync();
                turn.Db.Add(new DeliveryRow { Source = source, Key = to, At = turn.Now, Run = run });
            }

            return run;
        },
        cancellationToken);

    /// <summary>Wants a run to end. After this no step of it starts but those that run at cancellation (promise G12).</summary>
    /// <returns>Null if it is being cancelled; otherwise why not.</returns>
    public Task<string?> CancelAsync(Guid run, string why, CancellationToken cancellationToken) =>
        database.WriteAsync(
            async turn =>
            {
                var refusal = await writer.ApplyAsync(turn, run, new RunFact.CancelRequested(why));
                if (refusal is null)
                {
                    turn.Audit("server", "run.cancelled", run.ToString("N"), why);
                }

                return refusal;
            },
            cancellationToken);

    /// <summary>Answers for a run that waits for an approval.</summary>
    /// <param name="run">The run.</param>
    /// <param name="commit">The commit that was looked at; null: whichever it is.</param>
    /// <param name="approved">False: it is declined, and ends as cancelled.</param>
    /// <param name="who">Who answers.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Null if that was taken; otherwise why not.</returns>
    public Task<string?> DecideAsync(Guid run, string? commit, bool approved, string who, CancellationToken cancellationToken) =>
        database.WriteAsync<string?>(
            async turn =>
            {
                await turn.HoldAsync(run);
                DateTimeOffset? now = turn.Now;
                if (commit is not null && !await turn.Db.Approvals.AnyAsync(a => a.Run == run && a.Commit == commit))
                {
                    return "it does not wait for an approval of this commit";
                }

                var decided = await turn.Db.Approvals.Where(a => a.Run == run && a.Approved == null).ExecuteUpdateAsync(set => set
                    .SetProperty(a => a.Approved, approved)
                    .SetProperty(a => a.DecidedBy, who)
                    .SetProperty(a => a.DecidedAt, now));
                if (decided == 0)
                {
                    return "it does not wait for an approval";
                }

                turn.Audit(who, approved ? "run.approved" : "run.declined", run.ToString("N"), "");
                return await writer.ApplyAsync(turn, run, approved ? new RunFact.Begin() : new RunFact.CancelRequested($"declined by {who}"));
            },
            cancellationToken);

    /// <summary>Runs again what has ended, as the next attempt of the same run; the earlier one is kept as it is.</summary>
    /// <returns>The new attempt's id, or why there is none.</returns>
    public Task<(Guid? Run, string? Refusal)> RerunAsync(Guid run, RerunWhat what, string who, CancellationToken cancellationToken) =>
        database.WriteAsync(turn => RerunAsync(turn, run, what, who), cancellationToken);

    /// <summary>As the other, for a delivery that asks for it: asked once more it is answered as the first time, and nothing is run again.</summary>
    public Task<(Guid? Run, string? Refusal)> RerunAsync(Guid run, RerunWhat what, string who, (string Source, string Key) delivery, CancellationToken cancellationToken) => database.WriteAsync(
        async turn =>
        {
            if (await turn.Db.Deliveries.Where(d => d.Source == delivery.Source && d.Key == delivery.Key).Select(d => d.Run).SingleOrDefaultAsync() is { } before)
            {
                return (before, null);
            }

            var (made, refusal) = await RerunAsync(turn, run, what, who);
            if (made is not null)
            {
                turn.Db.Add(new DeliveryRow { Source = delivery.Source, Key = delivery.Key, At = turn.Now, Run = made });
            }

            return (made, refusal);
        },
        cancellationToken);

    private async Task<(Guid? Run, string? Refusal)> RerunAsync(WriteTurn turn, Guid run, RerunWhat what, string who)
    {
        await turn.HoldAsync(run);
        var row = await turn.Db.Runs.SingleAsync(r => r.Id == run);
        var plan = await turn.Db.RunPlans.SingleAsync(p => p.Run == run);
        var attempts = await turn.Db.Runs.Where(r => r.Repository == row.Repository && r.Number == row.Number).Select(r => new { r.Attempt, r.Stage }).ToListAsync();
        if (row.State is null || plan.Plan is null)
        {
            return (null, RunDiagnostics.WhyNotAgain(plan.Diagnostics));
        }

        if (attempts.Exists(a => a.Stage != RunStage.Ended))
        {
            return (null, "it has not ended yet; cancel it first");
        }

        // Otherwise whoever may cancel and repeat runs could do without whoever may approve them.
        if (await turn.Db.Approvals.AnyAsync(a => a.Approved != true && turn.Db.Runs.Any(r => r.Id == a.Run && r.Repository == row.Repository && r.Number == row.Number)))
        {
            return (null, "its commit was not approved, and running it again is no approval; push again or reopen the pull request, and approve the new run");
        }

        var planned = await plans.OfAsync(turn.Db, run);
        var id = RunId.Create(new TurnClock(turn));
        var before = JsonSerializer.Deserialize(row.State, RunJson.Default.RunState)!;
        if (Rerun.Of(planned, before, what, id, turn.Now) is not { } state)
        {
            return (null, what is RerunWhat.Workflow(var named) ? $"it has no workflow '{named}'; it has {string.Join(", ", planned.Plan.Workflows.Select(w => w.Name))}" : "nothing of it has to run again");
        }

        turn.Db.Add(row.Next(id.Value, attempts.Max(a => a.Attempt) + 1, turn.Now, JsonSerializer.Serialize(state, RunJson.Default.RunState)));
        turn.Db.Add(new RunPlanRow { Run = id.Value, Plan = plan.Plan, Diagnostics = await RunDiagnostics.AgainAsync(turn.Db, row, plan.Diagnostics, planned.Plan, state) });
        turn.Audit(who, "run.rerun", run.ToString("N"), id.ToString());
        await ShowAtForgeAsync(turn, row.Repository, id.Value);
        await turn.Db.SaveChangesAsync();
        await writer.ApplyAsync(turn, id.Value, new RunFact.Begin());
        return (id.Value, null);
    }

    // Where the repository has a forge, the run's checks are to be shown there; nothing of it has been yet.
    private static async Task ShowAtForgeAsync(WriteTurn turn, Guid repository, Guid run)
    {
        if (await turn.Db.ForgeRepositories.AnyAsync(f => f.Repository == repository))
        {
            turn.Db.Add(new CheckDueRow { Run = run, Version = 0, DueAt = DateTimeOffset.UnixEpoch });
        }
    }

    private static RunRow Add(WriteTurn turn, NewRun run, Guid id, int number, RunState? state, string? plan, string? diagnostics)
    {
        var ended = state is null;
        var row = new RunRow
        {
            Id = id,
            Repository = run.Repository,
            Number = number,
            Attempt = 1,
            Version = 1,
            State = state is null ? null : JsonSerializer.Serialize(state, RunJson.Default.RunState),
            Stage = ended ? RunStage.Ended : run.Trust.NeedsApproval is null ? RunStage.Queued : RunStage.Blocked,
            Outcome = ended ? new Outcome.Invalid().Word : null,
            Event = run.Event.Kind,
            Branch = run.Event.Branch,
            Ref = run.Event.Ref,
            Commit = run.Event.Commit,
            Title = run.Title,
            Author = run.Author,
            CreatedAt = turn.Now,
            EndedAt = ended ? turn.Now : null,
            Reason = ended ? "its files have errors" : null,
            Priority = run.Priority,
            Stranger = run.Trust.Stranger,
            Trust = JsonSerializer.Serialize(run.Trust, StoredJson.Default.TrustDecision),
        };
        turn.Db.Add(row);
        turn.Db.Add(new RunPlanRow
        {
            Run = id,
            Plan = plan,
            Diagnostics = diagnostics,
        });
        if (state is not null && run.Trust.NeedsApproval is { } reason)
        {
            turn.Db.Add(new ApprovalRow { Run = id, Commit = run.Event.Commit, Reason = reason });
        }

        return row;
    }

    private async Task CancelEarlierAsync(WriteTurn turn, NewRun run, Guid id, int number)
    {
        if (!run.CancelsEarlier)
        {
            return;
        }

        var earlier = await turn.Db.Runs
            .Where(r => r.Repository == run.Repository && r.Ref == run.Event.Ref && r.Event == run.Event.Kind && r.Stage != RunStage.Ended && r.Id != id)
            .OrderBy(r => r.Id)
            .Select(r => r.Id)
            .ToListAsync();
        foreach (var other in earlier)
        {
            await writer.ApplyAsync(turn, other, new RunFact.CancelRequested($"superseded by run #{number}"));
        }
    }

    private sealed class TurnClock(WriteTurn turn) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => turn.Now;
    }
}
