using System.CommandLine;
using BuildRunner.Cli.Output;
using BuildRunner.Cli.Running;
using BuildRunner.Containers.Images;
using BuildRunner.Core.Planning;

namespace BuildRunner.Cli.Planning;

/// <summary><c>plan [FILE]</c>: what would run for an event, and why the rest would not.</summary>
internal static class PlanVerb
{
    private const string All = "all";

    // Not told to a terminal: as wide as a page of a log usually is.
    private const int PageWidth = 120;

    private static readonly string[] Kinds =
        ["push", "pull_request", "pull_request_closed", "pull_request_metadata", "tag", "release", "deployment", "cron", "manual", "webhook"];

    public static Command Create(CliHost host, GlobalOptions globals)
    {
        var file = new Argument<string?>("FILE") { Description = "a pipeline file, or a directory that has one; this directory's if left out", Arity = ArgumentArity.ZeroOrOne };
        var kind = new Option<string>("--event") { Description = "for this event, or all", HelpName = "NAME", DefaultValueFactory = _ => "push" }.Among([.. Kinds, All]);
        var branch = new Option<string>("--branch") { Description = "on this branch", HelpName = "NAME" };
        var json = new Option<bool>("--json") { Description = "for programs" };
        var graph = new Option<bool>("--graph") { Description = "drawn: what waits for what" };
        var expanded = new Option<bool>("--expanded") { Description = "the files with anchors, merges and variables resolved" };
        var output = new Option<string>("--out") { Description = "with --expanded: write each file into this directory", HelpName = "DIR" };
        var command = new Command("plan", "what would run for an event, and why the rest would not") { file, kind, branch, json, graph, expanded, output };
        command.Validators.Add(result =>
        {
            var forms = new Option<bool>[] { json, graph, expanded }.Where(result.GetValue).Select(o => o.Name).ToList();
            if (forms.Count > 1)
            {
                result.AddError($"{string.Join(" and ", forms)} exclude each other");
            }

            if (result.GetValue(output) is not null && !result.GetValue(expanded))
            {
                result.AddError("--out goes with --expanded");
            }

            if (result.GetValue(expanded) && result.GetValue(kind) == All)
            {
                result.AddError("--expanded takes one event: values differ from one to the next");
            }
        });
        command.SetAction(async (parsed, token) =>
        {
            var here = globals.Apply(parsed, host);
            var request = new RunRequest { File = parsed.GetValue(file), Branch = parsed.GetValue(branch) };
            var style = Style.Choose(parsed.GetValue(globals.Colour) ?? "auto", here.Environment, here.Terminal.OutputIsTerminal);
            if (parsed.GetValue(expanded))
            {
                return (int)await ExpandedPlan.PrintAsync(here, request with { Event = parsed.GetValue(kind)! }, parsed.GetValue(output), token);
            }

            Func<RunPlan, string> form = parsed.GetValue(graph)
                ? plan => PlanGraph.Write(plan, style, here.Terminal.OutputIsTerminal ? here.Terminal.Width() : PageWidth)
                : plan => PlanText.Write(plan, style);
            var kinds = parsed.GetValue(kind) is { } one and not All ? [one] : Kinds;
            return (int)await PrintAsync(here, request, kinds, parsed.GetValue(json) ? plans => PlanJson.Write(plans, FullReference) : plans => Text(plans, form, style), token);
        });
        return command;
    }

    private static async Task<ExitCode> PrintAsync(CliHost host, RunRequest request, IReadOnlyList<string> kinds, Func<IReadOnlyList<RunPlan>, string> form, CancellationToken cancellationToken)
    {
        var (sources, tree) = PipelineFiles.Find(request.File, host.Directory);
        var head = await GitTree.HeadAsync(tree, cancellationToken);
        var planned = kinds.Select(kind => Planner.Plan(sources, LocalEvent.Of(request with { Event = kind }, head, tree, host.Time))).ToList();
        host.Say(string.Concat(planned.SelectMany(p => p.Diagnostics).Distinct().Select(d => d + "\n")));
        if (planned.Exists(p => p.Plan is null))
        {
            return ExitCode.InvalidFile;
        }

        host.Print(form([.. planned.Select(p => p.Plan!)]));
        return ExitCode.Success;
    }

    private static string Text(IReadOnlyList<RunPlan> plans, Func<RunPlan, string> form, Style style) => plans.Count == 1
        ? form(plans[0])
        : string.Join('\n', plans.Select(plan => $"{style.Bold($"event {plan.Event.Kind}")}\n{Indented(form(plan))}"));

    private static string Indented(string text) => string.Concat(text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => $"  {line}\n"));

    // What a registry is asked for, nothing left to be guessed.
    private static string? FullReference(string text) => !ImageReference.TryParse(text, null, out var image, out _) ? null
        : image.Transport != ImageTransport.Docker ? image.ToString()
        : $"{image.Location}{(image.Tag is { } tag ? $":{tag}" : "")}{(image.Digest is { } digest ? $"@{digest}" : "")}";
}
