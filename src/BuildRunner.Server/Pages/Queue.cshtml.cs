using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Dispatch;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.DependencyInjection;

namespace BuildRunner.Server.Pages;

/// <summary>What waits, in the order in which it will be handed out, and why.</summary>
public sealed class QueuePage : SitePage
{
    private const int MostShown = 200;

    /// <summary>Who paused it; null: it is not paused.</summary>
    public string? PausedBy { get; private set; }

    /// <summary>The first of what waits.</summary>
    public IReadOnlyList<QueueItem> Items { get; private set; } = [];

    /// <summary>How many wait.</summary>
    public int Total { get; private set; }

    /// <summary>Answers the page.</summary>
    public async Task OnGetAsync()
    {
        Title = "Queue · BuildRunner";
        var look = await HttpContext.RequestServices.GetRequiredService<QueueView>().LookAsync(Gone);
        (PausedBy, Total) = (look.PausedBy, look.Total);
        Items = [.. look.Entries.Take(MostShown).Select(e => e.Item)];
    }

    /// <summary>Hands nothing new out.</summary>
    public Task<IActionResult> OnPostPauseAsync() => SwitchAsync(queue => queue.PauseAsync(Who!, why: null, Gone));

    /// <summary>Hands out again.</summary>
    public Task<IActionResult> OnPostResumeAsync() => SwitchAsync(queue => queue.ResumeAsync(Who!, Gone));

    private async Task<IActionResult> SwitchAsync(Func<QueueSwitch, Task> act)
    {
        if (!IsAdministrator)
        {
            return Forbid();
        }

        await act(HttpContext.RequestServices.GetRequiredService<QueueSwitch>());
        return Redirect(At("/queue"));
    }
}
