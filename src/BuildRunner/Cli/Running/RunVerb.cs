using System.CommandLine;

namespace BuildRunner.Cli.Running;

/// <summary><c>run [FILE|DIR]</c>: a pipeline on this machine.</summary>
internal static class RunVerb
{
    public static Command Create(CliHost host, GlobalOptions globals)
    {
        var flags = new RunFlags();
        var command = new Command("run", "run a pipeline here");
        flags.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            var here = globals.Apply(parsed, host);
            var settings = globals.SettingsOf(parsed, here, flags.Settings(parsed));
            var request = flags.Read(parsed, here, settings, parsed.GetValue(globals.Quiet));
            return (int)await new RunSession(here, settings, request, globals.StyleOf(parsed, here)).RunAsync();
        });
        return command;
    }
}
