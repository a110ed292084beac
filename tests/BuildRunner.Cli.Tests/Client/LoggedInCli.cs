namespace BuildRunner.Cli.Tests.Client;

/// <summary>The command line of somebody who is logged in at a server that answers as the test says.</summary>
internal sealed class LoggedInCli : IAsyncDisposable
{
    private LoggedInCli(ScriptedServer server)
    {
        Server = server;
        Cli.Environment["XDG_CONFIG_HOME"] = Cli.Directory;
        Cli.Environment["BUILDRUNNER_SERVER"] = server.Url;
        Cli.Environment["BUILDRUNNER_TOKEN"] = ScriptedServer.Token;
    }

    public TestCli Cli { get; } = new();

    public ScriptedServer Server { get; }

    public static async Task<LoggedInCli> StartAsync() => new(await ScriptedServer.StartAsync());

    public async ValueTask DisposeAsync()
    {
        Cli.Dispose();
        await Server.DisposeAsync();
    }
}
