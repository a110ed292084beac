using System.CommandLine;
using BuildRunner.Cli.Running;
using BuildRunner.Core.Planning;

namespace BuildRunner.Cli.Planning;

/// <summary><c>plan [FILE]</c>: what would run for an event, and why the rest would not.</summary>
internal static class PlanVerb
{
    public static Command Create(CliHost host, GlobalOptions globals)
    {
        var file = new Argument<string?>("FILE") { Description = "a pipeline file, or a directory that has one; this directory's if left out", Arity = ArgumentArity.ZeroOrOne };
        var kind = new Option<string>("--event") { Description = "for this event", HelpName = "NAME", DefaultValueFactory = _ => "push" }
            .Among("push", "pull_request", "pull_request_closed", "tag", "release", "deployment", "cron", "manual", "webhook");
        var branch = new Option<string>("--branch") { Description = "on this branch", HelpName = "NAME" };
        var json = new Option<bool>("--json") { Description = "for programs" };
        var command = new Command("plan", "what would run for an event, and why the rest would not") { file, kind, branch, json };
        command.SetAction(async (parsed, token) =>
        {
            var request = new RunRequest { File = parsed.GetValue(file), Event = parsed.GetValue(kind), Branch = parsed.GetValue(branch) };
            return (int)await PrintAsync(globals.Apply(parsed, host), request, parsed.GetValue(json), token);
        });
        return command;
    }

    private static async Task<ExitCode> PrintAsync(CliHost host, RunRequest request, bool json, CancellationToken cancellationToken)
    {
        var (sources, tree) = PipelineFiles.Find(request.File, host.Directory);
        var head = await GitTree.HeadAsync(tree, cancellationToken);
        var planned = Planner.Plan(sources, LocalEvent.Of(request, head, tree, host.Time));
        host.Say(string.Concat(planned.Diagnostics.Select(d => d + "\n")));
        if (planned.Plan is not { } plan)
        {
            return ExitCode.InvalidFile;
        }

        host.Print(json ? PlanJson.Write(plan) : PlanText.Write(plan));
        return ExitCode.Success;
    }
}
