using System.CommandLine;
using BuildRunner.Hosting;

namespace BuildRunner.Cli.Serving;

/// <summary><c>demo</c>: shows on this machine, in folders that are removed again, how a run goes from a repository through queue, claim and container to its log.</summary>
internal static class DemoVerb
{
    public static Command Create(CliHost host, GlobalOptions globals)
    {
        var command = new Command("demo", "show a run go through repository, queue, claim, container and log, on this machine, in a minute");
        command.SetAction((parsed, token) =>
        {
            host.ReexecRootless?.Invoke(globals.SettingsOf(parsed, host), host, false);
            return Demo.RunAsync(flags => globals.SettingsOf(parsed, host, flags), globals.Apply(parsed, host), token);
        });
        return command;
    }
}
