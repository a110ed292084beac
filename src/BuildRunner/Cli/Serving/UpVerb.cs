using System.CommandLine;
using BuildRunner.Hosting;

namespace BuildRunner.Cli.Serving;

/// <summary><c>up</c>: a whole installation in one process, without a setting: server, SQLite, and an agent that runs steps on this machine.</summary>
internal static class UpVerb
{
    public static Command Create(CliHost host, GlobalOptions globals)
    {
        var flags = new ServerFlags();
        var command = new Command("up", "server and agent in one process, ready to use");
        flags.AddTo(command);
        command.SetAction((parsed, token) =>
        {
            var here = globals.Apply(parsed, host);
            return ServerHost.RunAsync(globals.SettingsOf(parsed, here, flags.Of(parsed)), here, isUp: true, token);
        });
        return command;
    }
}
