using System.CommandLine;
using System.CommandLine.Help;
using System.Text;
using BuildRunner.Cli.Agents;
using BuildRunner.Cli.Client;
using BuildRunner.Cli.Images;
using BuildRunner.Cli.Init;
using BuildRunner.Cli.Linting;
using BuildRunner.Cli.LocalRuns;
using BuildRunner.Cli.Manual;
using BuildRunner.Cli.Planning;
using BuildRunner.Cli.Running;
using BuildRunner.Cli.Serving;
using BuildRunner.Cli.Shell;
using BuildRunner.Containers.Engine;
using BuildRunner.Hosting;
using BuildRunner.Settings;

namespace BuildRunner.Cli;

/// <summary>The command line: from words to a verb, and from what went wrong to a message and an exit code.</summary>
internal static class CommandLine
{
    /// <summary>How words are taken: <c>@latest</c> is a run, not a file with more arguments.</summary>
    public static ParserConfiguration Parsing { get; } = new() { ResponseFileTokenReplacer = null };

    /// <summary>Runs one command line to its end.</summary>
    public static async Task<int> RunAsync(IReadOnlyList<string> arguments, CliHost host)
    {
        var root = Create(host);
        var parsed = root.Parse(arguments, Parsing);
        if (parsed.Action is not { ClearsParseErrors: true } && UsageErrors.Of(parsed, arguments) is { Count: > 0 } mistakes)
        {
            host.Say(string.Concat(mistakes.Select(m => $"buildrunner: {m}\n")) + $"'buildrunner {UsageErrors.Path(parsed)}--help' tells what there is\n");
            return (int)ExitCode.Usage;
        }

        try
        {
            using var output = new StreamWriter(host.Output, new UTF8Encoding(false), leaveOpen: true);
            using var error = new StreamWriter(host.Error, new UTF8Encoding(false), leaveOpen: true);
            return await parsed.InvokeAsync(new InvocationConfiguration
            {
                Output = output,
                Error = error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
            });
        }
        catch (Exception problem)
        {
            return (int)Report(problem, host);
        }
    }

    /// <summary>All verbs.</summary>
    public static RootCommand Create(CliHost host)
    {
        var globals = new GlobalOptions();
        var root = new RootCommand("Runs pipelines: each step in its own fresh container.")
        {
            RunVerb.Create(host, globals),
            ShellVerb.Create(host, globals),
            CleanVerb.Create(host, globals),
            LintVerb.Create(host, globals),
            ImageVerbs.Create(host, globals),
            PlanVerb.Create(host, globals),
            UpVerb.Create(host, globals),
            DemoVerb.Create(host, globals),
            ServerVerb.Create(host, globals),
            DbVerb.Create(host, globals),
            InitVerb.Create(host, globals),
            AgentVerb.Create(host, globals),
            DoctorVerb.Create(host, globals),
            ConfigVerb.Create(host, globals),
            SchemaVerb.Create(host),
            CompletionVerb.Create(host),
            ManVerb.Create(host, () => Create(host)),
            VersionVerb.Create(host),
        };
        ClientVerbs.AddTo(root, host, globals);

        foreach (var option in root.Options.OfType<VersionOption>().ToList())
        {
            root.Options.Remove(option);
        }

        foreach (var option in globals.All)
        {
            root.Add(option);
        }

        root.Options.OfType<HelpOption>().First().Action = new ExitCodesHelp(new HelpAction());
        return root;
    }

    private static ExitCode Report(Exception problem, CliHost host)
    {
        switch (problem)
        {
            case CliException cli:
                host.Say($"buildrunner: {cli.Message}\n");
                return cli.Code;
            case SettingsException settings:
                host.Say(string.Concat(settings.Problems.Select(p => $"buildrunner: {p}\n")));
                return ExitCode.Usage;
            case ContainerException container:
                host.Say($"buildrunner: {container.Message}\n");
                return ExitCode.Error;
            case OperationCanceledException when host.Signals.Received is { } code:
                return code;
            case var other when DatabaseTrouble.Of(other) is { } why:
                host.Say($"buildrunner: {why}\n");
                return ExitCode.Error;
            default:
                host.Say($"buildrunner: this is a defect of BuildRunner, please report it:\n{problem}\n");
                return ExitCode.Error;
        }
    }
}
