using System.CommandLine;
using BuildRunner.Cli.Output;
using BuildRunner.Cli.Running;
using BuildRunner.Containers.Images;
using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Planning;

namespace BuildRunner.Cli.Planning;

/// <summary><c>plan [FILE]</c>: what would run for an event, and why the rest would not.</summary>
internal static class PlanVerb
{
    // Not told to a terminal: as wide as a page of a log usually is.
    private const int PageWidth = 120;

    public static Command Create(CliHost host, GlobalOptions globals)
    {
        var flags = new PlanFlags();
        var command = new Command("plan", "what would run for an event, and why the rest would not");
        flags.AddTo(command);
        command.SetAction(async (parsed, token) =>
        {
            var here = globals.Apply(parsed, host);
            var request = flags.Read(parsed, here);
            var style = globals.OutputStyleOf(parsed, here);
            return (int)await (request.Form == PlanForm.Expanded
                ? ExpandedPlan.PrintAsync(here, request.Events[0], request.OutDirectory, token)
                : PrintAsync(here, request, style, token));
        });
        return command;
    }

    private static async Task<ExitCode> PrintAsync(CliHost host, PlanRequest request, Style style, CancellationToken cancellationToken)
    {
        var (sources, tree) = PipelineFiles.Find(request.Events[0].File, host.Directory);
        var head = await GitTree.HeadAsync(tree, cancellationToken);
        var events = request.Events.Select(e => LocalEvent.Of(e, head, tree, host.Time)).ToList();
        var planned = events.Select(e => Planner.Plan(sources, e)).ToList();
        host.Say(string.Concat(planned.SelectMany(p => p.Diagnostics).Distinct().Select(d => d + "\n")));
        if (planned.Exists(p => p.Plan is null && !(events.Count > 1 && LacksInputs(p))))
        {
            return ExitCode.InvalidFile;
        }

        List<RunPlan> plans = [.. planned.Select((p, i) => p.Plan ?? new RunPlan([], events[i]))];
        host.Print(request.Form == PlanForm.Json ? PlanJson.Write(plans, FullReference) : Text(plans, request.Form, style, host.Terminal));
        return ExitCode.Success;
    }

    // Among all events some ask for values that nobody gave; the others can be planned.
    private static bool LacksInputs(PlanResult planned) =>
        planned.Diagnostics.Where(d => d.Severity == DiagnosticSeverity.Error).All(d => d.Code == DiagnosticCodes.BadInput);

    private static string Text(List<RunPlan> plans, PlanForm form, Style style, TerminalFacts terminal)
    {
        string One(RunPlan plan) => form == PlanForm.Graph ? PlanGraph.Write(plan, style, terminal.OutputIsTerminal ? terminal.Width() : PageWidth) : PlanText.Write(plan, style);
        return plans.Count == 1
            ? One(plans[0])
            : string.Join('\n', plans.Select(plan => $"{style.Bold($"event {plan.Event.Kind}")}\n{Indented(plan.Workflows.Count == 0 ? "would not run: its inputs have no values" : One(plan))}"));
    }

    private static string Indented(string text) => string.Concat(text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => $"  {line}\n"));

    // What a registry is asked for, nothing left to be guessed.
    private static string? FullReference(string text) => !ImageReference.TryParse(text, null, out var image, out _) ? null
        : image.Transport != ImageTransport.Docker ? image.ToString()
        : $"{image.Location}{(image.Tag is { } tag ? $":{tag}" : "")}{(image.Digest is { } digest ? $"@{digest}" : "")}";
}
