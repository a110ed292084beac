using System.CommandLine;
using BuildRunner.Cli.Output;

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
            here.ReexecRootless?.Invoke(settings, here, true);
            var request = flags.Read(parsed, here, settings, parsed.GetValue(globals.Quiet));

            // The log of another CI is read in a page that shows colours.
            var style = Style.Choose(parsed.GetValue(globals.Colour) ?? "auto", here.Environment, here.Terminal.ErrorIsTerminal || request.Progress == ProgressMode.Folded);
            return (int)await new RunSession(here, settings, request, style).RunAsync();
        });
        return command;
    }
}
