using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Api;
using BuildRunner.Server.Schedules;
using BuildRunner.Server.Sources;
using BuildRunner.Server.Storage.Rows;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.DependencyInjection;

namespace BuildRunner.Server.Pages;

/// <summary>The schedules of a repository: when each is due, what its last occurrences came to; pause, resume, run now.</summary>
public sealed class SchedulesPage : SitePage
{
    /// <summary><c>owner/name</c>.</summary>
    public string Name { get; private set; } = "";

    /// <summary>The schedules, by name.</summary>
    public IReadOnlyList<ScheduleInfo> Schedules { get; private set; } = [];

    /// <summary>What became of what was just asked for; null: nothing was.</summary>
    public string? Said { get; private set; }

    private ScheduleStore Store => HttpContext.RequestServices.GetRequiredService<ScheduleStore>();

    /// <summary>Answers the page.</summary>
    public async Task<IActionResult> OnGetAsync(string owner, string name) => await RepositoryAsync(owner, name) is { } repository ? await ShowAsync(repository) : NotFound();

    /// <summary>Stops one from being due.</summary>
    public Task<IActionResult> OnPostPauseAsync(string owner, string name, [FromForm] string schedule) => DoAsync(owner, name, schedule, row => Store.EnableAsync(row.Repository, row.Name, enabled: false, Who!, Gone));

    /// <summary>Lets it be due again.</summary>
    public Task<IActionResult> OnPostResumeAsync(string owner, string name, [FromForm] string schedule) => DoAsync(owner, name, schedule, row => Store.EnableAsync(row.Repository, row.Name, enabled: true, Who!, Gone));

    /// <summary>Starts a run as it would.</summary>
    public Task<IActionResult> OnPostRunAsync(string owner, string name, [FromForm] string schedule) =>
        DoAsync(owner, name, schedule, row => HttpContext.RequestServices.GetRequiredService<ScheduleFirer>().RunNowAsync(row, Who!, Gone));

    /// <summary>The address of an action.</summary>
    public string Action(string what) => $"{Repository(Name)}/schedules?handler={what}";

    // Whoever reloads the page afterwards does not do it again: the answer leads back to it.
    private async Task<IActionResult> DoAsync(string owner, string name, string schedule, Func<ScheduleRow, Task> act)
    {
        if (!MayRun)
        {
            return Forbid();
        }

        if (await RepositoryAsync(owner, name) is not { } repository || await Store.FindAsync(repository.Id, schedule, Gone) is not { } row)
        {
            return NotFound();
        }

        try
        {
            await act(row);
            return Redirect($"{Repository(repository.Name)}/schedules");
        }
        catch (SourceException source)
        {
            Said = source.Message;
            return await ShowAsync(repository);
        }
    }

    private async Task<IActionResult> ShowAsync(RepositoryRow repository)
    {
        Name = repository.Name;
        Title = $"Schedules · {Name} · BuildRunner";
        Schedules = await SchedulesApi.InfoOfAsync(Store, await Store.OfAsync(repository.Id, Gone), Now, Gone);
        return Page();
    }
}
