using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Agents;
using Microsoft.Extensions.DependencyInjection;

namespace BuildRunner.Server.Pages;

/// <summary>The agents, and what they do.</summary>
public sealed class AgentsPage : SitePage
{
    /// <summary>All agents, by name.</summary>
    public IReadOnlyList<AgentInfo> Agents { get; private set; } = [];

    /// <summary>Answers the page.</summary>
    public async Task OnGetAsync()
    {
        Title = "Agents · BuildRunner";
        Agents = await HttpContext.RequestServices.GetRequiredService<AgentDesk>().ListAsync(Gone);
    }
}
