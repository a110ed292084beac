using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Api;
using BuildRunner.Server.Runs;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Webhooks;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace BuildRunner.Server.Pages;

/// <summary>For administrators: what starts runs of a repository from outside. Its endpoints, and the latest deliveries with what became of each; replay.</summary>
public sealed class TriggersPage : SitePage
{
    private const int MostShown = 50;

    /// <summary><c>owner/name</c>.</summary>
    public string Name { get; private set; } = "";

    /// <summary>Its endpoints, by name.</summary>
    public IReadOnlyList<HookInfo> Hooks { get; private set; } = [];

    /// <summary>What came as if from GitHub, about whichever repository, and was refused; null: nothing.</summary>
    public RefusedInfo? OfGitHub { get; private set; }

    /// <summary>The latest deliveries about it, newest first.</summary>
    public IReadOnlyList<DeliveryInfo> Deliveries { get; private set; } = [];

    /// <summary>Answers the page.</summary>
    public async Task<IActionResult> OnGetAsync(string owner, string name)
    {
        if (!IsAdministrator)
        {
            return Forbid();
        }

        var services = HttpContext.RequestServices;
        if (await RepositoryAsync(owner, name) is not { } repository)
        {
            return NotFound();
        }

        Name = repository.Name;
        Title = $"Triggers · {Name} · BuildRunner";
        var links = services.GetRequiredService<Links>();
        var refused = await services.GetRequiredService<RefusedDeliveries>().ListAsync(Gone);
        Hooks = [.. (await services.GetRequiredService<Hooks>().OfAsync(repository.Id, Gone)).Select(hook => HooksApi.InfoOf(links, hook) with { Refused = HooksApi.RefusedAt(hook, refused) })];
        OfGitHub = refused.FirstOrDefault(r => r.Source == InboxService.GitHubSource);
        var rows = await services.GetRequiredService<Inbox>().OfRepositoryAsync(repository.Id, MostShown, Gone);
        var runs = await HooksApi.RunsAsync(services.GetRequiredService<Database>(), rows, Gone);
        Deliveries = [.. rows.Select(row => HooksApi.InfoOf(row, runs))];
        return Page();
    }

    /// <summary>Has a delivery of this repository carried out again.</summary>
    public async Task<IActionResult> OnPostReplayAsync(string owner, string name, [FromForm] string delivery)
    {
        if (!IsAdministrator)
        {
            return Forbid();
        }

        var services = HttpContext.RequestServices;
        var repository = await RepositoryAsync(owner, name);
        var isIts = Guid.TryParseExact(delivery, "N", out var id) && repository is not null
            && await services.GetRequiredService<Database>().ReadAsync(db => db.Inbox.AnyAsync(i => i.Id == id && i.Repository == repository.Id, Gone), Gone);
        if (!isIts)
        {
            return NotFound();
        }

        await services.GetRequiredService<Inbox>().ReplayAsync(id, Who!, Gone);
        return Redirect($"{Repository(repository!.Name)}/triggers");
    }
}
