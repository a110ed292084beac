using BuildRunner.Core.ApiContract;

namespace BuildRunner.Server.Pages;

/// <summary>A list of runs on a page.</summary>
/// <param name="On">The page.</param>
/// <param name="Runs">The runs, as they are shown.</param>
public sealed record RunList(SitePage On, IReadOnlyList<RunSummary> Runs)
{
    /// <summary>The page of a run; of one that ran again, that of the attempt which is listed.</summary>
    public string Page(RunSummary run) => On.Run(run, run.Attempt > 1 || Runs.Any(other => other.Repo == run.Repo && other.Number == run.Number && other.Attempt > run.Attempt) ? run.Attempt : null);
}
