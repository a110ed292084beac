using BuildRunner.Cli.Linting;
using BuildRunner.Cli.Output;
using BuildRunner.Core.Planning;

namespace BuildRunner.Cli.Running;

/// <summary>What is known before anything runs.</summary>
/// <param name="Plan">The plan, fitted to this machine and to what was chosen; null: the files have errors, which were said.</param>
/// <param name="Tree">The working tree.</param>
/// <param name="Title">The file's or directory's name.</param>
/// <param name="Event">What it is for.</param>
internal sealed record PlannedRun(RunPlan? Plan, string Tree, string Title, RunEvent Event);

/// <summary>From a request to a plan: find the files, gather the facts, plan, say what is wrong.</summary>
internal static class LocalPlanning
{
    public static async Task<PlannedRun> MakeAsync(CliHost host, RunRequest request, Style style)
    {
        var (sources, tree) = PipelineFiles.Find(request.File, host.Directory);
        var head = await GitTree.HeadAsync(tree, CancellationToken.None);
        var runEvent = LocalEvent.Of(request, head, tree, host.Time);
        var planned = Planner.Plan(sources, runEvent);
        host.Say(request is { Progress: ProgressMode.Folded, Ci: CiKind.GitHub }
            ? LintGitHub.Write(planned.Diagnostics)
            : string.Concat(planned.Diagnostics.Select(d => LintText.Line(d, style) + "\n")));
        var plan = planned.Plan is { } made ? request.Choice.Apply(LocalPlan.Adjust(made, request)) : null;
        return new PlannedRun(plan, tree, TitleOf(sources, tree), runEvent);
    }

    private static string TitleOf(IReadOnlyList<PipelineSource> sources, string tree) =>
        sources.Count == 1 ? Path.GetFileName(sources[0].Path) : Path.GetFileName(tree.TrimEnd('/'));
}
