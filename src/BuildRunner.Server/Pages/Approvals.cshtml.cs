using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Runs;
using Microsoft.Extensions.DependencyInjection;

namespace BuildRunner.Server.Pages;

/// <summary>Runs that wait for an approval.</summary>
public sealed class ApprovalsPage : SitePage
{
    /// <summary>The runs.</summary>
    public IReadOnlyList<RunDetails> Runs { get; private set; } = [];

    /// <summary>Answers the page.</summary>
    public async Task OnGetAsync()
    {
        Title = "Approvals · BuildRunner";
        var views = HttpContext.RequestServices.GetRequiredService<RunViews>();
        var runs = new List<RunDetails>();
        foreach (var run in (await views.ListAsync(new RunFilter { State = RunStates.Blocked, Limit = 100 }, Gone)).Items)
        {
            if (await views.DetailsAsync(Guid.ParseExact(run.Id, "N"), Gone) is { } details)
            {
                runs.Add(details);
            }
        }

        Runs = runs;
    }
}
