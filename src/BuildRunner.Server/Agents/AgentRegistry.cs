using BuildRunner.Core.AgentContract;
using BuildRunner.Server.Access;
using BuildRunner.Server.Dispatch;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Agents;

/// <summary>Who may work here, and as what.</summary>
internal sealed class AgentRegistry(Database database, DispatchOptions options, LogLimits logs)
{
    /// <summary>Makes a token by which one agent can register.</summary>
    /// <param name="labels">The labels that agent will have.</param>
    /// <param name="validFor">How long.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<string> CreateTokenAsync(IReadOnlyDictionary<string, string> labels, TimeSpan validFor, CancellationToken cancellationToken) =>
        (await CreateTokenAsync(labels, validFor, "server", cancellationToken)).Token;

    /// <summary>As above, by somebody, with the time at which it ends.</summary>
    public Task<(string Token, DateTimeOffset ExpiresAt)> CreateTokenAsync(IReadOnlyDictionary<string, string> labels, TimeSpan validFor, string who, CancellationToken cancellationToken) =>
        database.WriteAsync(
            turn =>
            {
                var token = Tokens.New(Tokens.RegistrationPrefix);
                turn.Db.Add(new RegistrationTokenRow
                {
                    Id = Guid.CreateVersion7(turn.Now),
                    Hash = Tokens.Hash(token),
                    Labels = Labels.WriteJson(labels),
                    CreatedAt = turn.Now,
                    ExpiresAt = turn.Now + validFor,
                });
                turn.Audit(who, "agent.token", "", Labels.Canonical(labels).ReplaceLineEndings(", "));
                return Task.FromResult((token, turn.Now + validFor));
            },
            cancellationToken);

    /// <summary>Registers an agent. Once more with the same secret is answered as before.</summary>
    /// <returns>Null if the token is not valid (any more).</returns>
    public Task<RegisterResponse?> RegisterAsync(RegisterRequest request, CancellationToken cancellationToken)
    {
        var hash = Tokens.Hash(request.Token);
        var wanted = Tokens.IsOfForm(request.Credential, Tokens.AgentPrefix) ? request.Credential : null;
        return database.WriteAsync<RegisterResponse?>(
            async turn =>
            {
                DateTimeOffset? now = turn.Now;
                if (wanted is not null && await FindAsync(turn, hash, wanted) is { } known)
                {
                    return known;
                }

                var token = turn.Db.RegistrationTokens.Where(t => t.Hash == hash && t.UsedAt == null && t.ExpiresAt > turn.Now);
                var labels = await token.Select(t => t.Labels).SingleOrDefaultAsync();
                return labels is not null && await token.ExecuteUpdateAsync(set => set.SetProperty(t => t.UsedAt, now)) == 1
                    ? await AddAsync(turn, request.Name, labels, embedded: false, wanted)
                    : null;
            },
            cancellationToken);
    }

    /// <summary>A new credential for the agent in the server's own process; the earlier one, of a process that is gone, opens nothing any more.</summary>
    public Task<RegisterResponse> EmbedAsync(string name, IReadOnlyDictionary<string, string> labels, CancellationToken cancellationToken) =>
        database.WriteAsync(
            async turn =>
            {
                if (await turn.Db.Agents.SingleOrDefaultAsync(a => a.Embedded && a.Name == name) is not { } known)
                {
                    return await AddAsync(turn, name, Labels.WriteJson(labels), embedded: true);
                }

                var credential = Tokens.New(Tokens.AgentPrefix);
                var json = Labels.WriteJson(labels);
                await turn.Db.Agents.Where(a => a.Id == known.Id).ExecuteUpdateAsync(set => set
                    .SetProperty(a => a.Credential, Tokens.Hash(credential))
                    .SetProperty(a => a.Labels, json));
                return new RegisterResponse { Agent = new AgentId(known.Id), Name = known.Name, Credential = credential };
            },
            cancellationToken);

    /// <summary>The agent that a credential belongs to; null: none.</summary>
    public Task<Guid?> FindAsync(string credential, CancellationToken cancellationToken)
    {
        var hash = Tokens.Hash(credential);
        return database.ReadAsync(db => db.Agents.Where(a => a.Credential == hash).Select(a => (Guid?)a.Id).SingleOrDefaultAsync(cancellationToken), cancellationToken);
    }

    /// <summary>An agent's process has started.</summary>
    public Task<HelloResponse> GreetAsync(Guid id, HelloRequest request, string serverVersion, CancellationToken cancellationToken) =>
        database.WriteAsync(
            async turn =>
            {
                DateTimeOffset? now = turn.Now;
                var facts = Labels.WriteJson(Labels.FactsOf(request.Facts));
                await turn.Db.Agents.Where(a => a.Id == id).ExecuteUpdateAsync(set => set
                    .SetProperty(a => a.Version, request.Version)
                    .SetProperty(a => a.ServedClaim, a => a.Session == request.Session ? a.ServedClaim : 0)
                    .SetProperty(a => a.Session, request.Session)
                    .SetProperty(a => a.Slots, Math.Clamp(request.Slots, 1, 1024))
                    .SetProperty(a => a.Facts, facts)
                    .SetProperty(a => a.Unready, (string?)null)
                    .SetProperty(a => a.LastSeen, now));
                var agent = await turn.Db.Agents.SingleAsync(a => a.Id == id);
                var work = await turn.Db.OpenWork.Where(w => w.Agent == id && w.State != WorkState.Queued && w.State != WorkState.Done).ToListAsync();
                return new HelloResponse
                {
                    Agent = new AgentId(id),
                    Name = agent.Name,
                    ServerVersion = serverVersion,
                    Labels = Labels.OfAgent(agent.Labels, agent.Facts),
                    Times = options.Times,
                    Logs = logs,
                    Held = [.. work.Where(w => w.State != WorkState.Hosted).Select(w => new HeldWork(new WorkId(w.Id), w.Fence, w.Kind, w.State == WorkState.Started))],
                    Workflows = [.. work.Where(w => w.State == WorkState.Hosted).Select(w => new HeldWorkflow(new WorkId(w.Id), w.Fence))],
                };
            },
            cancellationToken);

    /// <summary>An agent has drained and goes; its last word for now.</summary>
    public Task GoodbyeAsync(Guid id, GoodbyeRequest request, CancellationToken cancellationToken) =>
        database.WriteAsync(
            turn => turn.Db.Agents.Where(a => a.Id == id && a.Session == request.Session).ExecuteUpdateAsync(set => set.SetProperty(a => a.Unready, "it was stopped")),
            cancellationToken);

    private static async Task<RegisterResponse?> FindAsync(WriteTurn turn, byte[] token, string credential)
    {
        var hash = Tokens.Hash(credential);
        return await turn.Db.RegistrationTokens.AnyAsync(t => t.Hash == token && t.UsedAt != null) && await turn.Db.Agents.SingleOrDefaultAsync(a => a.Credential == hash) is { } agent
            ? new RegisterResponse { Agent = new AgentId(agent.Id), Name = agent.Name, Credential = credential }
            : null;
    }

    private static async Task<RegisterResponse> AddAsync(WriteTurn turn, string wanted, string labels, bool embedded, string? proposed = null)
    {
        var names = await turn.Db.Agents.Where(a => a.Name.StartsWith(wanted)).Select(a => a.Name).ToListAsync();
        var name = Enumerable.Range(1, int.MaxValue).Select(n => n == 1 ? wanted : $"{wanted}-{n}").First(n => !names.Contains(n));
        var credential = proposed ?? Tokens.New(Tokens.AgentPrefix);
        var id = Guid.CreateVersion7(turn.Now);
        turn.Db.Add(new AgentRow
        {
            Id = id,
            Name = name,
            Credential = Tokens.Hash(credential),
            Labels = labels,
            Facts = "{}",
            Embedded = embedded,
            RegisteredAt = turn.Now,
        });
        turn.Audit("server", "agent.registered", name, labels);
        return new RegisterResponse { Agent = new AgentId(id), Name = name, Credential = credential };
    }
}
