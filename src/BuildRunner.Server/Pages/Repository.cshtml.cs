using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Runs;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.DependencyInjection;

namespace BuildRunner.Server.Pages;

/// <summary>The runs of a repository, newest first; filters stand in the address.</summary>
public sealed class RepositoryPage : SitePage
{
    /// <summary>States that can be asked for.</summary>
    public static IReadOnlyList<string> States { get; } = [RunStates.Blocked, RunStates.Queued, RunStates.Running, .. RunStates.Ended];

    /// <summary><c>owner/name</c>.</summary>
    public string Name { get; private set; } = "";

    /// <summary>Only of this branch.</summary>
    public string? Branch { get; private set; }

    /// <summary>Only in this state.</summary>
    public string? Wanted { get; private set; }

    /// <summary>Only for this event.</summary>
    public string? Event { get; private set; }

    /// <summary>Whether anything was asked for.</summary>
    public bool IsFiltered => Branch is not null || Wanted is not null || Event is not null;

    /// <summary>What is shown.</summary>
    public IReadOnlyList<RunSummary> Runs { get; private set; } = [];

    /// <summary>The address of the next part; null: there is none.</summary>
    public string? Next { get; private set; }

    /// <summary>Answers the page.</summary>
    public async Task<IActionResult> OnGetAsync(string owner, string name, string? branch, string? state, [FromQuery(Name = "event")] string? kind, string? before)
    {
        if (await RepositoryAsync(owner, name) is not { } repository)
        {
            return NotFound();
        }

        Name = repository.Name;
        Title = $"{Name} · BuildRunner";
        (Branch, Event) = (Given(branch), Given(kind));
        Wanted = States.Contains(state) ? state : null;
        var filter = new RunFilter { Repository = Name, Branch = Branch, State = Wanted, Event = Event, Before = Guid.TryParseExact(before, "N", out var id) ? id : null };
        var page = await HttpContext.RequestServices.GetRequiredService<RunViews>().ListAsync(filter, Gone);
        Runs = page.Items;
        Next = page.Next is { } next ? NextOf(next) : null;
        return Page();
    }

    private static string? Given(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Trim();

    private string NextOf(string before)
    {
        var query = new QueryBuilder();
        foreach (var (name, value) in new[] { ("branch", Branch), ("state", Wanted), ("event", Event), ("before", before) })
        {
            if (value is not null)
            {
                query.Add(name, value);
            }
        }

        return Repository(Name) + query.ToQueryString();
    }
}
