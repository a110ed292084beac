using System.CommandLine;
using BuildRunner.Cli.Running;

namespace BuildRunner.Cli.Shell;

/// <summary><c>shell STEP [-- COMMAND…]</c>: a container as a step has it, or as a failed one left it.</summary>
internal static class ShellVerb
{
    public static Command Create(CliHost host, GlobalOptions globals)
    {
        var step = new Argument<string>("STEP") { Description = "the step: NAME, or WORKFLOW/NAME" };
        var command = new Argument<string[]>("COMMAND") { Description = "what to run in place of a shell, after --", Arity = ArgumentArity.ZeroOrMore };
        var file = new Option<string?>("--file", "-f") { Description = "the pipeline file, or a directory that has one; this directory's if left out", HelpName = "FILE" };
        var fresh = new Option<bool>("--fresh") { Description = "start from the image, also if a run has kept the step's container" };
        var kept = new Option<string?>("--kept") { Description = "start from this kept container, by its id or the beginning of it ('buildrunner clean --dry-run' lists them)", HelpName = "ID" };
        var alone = new Option<bool>("--no-services") { Description = "do not start the workflow's services" };
        var flags = new JobFlags();
        var verb = new Command("shell", "a container as a step has it; after 'run --keep', as the failed step left it") { step, command, file, fresh, kept, alone };
        flags.AddTo(verb);
        verb.Validators.Add(result =>
        {
            if (result.GetValue(fresh) && result.GetValue(kept) is not null)
            {
                result.AddError("--fresh and --kept exclude each other: a fresh container starts from the image");
            }
        });
        verb.SetAction(async (parsed, _) =>
        {
            var here = globals.Apply(parsed, host);
            var settings = globals.SettingsOf(parsed, here, flags.Settings(parsed));
            here.ReexecRootless?.Invoke(settings, here, true);
            var request = flags.Read(parsed, here, parsed.GetValue(file));
            var wanted = new ShellRequest(parsed.GetValue(step)!, parsed.GetValue(command) ?? [], parsed.GetValue(fresh), parsed.GetValue(kept), !parsed.GetValue(alone));
            return (int)await new ShellSession(here, settings, request, wanted, globals.StyleOf(parsed, here)).RunAsync();
        });
        return verb;
    }
}

/// <summary>What somebody asked <c>shell</c> for.</summary>
/// <param name="Step">The step.</param>
/// <param name="Command">What to run; empty: a shell.</param>
/// <param name="Fresh">Start from the image.</param>
/// <param name="Kept">Start from this kept container; null: from the newest of the step.</param>
/// <param name="WithServices">Start the workflow's services.</param>
internal sealed record ShellRequest(string Step, IReadOnlyList<string> Command, bool Fresh, string? Kept, bool WithServices);
