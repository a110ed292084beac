using System.CommandLine;

namespace BuildRunner.Cli.Client;

/// <summary>The verbs that call a server. They load nothing of the server itself.</summary>
internal static class ClientVerbs
{
    /// <summary>All of them.</summary>
    public static IEnumerable<Command> Create(CliHost host, GlobalOptions globals)
    {
        var scope = new ClientScope(host, globals);
        return
        [
            .. LoginVerbs.Create(scope),
            .. RunVerbs.Create(scope),
            .. WatchVerbs.Create(scope),
            LogVerb.Create(scope),
            .. DecisionVerbs.Create(scope),
            .. AgentVerbs.Create(scope),
            RepositoryVerbs.Create(scope),
            .. AdministrationVerbs.Create(scope),
            ApiVerb.Create(scope),
        ];
    }
}
