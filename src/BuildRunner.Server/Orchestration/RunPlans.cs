using System.Text.Json;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Caching.Memory;

namespace BuildRunner.Server.Orchestration;

/// <summary>Plans and their machines; a plan never changes, so those in use are kept.</summary>
/// <param name="judge">Judges late conditions; null: no plan has any.</param>
internal sealed class RunPlans(LateConditionJudge? judge) : IDisposable
{
    // In characters of their JSON: plans differ a thousandfold in size. In memory they take a few times as much.
    private const long MostKept = 16 * 1024 * 1024;
    private readonly MemoryCache kept = new(new MemoryCacheOptions { SizeLimit = MostKept });

    /// <summary>The plan of a run and its machine.</summary>
    /// <exception cref="KeyNotFoundException">There is no such run, or it has no plan.</exception>
    public async Task<PlannedRun> OfAsync(Db db, Guid run)
    {
        if (kept.TryGetValue(run, out PlannedRun? planned) && planned is not null)
        {
            return planned;
        }

        var json = await db.RunPlans.Where(p => p.Run == run).Select(p => p.Plan).SingleOrDefaultAsync();
        var plan = json is null ? null : JsonSerializer.Deserialize(json, RunJson.Default.RunPlan);
        return Keep(run, plan ?? throw new KeyNotFoundException($"run {run:N} has no plan"), json!.Length);
    }

    /// <summary>Keeps the plan of a new run.</summary>
    /// <param name="run">The run.</param>
    /// <param name="plan">Its plan.</param>
    /// <param name="length">Characters of its JSON.</param>
    public PlannedRun Keep(Guid run, RunPlan plan, int length) =>
        kept.Set(run, new PlannedRun(plan, new RunMachine(plan, judge)), new MemoryCacheEntryOptions { Size = length, SlidingExpiration = TimeSpan.FromMinutes(10) });

    /// <summary>Lets go of all.</summary>
    public void Dispose() => kept.Dispose();
}

/// <summary>A plan and its machine.</summary>
internal sealed record PlannedRun(RunPlan Plan, RunMachine Machine);
