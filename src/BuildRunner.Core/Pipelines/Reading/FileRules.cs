using System.Globalization;
using BuildRunner.Core.Pipelines.Yaml;
using BuildRunner.Core.Planning;

namespace BuildRunner.Core.Pipelines.Reading;

/// <summary>What must hold between the keys of a file.</summary>
internal static class FileRules
{
    private const int MaxSteps = 256;

    /// <summary>Checks a file.</summary>
    public static void Check(PipelineFile file, YamlNode.Mapping root, DiagnosticBag diagnostics)
    {
        if (root.Get("steps") is null && root.Get("pipeline") is null)
            diagnostics.Error(DiagnosticCodes.MissingKey, root.Find("steps")?.KeyLocation ?? root.Location, "a workflow needs `steps`", "Write at least one step");
        if (root.Get("steps") is not null && root.Find("pipeline") is { } old)
            diagnostics.Error(DiagnosticCodes.Conflict, old.KeyLocation, "`pipeline` is the old name of `steps`; both are there", "Remove one of the two");
        var count = file.Steps.Count + file.Services.Count + file.CloneSteps.Count;
        if (count > MaxSteps)
            diagnostics.Error(DiagnosticCodes.TooManySteps, root.Find("steps")?.KeyLocation ?? root.Location, $"the workflow has {count} steps and services; {MaxSteps} are allowed", "Split it into several workflows");
        CheckWorkspace(file, diagnostics);
        CheckLabels(root, diagnostics);
        CheckHabits(file.When, diagnostics);
        CheckNames(file, diagnostics);
        foreach (var step in file.Steps.Concat(file.Services).Concat(file.CloneSteps))
        {
            StepRules.Check(step, diagnostics);
            CheckHabits(step.When, diagnostics);
        }
        foreach (var service in file.Services.Where(service => !service.Named))
            diagnostics.Error(DiagnosticCodes.MissingKey, service.Location, "a service in a list needs `name`", "Steps reach the service under its name");
        DependencyRules.Check(file.Steps, diagnostics);
        OutputRules.Check(file, diagnostics);
    }

    private static void CheckWorkspace(PipelineFile file, DiagnosticBag diagnostics)
    {
        if (file.WorkspaceBase is { } mount && !mount.Text.StartsWith('/'))
            diagnostics.Error(DiagnosticCodes.BadValue, mount.Location, "`base` must be an absolute path", "For example `/woodpecker`");
        else if (file.WorkspaceBase is { } place && !WorkspacePaths.MayBeBase(WorkspacePaths.Join(place.Text)))
            diagnostics.Error(DiagnosticCodes.BadValue, place.Location, $"`base` must not be `{WorkspacePaths.Join(place.Text)}`: the files of containers themselves, and the kernel's, are there", "For example `/woodpecker`");
        if (file.WorkspacePath is { } path && (path.Text.StartsWith('/') || path.Text.Split('/').Contains("..")))
            diagnostics.Error(DiagnosticCodes.BadValue, path.Location, "`path` must be relative to `base` and stay below it", "For example `src/example.com/octocat/hello`");
    }

    private static void CheckLabels(YamlNode.Mapping root, DiagnosticBag diagnostics)
    {
        foreach (var label in root.Map("labels")?.Entries.Where(label => PipelineBinder.IsReserved(label.Key)) ?? [])
            diagnostics.Warning(DiagnosticCodes.NoEffect, label.KeyLocation, $"`{label.Key}` is not used: labels that begin with `{PipelineBinder.ReservedLabels}` are not for pipeline files");
    }

    // A list in which one condition was forgotten to be narrowed is a mistake; a single condition may well be meant for every event.
    private static void CheckHabits(IReadOnlyList<WhenFile> conditions, DiagnosticBag diagnostics)
    {
        foreach (var condition in conditions.Where(condition => condition.Event is null && conditions.Any(other => other.Event is not null)))
            diagnostics.Warning(DiagnosticCodes.EveryEvent, condition.Location, "this condition names no `event` and the others do, so it holds for every one, also those still to come", "Add `event:`");
    }

    private static void CheckNames(PipelineFile file, DiagnosticBag diagnostics)
    {
        CheckUnique(file.Services, "service", diagnostics);
        CheckUnique(file.CloneSteps, "clone step", diagnostics);
        if (file.Steps.Any(step => step.DependsOn is not null))
        {
            CheckUnique(file.Steps, "step", diagnostics);
            return;
        }
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var step in file.Steps.Where(step => !seen.Add(step.Name)))
            diagnostics.Warning(DiagnosticCodes.NameMadeUnique, step.Location, $"there is already a step `{step.Name}`; this one gets a number behind its name", "Give it a name of its own");
    }

    private static void CheckUnique(IReadOnlyList<StepFile> steps, string noun, DiagnosticBag diagnostics)
    {
        var seen = new Dictionary<string, StepFile>(StringComparer.Ordinal);
        foreach (var step in steps)
        {
            if (!seen.TryAdd(step.Name, step))
                diagnostics.Error(DiagnosticCodes.DuplicateName, step.Location, string.Create(CultureInfo.InvariantCulture, $"there is already a {noun} `{step.Name}`, in line {seen[step.Name].Location.Line}"), "Give it a name of its own");
        }
    }
}
