using BuildRunner.Server.Orchestration;
using BuildRunner.Server.Storage;

namespace BuildRunner.Server.Runs;

/// <summary>How people read the names of workflows where only the names are at hand.</summary>
internal sealed class CellLabels(RunPlans plans)
{
    /// <summary>The label of a run's workflow: its name, but of a matrix cell its values.</summary>
    public async Task<string> OfAsync(Db db, Guid run, string workflow)
    {
        // Only cells have a number after a slash, so that no other plan is read for it.
        if (workflow.LastIndexOf('/') is var slash and > 0 && workflow.AsSpan(slash + 1) is { Length: > 0 } number && !number.ContainsAnyExceptInRange('0', '9'))
        {
            try
            {
                return (await plans.OfAsync(db, run)).Plan.Workflows.FirstOrDefault(w => w.Name == workflow)?.Label ?? workflow;
            }
            catch (KeyNotFoundException)
            {
                // It was removed at this moment.
                return workflow;
            }
        }

        return workflow;
    }
}
