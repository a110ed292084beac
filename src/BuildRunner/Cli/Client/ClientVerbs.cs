using System.CommandLine;

namespace BuildRunner.Cli.Client;

/// <summary>The verbs that call a server. They load nothing of the server itself.</summary>
internal static class ClientVerbs
{
    /// <summary>Adds all of them, and <c>agent token</c> below the agent's own verb.</summary>
    public static void AddTo(RootCommand root, CliHost host, GlobalOptions globals)
    {
        var scope = new ClientScope(host, globals);
        foreach (var verb in All(scope))
        {
            root.Add(verb);
        }

        if (root.Subcommands.FirstOrDefault(v => v.Name == "agent") is not { } agent)
        {
            root.Add(agent = new Command("agent", "a worker of a server"));
        }

        if (agent.Subcommands.All(v => v.Name != "token"))
        {
            agent.Add(AgentVerbs.Token(scope));
        }
    }

    private static IEnumerable<Command> All(ClientScope scope) =>
    [
        .. LoginVerbs.Create(scope),
        .. RunVerbs.Create(scope),
        .. WatchVerbs.Create(scope),
        LogVerb.Create(scope),
        .. DecisionVerbs.Create(scope),
        .. AgentVerbs.Create(scope),
        RepositoryVerbs.Create(scope),
        .. SecretVerbs.Create(scope),
        ScheduleVerbs.Create(scope),
        WebhookVerbs.Create(scope),
        .. AdministrationVerbs.Create(scope),
        ApiVerb.Create(scope),
    ];
}
