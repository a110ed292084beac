using System.CommandLine;
using BuildRunner.Cli.Output;
using BuildRunner.Core.ApiContract;
using BuildRunner.Settings;

namespace BuildRunner.Cli.Client;

/// <summary>What the verbs that call a server have in common.</summary>
internal sealed class ClientScope(CliHost host, GlobalOptions globals)
{
    /// <summary>Which server.</summary>
    public Option<string?> Server { get; } = new("--server") { Description = $"a login's name or an address (default: {ServerAddress.ServerVariable}, or the login in use)", HelpName = "SERVER" };

    /// <summary>The process.</summary>
    public CliHost Host => host;

    /// <summary>Options of every verb.</summary>
    public GlobalOptions Globals => globals;

    /// <summary>Output that programs read.</summary>
    public static Option<bool> Json() => new("--json") { Description = "print JSON; the fields are described in docs/client.md" };

    /// <summary>Does not ask.</summary>
    public static Option<bool> Yes() => new("--yes", "-y") { Description = "do not ask" };

    /// <summary>Which repository, where a number alone would not say.</summary>
    public static Option<string?> Repository() => new("--repo") { Description = "the repository, as owner/name", HelpName = "REPO" };

    /// <summary>Which run.</summary>
    public static Argument<string> Run() => new("RUN") { Description = RunAddress.Help };

    /// <summary>A verb that calls the server.</summary>
    public Command Verb(string name, string description, Func<ClientCall, Task<ExitCode>> act, params Symbol[] symbols)
    {
        return Act(Bare(name, description, symbols), (_, _, _) => false, (_, _, _, _) => ExitCode.Success, act);
    }

    /// <summary>A verb <c>rm</c>: it asks, and then removes something at the server.</summary>
    /// <param name="description">What it is for.</param>
    /// <param name="question">What is about to be done.</param>
    /// <param name="path">What is removed.</param>
    /// <param name="symbols">Its arguments and options, without <c>--yes</c>.</param>
    public Command Removal(string description, Func<ClientCall, string> question, Func<ClientCall, string> path, params Symbol[] symbols)
    {
        var yes = Yes();
        return Verb("rm", description, async call =>
        {
            call.Confirm(yes, question(call));
            await call.Api.DeleteAsync(path(call), call.Stop);
            return ExitCode.Success;
        }, [.. symbols, yes]);
    }

    /// <summary>Lets a verb call the server, or do its work here.</summary>
    /// <param name="command">The verb.</param>
    /// <param name="isLocal">Whether it is work for here; told what <c>--server</c> said.</param>
    /// <param name="local">The work here.</param>
    /// <param name="act">The work at a server.</param>
    public Command Act(Command command, Func<ParseResult, string?, CliHost, bool> isLocal, Func<ParseResult, CliHost, EffectiveSettings, Style, ExitCode> local, Func<ClientCall, Task<ExitCode>> act)
    {
        command.Add(Server);
        command.SetAction(async (parsed, _) =>
        {
            var here = globals.Apply(parsed, host);
            if (isLocal(parsed, parsed.GetValue(Server), here))
            {
                var style = globals.OutputStyleOf(parsed, here);
                return (int)local(parsed, here, globals.SettingsOf(parsed, here), style);
            }

            using var stop = new CancellationTokenSource();
            using var listening = here.Signals.Listen(_ => stop.Cancel());
            using var api = new ApiClient(ServerAddress.Of(parsed.GetValue(Server), here));
            return (int)await act(new ClientCall(here, api, parsed, globals, stop.Token));
        });
        return command;
    }

    /// <summary>A command with its arguments and options.</summary>
    public static Command Bare(string name, string description, params Symbol[] symbols)
    {
        var command = new Command(name, description);
        foreach (var symbol in symbols)
        {
            switch (symbol)
            {
                case Argument argument:
                    command.Add(argument);
                    break;
                case Option option:
                    command.Add(option);
                    break;
                case Command child:
                    command.Add(child);
                    break;
            }
        }

        return command;
    }
}

/// <summary>One call of a verb.</summary>
/// <param name="Host">The process.</param>
/// <param name="Api">The server.</param>
/// <param name="Parsed">What was typed.</param>
/// <param name="Globals">Options of every verb.</param>
/// <param name="Stop">A signal came.</param>
internal sealed record ClientCall(CliHost Host, ApiClient Api, ParseResult Parsed, GlobalOptions Globals, CancellationToken Stop)
{
    /// <summary>How data is written.</summary>
    public Style Style { get; } = Globals.OutputStyleOf(Parsed, Host);

    /// <summary>The moment.</summary>
    public DateTimeOffset Now => Host.Time.GetUtcNow();

    /// <summary>Whether only the most important is wanted.</summary>
    public bool Quiet => Parsed.GetValue(Globals.Quiet);

    public T? Get<T>(Option<T> option) => Parsed.GetValue(option);

    public T? Get<T>(Argument<T> argument) => Parsed.GetValue(argument);

    /// <summary>Finds the run that an argument names.</summary>
    public Task<(string Repository, int Number)> RunAsync(Argument<string> run, Option<string?> repository) => FindAsync(Parsed.GetValue(run)!, repository);

    /// <summary>Finds a run by a name that people use.</summary>
    public Task<(string Repository, int Number)> FindAsync(string named, Option<string?> repository) =>
        RunAddress.Parse(named, Api.Url).FindAsync(Api, Host, RepositoryOf(repository), Stop);

    /// <summary>The run, whole.</summary>
    public Task<RunDetails> DetailsAsync((string Repository, int Number) run) =>
        Api.GetAsync(ApiRoutes.For(ApiRoutes.Run, run.Repository, run.Number), ApiJson.Default.RunDetails, Stop);

    /// <summary>The repository that an option names; null: none.</summary>
    public string? RepositoryOf(Option<string?> repository) => Parsed.GetValue(repository) is { } name ? Checked(name) : null;

    /// <summary>A repository's name, of its form.</summary>
    public static string Checked(string name) =>
        RunAddress.IsRepository(name) ? name : throw new CliException(ExitCode.Usage, $"'{name}' is not a repository; its form is owner/name");

    /// <summary>Prints JSON or text.</summary>
    public ExitCode Print<T>(Option<bool> json, T value, Func<T, string> text)
    {
        Host.Print(Parsed.GetValue(json) ? ClientJson.Text(value) : text(value));
        return ExitCode.Success;
    }

    /// <summary>Asks before something that cannot be undone.</summary>
    /// <exception cref="CliException">There is nobody to ask, or the answer is no.</exception>
    public void Confirm(Option<bool> yes, string what)
    {
        if (Parsed.GetValue(yes))
        {
            return;
        }

        if (!Host.Terminal.InputIsTerminal)
        {
            throw new CliException(ExitCode.Usage, $"{what}? There is no terminal to ask on; add --yes");
        }

        Host.Say($"{what}? [y/N] ");
        if (Host.ReadLine()?.Trim().ToLowerInvariant() is not ("y" or "yes"))
        {
            throw new CliException(ExitCode.Failure, "nothing was done");
        }
    }
}
