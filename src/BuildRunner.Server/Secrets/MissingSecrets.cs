using System.Globalization;
using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Planning;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Triggers;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Secrets;

/// <summary>
/// Says when a run is made which of its steps name secrets that they would not get, and not only when their turn comes. A warning, because until then somebody may make the secret, and
/// because a step may turn out not to run. It says what the step's error would say, no more: a stranger's run learns that it gets none, whether there are any or not.
/// </summary>
internal static class MissingSecrets
{
    private const int Most = 50;

    /// <summary>The warnings for a run, at the places of its steps.</summary>
    /// <param name="db">The store.</param>
    /// <param name="repository">The run's repository.</param>
    /// <param name="plan">What it does.</param>
    /// <param name="trust">What it may do.</param>
    /// <param name="runs">Whether a workflow is to run, by name: of another attempt not all do.</param>
    public static async Task<IReadOnlyList<Diagnostic>> OfAsync(Db db, Guid repository, RunPlan plan, TrustDecision trust, Func<string, bool> runs)
    {
        var asking = plan.Workflows
            .Where(w => w.SkipReason is null && runs(w.Name))
            .SelectMany(w => w.Services.Concat(w.Steps))
            .Where(s => s.SkipReason is null && SecretNames.Of(s).Count > 0)
            .ToList();
        if (asking.Count == 0)
        {
            return [];
        }

        var name = await db.Repositories.Where(r => r.Id == repository).Select(r => r.Name).SingleAsync();
        return Of(asking, await SecretStore.OfAsync(db, repository, name), plan.Event, trust);
    }

    /// <summary>The warnings. Pure.</summary>
    public static IReadOnlyList<Diagnostic> Of(IEnumerable<StepPlan> steps, IReadOnlyCollection<StoredSecret> candidates, RunEvent runEvent, TrustDecision trust)
    {
        // The cells of a matrix say the same at the same place: once is enough.
        var found = steps.Select(step => Warning(step, candidates, runEvent, trust)).OfType<Diagnostic>().Distinct().ToList();
        return found.Count <= Most
            ? found
            : [.. found.Take(Most), new Diagnostic(DiagnosticCodes.SecretMissing, DiagnosticSeverity.Warning, More(found.Count - Most), found[Most].Location)];
    }

    private static string More(int count) => count == 1
        ? "1 more step names a secret that it would not get"
        : string.Create(CultureInfo.InvariantCulture, $"{count} more steps name secrets that they would not get");

    private static Diagnostic? Warning(StepPlan step, IReadOnlyCollection<StoredSecret> candidates, RunEvent runEvent, TrustDecision trust)
    {
        var refused = SecretStore.GrantsOf(candidates, step, runEvent, trust).Refused;
        return refused.Count == 0
            ? null
            : new Diagnostic(
                DiagnosticCodes.SecretMissing,
                DiagnosticSeverity.Warning,
                $"{(step.Kind == StepKind.Service ? "service" : "step")} `{step.Name}` will not start: {string.Join("; ", refused.OrderBy(r => r.Key, StringComparer.Ordinal).Select(r => r.Value))}",
                step.Location);
    }
}
