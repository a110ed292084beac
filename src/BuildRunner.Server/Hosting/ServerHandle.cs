using BuildRunner.Core.AgentContract;
using BuildRunner.Server.Access;
using BuildRunner.Server.Agents;
using BuildRunner.Server.Runs;

namespace BuildRunner.Server.Hosting;

/// <summary>What the process that hosts a server asks of it directly.</summary>
public sealed class ServerHandle
{
    private readonly AgentRegistry agents;
    private readonly ApiTokens tokens;
    private readonly Links links;

    internal ServerHandle(AgentRegistry agents, ApiTokens tokens, Links links)
    {
        this.agents = agents;
        this.tokens = tokens;
        this.links = links;
    }

    /// <summary>The address that links begin with.</summary>
    public Uri Root => links.Root;

    /// <summary>Registers the agent that shares the server's process; an earlier credential of it opens nothing any more.</summary>
    public Task<RegisterResponse> EmbedAgentAsync(string name, IReadOnlyDictionary<string, string> labels, CancellationToken cancellationToken) =>
        agents.EmbedAsync(name, labels, cancellationToken);

    /// <summary>A link that signs an administrator's browser in, once, within the hour.</summary>
    public async Task<Uri> AdministratorLinkAsync(CancellationToken cancellationToken) =>
        links.SignIn(await tokens.CreateLinkAsync("administrator", [Scopes.Admin], cancellationToken));

    /// <summary>A token for the API.</summary>
    public async Task<string> TokenAsync(string name, IReadOnlyList<string> scopes, TimeSpan validFor, CancellationToken cancellationToken) =>
        (await tokens.CreateAsync(name, scopes, validFor, "the server's machine", cancellationToken)).Token;

    /// <summary>Whether anybody may do everything.</summary>
    public Task<bool> HasAdministratorAsync(CancellationToken cancellationToken) => tokens.HasAdministratorAsync(cancellationToken);
}
