using System.Text.Json;
using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Secrets;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Runs;

/// <summary>What is to be said about a run's files and the secrets that they name, as it is stored: JSON, or null if there is nothing to say.</summary>
internal static class RunDiagnostics
{
    /// <summary>Of a new run.</summary>
    public static async Task<string?> OfAsync(Db db, NewRun run)
    {
        var secrets = run.Plan is null ? [] : await MissingSecrets.OfAsync(db, run.Repository, run.Plan, run.Trust, _ => true);
        return Stored([.. run.Diagnostics, .. secrets]);
    }

    /// <summary>Of another attempt: what its files are stays; which secrets there are may have changed, and concerns only what runs again.</summary>
    public static async Task<string?> AgainAsync(Db db, RunRow before, string? diagnostics, RunPlan plan, RunState again)
    {
        var ofFiles = Read(diagnostics);
        var trust = JsonSerializer.Deserialize(before.Trust, StoredJson.Default.TrustDecision)!;
        var secrets = await MissingSecrets.OfAsync(db, before.Repository, plan, trust, name => again.Workflow(name).Phase is not WorkflowPhase.Done);
        return Stored([.. ofFiles.Where(d => d.Code != DiagnosticCodes.SecretMissing), .. secrets]);
    }

    /// <summary>Why a run that never had a plan cannot run again, and what to do instead. Another attempt has the files of the first, and also its inputs.</summary>
    public static string WhyNotAgain(string? diagnostics)
    {
        var errors = Read(diagnostics).Where(d => d.Severity == DiagnosticSeverity.Error).ToList();
        if (errors is not [{ } first, ..] || errors.Exists(d => d.Code != DiagnosticCodes.BadInput))
        {
            return "its files have errors; correct them and push";
        }

        var more = errors.Count > 1 ? $" (and {errors.Count - 1} more)" : "";
        return $"{first.Message}{(first.Hint is { } hint ? $". {hint}" : "")}{more}; an attempt gets the same inputs again, so start a new run with others: buildrunner start OWNER/NAME --input NAME=VALUE";
    }

    /// <summary>Of runs that go on, after a secret was set: what was missing may be there now.</summary>
    public static async Task LookAgainAsync(WriteTurn turn, SecretLevel level)
    {
        var open = from plan in turn.Db.RunPlans
                   join run in turn.Db.Runs on plan.Run equals run.Id
                   join repository in turn.Db.Repositories on run.Repository equals repository.Id
                   where run.Stage != RunStage.Ended && run.State != null && plan.Diagnostics != null && plan.Diagnostics.Contains(DiagnosticCodes.SecretMissing)
                   select new { Run = run, Plan = plan, repository.Key, repository.Id };
        var concerned = level switch
        {
            SecretLevel.Repository(var id) => open.Where(o => o.Id == id),
            SecretLevel.Organisation => open.Where(o => o.Key.StartsWith(level.Key + "/")),
            _ => open,
        };
        foreach (var found in await concerned.ToListAsync())
        {
            var plan = JsonSerializer.Deserialize(found.Plan.Plan!, RunJson.Default.RunPlan)!;
            var state = JsonSerializer.Deserialize(found.Run.State!, RunJson.Default.RunState)!;
            var said = await AgainAsync(turn.Db, found.Run, found.Plan.Diagnostics, plan, state);
            await turn.Db.RunPlans.Where(p => p.Run == found.Run.Id).ExecuteUpdateAsync(set => set.SetProperty(p => p.Diagnostics, said));
        }
    }

    private static IReadOnlyList<Diagnostic> Read(string? diagnostics) => diagnostics is null ? [] : JsonSerializer.Deserialize(diagnostics, StoredJson.Default.IReadOnlyListDiagnostic)!;

    private static string? Stored(IReadOnlyList<Diagnostic> diagnostics) => diagnostics.Count == 0 ? null : JsonSerializer.Serialize(diagnostics, StoredJson.Default.IReadOnlyListDiagnostic);
}
