using System.CommandLine;
using BuildRunner.Cli.Running;

namespace BuildRunner.Cli.Planning;

/// <summary>The options of <c>plan</c>.</summary>
internal sealed class PlanFlags
{
    private const string All = "all";

    private static readonly string[] Every =
        ["push", "pull_request", "pull_request_closed", "pull_request_metadata", "tag", "release", "deployment", "cron", "manual", "webhook"];

    private readonly Argument<string?> file = new("FILE") { Description = "a pipeline file, or a directory that has one; this directory's if left out", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string> kind = JobFlags.Of<string>("--event", "NAME", "for this event (default: push), or all").Among([.. Every, All]);
    private readonly Option<string?> branch = JobFlags.Of<string?>("--branch", "NAME", "on this branch");
    private readonly Option<string?> payload = JobFlags.Of<string?>("--payload", "FILE", "the event as GitHub sends it (JSON); with --event webhook or manual, its members are inputs");
    private readonly Option<string?> metadata = JobFlags.Of<string?>("--metadata", "FILE", "the event's facts from a metadata file, as a run page offers it");
    private readonly Option<string[]> input = JobFlags.Of<string[]>("--input", "NAME=VALUE", "the value of an input");
    private readonly Option<bool> json = new("--json") { Description = "for programs" };
    private readonly Option<bool> graph = new("--graph") { Description = "drawn: what waits for what" };
    private readonly Option<bool> expanded = new("--expanded") { Description = "the files with anchors, merges and variables resolved" };
    private readonly Option<string?> output = JobFlags.Of<string?>("--out", "DIR", "with --expanded: write each file into this directory");

    /// <summary>Adds all of them.</summary>
    public void AddTo(Command command)
    {
        command.Add(file);
        foreach (var option in new Option[] { kind, branch, payload, metadata, input, json, graph, expanded, output })
        {
            command.Add(option);
        }

        command.Validators.Add(result =>
        {
            foreach (var problem in Problems(result))
            {
                result.AddError(problem);
            }
        });
    }

    /// <summary>What was given, read.</summary>
    /// <exception cref="CliException">A value is missing.</exception>
    public PlanRequest Read(ParseResult parsed, CliHost host)
    {
        string? Resolve(string? path) => path is null ? null : Path.GetFullPath(path, host.Directory);
        var request = new RunRequest
        {
            File = parsed.GetValue(file),
            Branch = parsed.GetValue(branch),
            Payload = Resolve(parsed.GetValue(payload)),
            Metadata = Resolve(parsed.GetValue(metadata)),
            Inputs = NameValues.Read("--input", null, parsed.GetValue(input), host),
        };
        var form = parsed.GetValue(json) ? PlanForm.Json : parsed.GetValue(graph) ? PlanForm.Graph : parsed.GetValue(expanded) ? PlanForm.Expanded : PlanForm.Text;
        var one = parsed.GetValue(kind);
        return new PlanRequest(one == All ? [.. Every.Select(k => request with { Event = k })] : [request with { Event = one }], form, Resolve(parsed.GetValue(output)));
    }

    private IEnumerable<string> Problems(System.CommandLine.Parsing.CommandResult result)
    {
        var forms = new[] { json, graph, expanded }.Where(result.GetValue).Select(o => o.Name).ToList();
        if (forms.Count > 1)
        {
            yield return $"{string.Join(" and ", forms)} exclude each other";
        }

        if (result.GetValue(output) is not null && !result.GetValue(expanded))
        {
            yield return "--out goes with --expanded";
        }

        if (result.GetValue(payload) is not null && result.GetValue(metadata) is not null)
        {
            yield return "--payload and --metadata exclude each other: both say what the run is for";
        }

        if (result.GetValue(kind) == All && (result.GetValue(expanded) || (result.GetValue(payload) ?? result.GetValue(metadata)) is not null))
        {
            yield return "--event all goes without --expanded, --payload and --metadata, which are about one event";
        }
    }
}

/// <summary>What somebody asked <c>plan</c> for.</summary>
/// <param name="Events">One request for each event.</param>
/// <param name="Form">How it is written.</param>
/// <param name="OutDirectory">Where expanded files go; null: standard output.</param>
internal sealed record PlanRequest(IReadOnlyList<RunRequest> Events, PlanForm Form, string? OutDirectory);

/// <summary>How a plan is written.</summary>
internal enum PlanForm
{
    Text,
    Graph,
    Json,
    Expanded,
}
