using System.Text;
using System.Text.Json;
using BuildRunner.Cli.Running;
using BuildRunner.Core.Files;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;

namespace BuildRunner.Cli.Planning;

/// <summary><c>plan --expanded</c>: the files with everything resolved that is known before the run.</summary>
internal static class ExpandedPlan
{
    /// <summary>Prints one file as it is, several one after the other with their names between them; or writes each into a directory, an absolute path.</summary>
    public static async Task<ExitCode> PrintAsync(CliHost host, RunRequest request, string? output, CancellationToken cancellationToken)
    {
        var (sources, tree) = PipelineFiles.Find(request.File, host.Directory);
        var runEvent = LocalEvent.Of(request, await GitTree.HeadAsync(tree, cancellationToken), tree, host.Time);
        var planned = Planner.Plan(sources, runEvent);
        host.Say(string.Concat(planned.Diagnostics.Select(d => d + "\n")));
        if (planned.Plan is not { } plan)
        {
            return ExitCode.InvalidFile;
        }

        var expanded = Planner.Expand(sources, runEvent);
        if (Planner.Plan(expanded, runEvent).Plan is not { } again || Form(again) != Form(plan))
        {
            throw new CliException(ExitCode.Error, "the files cannot be written out so that they plan to the same; written out they may be longer than a file may be (256 KiB)");
        }

        if (output is null)
        {
            host.Print(string.Join("---\n", expanded.Select(file => (expanded.Count == 1 ? "" : $"# {file.Path}\n") + Encoding.UTF8.GetString(file.Content.Span))));
            return ExitCode.Success;
        }

        foreach (var file in expanded)
        {
            await WriteAsync(file, output, cancellationToken);
        }

        return ExitCode.Success;
    }

    /// <summary>A plan as text, without the places of things in their files.</summary>
    public static string Form(RunPlan plan) => JsonSerializer.Serialize(
        plan with
        {
            Workflows =
            [
                .. plan.Workflows.Select(w => w with { Conditions = Bare(w.Conditions), Steps = [.. w.Steps.Select(Bare)], Services = [.. w.Services.Select(Bare)] }),
            ],
        },
        RunJson.Default.RunPlan);

    private static StepPlan Bare(StepPlan step) => step with { Location = default, Conditions = Bare(step.Conditions), Environment = new SortedDictionary<string, PlanValue>(step.Environment.ToDictionary(), StringComparer.Ordinal) };

    private static IReadOnlyList<ConditionVerdict> Bare(IReadOnlyList<ConditionVerdict> conditions) => [.. conditions.Select(c => c with { Location = default })];

    private static async Task WriteAsync(PipelineSource file, string directory, CancellationToken cancellationToken)
    {
        try
        {
            Directory.CreateDirectory(directory);
            await File.WriteAllBytesAsync(Path.Combine(directory, Path.GetFileName(file.Path)), file.Content, cancellationToken);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.Usage, $"--out {directory} cannot be written: {PathTrouble.OfFolder(directory, e)}");
        }
    }
}
