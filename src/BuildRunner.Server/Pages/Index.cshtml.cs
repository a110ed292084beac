using BuildRunner.Core.ApiContract;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Repositories;
using BuildRunner.Server.Runs;
using Microsoft.Extensions.DependencyInjection;

namespace BuildRunner.Server.Pages;

/// <summary>The first page: what needs a person, what goes on, and how the repositories are.</summary>
public sealed class DashboardPage : SitePage
{
    private const int MostRepositories = 60;
    private const int Bars = 20;

    /// <summary>Runs that somebody should look at, and why.</summary>
    public IReadOnlyList<(RunSummary Run, string Why)> Attention { get; private set; } = [];

    /// <summary>Runs that go on.</summary>
    public IReadOnlyList<RunSummary> Running { get; private set; } = [];

    /// <summary>Repositories with their last runs.</summary>
    public IReadOnlyList<RepositoryLine> Repositories { get; private set; } = [];

    /// <summary>Answers the page.</summary>
    public async Task OnGetAsync()
    {
        Title = "BuildRunner";
        var views = HttpContext.RequestServices.GetRequiredService<RunViews>();
        var blocked = await views.ListAsync(new RunFilter { State = RunStates.Blocked, Limit = 20 }, Gone);
        var running = await views.ListAsync(new RunFilter { State = RunStates.Running, Limit = 20 }, Gone);
        var queued = await views.ListAsync(new RunFilter { State = RunStates.Queued, Limit = 20 }, Gone);
        var rows = (await HttpContext.RequestServices.GetRequiredService<RepositoryStore>().ListAsync(Gone)).Take(MostRepositories).ToList();
        var lines = new List<RepositoryLine>();
        var broken = new List<(RunSummary, string)>();
        foreach (var row in rows)
        {
            var last = (await views.ListAsync(new RunFilter { Repository = row.Name, Limit = Bars }, Gone)).Items.Reverse().ToList();
            lines.Add(new RepositoryLine(row.Name, last, Usual(last)));
            if (last.FindLast(r => r.Branch == row.DefaultBranch && r.Event is not "pull_request" && RunStates.Ended.Contains(r.State)) is { State: not ("success" or "skipped" or "cancelled") } head)
            {
                broken.Add((head, $"{row.DefaultBranch} is broken"));
            }
        }

        Attention = [.. blocked.Items.Select(r => (r, "waits for an approval")), .. broken];
        Running = [.. running.Items, .. queued.Items];
        Repositories = lines;
    }

    // The middle one of those that succeeded.
    private static string? Usual(List<RunSummary> runs)
    {
        var times = runs.Where(r => r is { State: "success", StartedAt: not null, EndedAt: not null }).Select(r => r.EndedAt!.Value - r.StartedAt!.Value).Order().ToList();
        return times.Count == 0 ? null : Durations.Text(times[times.Count / 2]);
    }
}

/// <summary>A repository on the first page.</summary>
/// <param name="Name"><c>owner/name</c>.</param>
/// <param name="Last">Its last runs, oldest first.</param>
/// <param name="Usual">How long one usually takes; null: none has succeeded.</param>
public sealed record RepositoryLine(string Name, IReadOnlyList<RunSummary> Last, string? Usual)
{
    /// <summary>The bars in words.</summary>
    public string Words => Last.Count == 0
        ? "no run yet"
        : (Last.Count == 1 ? "only run: " : $"last {Last.Count} runs: ") + string.Join(", ", Last.GroupBy(r => r.State).OrderByDescending(g => g.Count()).Select(g => $"{g.Count()} {StateWords.Of(g.Key)}"));
}
