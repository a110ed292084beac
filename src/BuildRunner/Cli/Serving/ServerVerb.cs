using System.CommandLine;
using BuildRunner.Hosting;
using BuildRunner.Settings;

namespace BuildRunner.Cli.Serving;

/// <summary><c>server</c>: the service. Nothing of it is loaded before the verb is known, so that other verbs start fast.</summary>
internal static class ServerVerb
{
    public static Command Create(CliHost host, GlobalOptions globals)
    {
        var flags = new ServerFlags();
        var command = new Command("server", "the service: queue, store, API and pages");
        flags.AddTo(command);
        command.SetAction((parsed, token) =>
        {
            var here = globals.Apply(parsed, host);
            return ServerHost.RunAsync(globals.SettingsOf(parsed, here, flags.Of(parsed)), here, isUp: false, token);
        });
        command.Add(Token(host, globals, flags));
        command.Add(Link(host, globals, flags));
        return command;
    }

    // Whoever may read the database may do everything anyway, so this needs no log-in: it is how the first administrator gets in.
    private static Command Token(CliHost host, GlobalOptions globals, ServerFlags flags)
    {
        var name = new Option<string>("--name") { Description = "what the token is for, as lists show it", HelpName = "NAME", DefaultValueFactory = _ => "administrator" };
        var scopes = new Option<string[]>("--scope") { Description = "what it may do: read, run, approve, admin", HelpName = "SCOPE", DefaultValueFactory = _ => ["admin"] };
        scopes.AcceptOnlyFromAmong("read", "run", "approve", "admin");
        var command = new Command("token", "make a token for the API on the server's own machine, and print it") { name, scopes };
        command.SetAction(async (parsed, token) =>
        {
            var here = globals.Apply(parsed, host);
            var settings = globals.SettingsOf(parsed, here, flags.Of(parsed));
            here.Print(await ServerStore.CreateTokenAsync(settings, here, parsed.GetValue(name)!, parsed.GetValue(scopes)!, token) + "\n");
        });
        return command;
    }

    private static Command Link(CliHost host, GlobalOptions globals, ServerFlags flags)
    {
        var command = new Command("link", "make a link that signs an administrator's browser in, once, and print it");
        command.SetAction(async (parsed, token) =>
        {
            var here = globals.Apply(parsed, host);
            here.Print(await ServerStore.CreateLinkAsync(globals.SettingsOf(parsed, here, flags.Of(parsed)), here, flags.Of(parsed).Any(f => f.Key == ServerKeys.Listen), token) + "\n");
        });
        return command;
    }
}

/// <summary>Settings of the service that are often given on the command line.</summary>
internal sealed class ServerFlags
{
    private readonly (Option<string> Option, string Key)[] options =
    [
        (new Option<string>("--listen") { Description = "where to listen (Server:Listen)", HelpName = "URL", Recursive = true }, ServerKeys.Listen),
        (new Option<string>("--data-dir") { Description = "where database and logs are (Server:DataDir)", HelpName = "DIR", Recursive = true }, ServerKeys.DataDir),
    ];

    /// <summary>Adds them to a verb.</summary>
    public void AddTo(Command command) => Array.ForEach(options, o => command.Add(o.Option));

    /// <summary>What was given.</summary>
    public IEnumerable<KeyValuePair<string, string>> Of(ParseResult parsed) =>
        from option in options
        let value = parsed.GetValue(option.Option)
        where value is not null
        select KeyValuePair.Create(option.Key, value);
}
