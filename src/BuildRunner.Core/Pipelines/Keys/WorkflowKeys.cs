using static BuildRunner.Core.Pipelines.Keys.CommonKinds;
using static BuildRunner.Core.Pipelines.Keys.ValueKind;

namespace BuildRunner.Core.Pipelines.Keys;

/// <summary>The keys of a file: one workflow.</summary>
internal static class WorkflowKeys
{
    private static readonly ValueKind StepList = new AnyOf(
        new Map("NAME", new ValueKind.Keys(StepKeys.Step), 1),
        new List(new ValueKind.Keys(StepKeys.Step), 1));

    private static readonly ValueKind Cells = new List(new Map("AXIS", Words, 1), 1);

    /// <summary>A matrix.</summary>
    public static readonly KeyGroup Matrix = new("matrix", "a matrix",
    [
        new("include", Cells, "The cells, each with its values, instead of the product of the axes."),
        new("exclude", Cells, "Cells of the product to leave out; a cell is left out if it has all the values of an entry.") { Own = true },
        new("max_parallel", new Integer(1, 256), "How many cells may run at one time.") { Own = true },
        new("fail_fast", Switch, "`true`: the first cell that fails cancels the others.") { Default = "`false`", Own = true },
    ])
    { Others = new OneOrMany(Words, 1) };

    private static readonly KeyGroup Input = new("input", "an input",
    [
        new("type", new Choice("string", "boolean", "number", "choice"), "What values it takes.") { Default = "`string`", Own = true },
        new("description", Words, "Said to the person who is asked.") { Own = true },
        new("default", Words, "Value if none is given.") { Own = true },
        new("options", Names, "The values of a `choice`.") { Own = true },
        new("required", Switch, "`true`: a run without a value is refused.") { Default = "`false`", Own = true },
    ]);

    /// <summary>A workflow.</summary>
    public static readonly KeyGroup Workflow = new("workflow", "a workflow",
    [
        new("steps", StepList, "The steps, as a list or as a mapping from name to step. At least one."),
        new("services", new AnyOf(
            new Map("NAME", new ValueKind.Keys(StepKeys.Service)),
            new List(new ValueKind.Keys(StepKeys.Service))), "Containers that live as long as the workflow, reached by their names."),
        new("when", WhenKeys.When, "Conditions; if none holds, the workflow is not part of the run."),
        new("depends_on", Dependencies, "Workflows that must have ended first, by file name without extension."),
        new("runs_on", new OneOrMany(new Choice("success", "failure")), "Results of those it depends on under which it runs.") { Deprecated = "`when: {status: [...]}`" },
        new("matrix", new ValueKind.Keys(Matrix), "Runs the workflow once for each combination of values."),
        new("labels", new Map("NAME", Words), "What an agent must have. `platform: linux/arm64` asks for a platform."),
        new("concurrency", new AnyOf(new Integer(1, int.MaxValue), new ValueKind.Keys(new KeyGroup("concurrency", "a concurrency limit",
            [
                new("limit", new Integer(1, int.MaxValue), "How many at one time.") { Required = true },
                new("group", Name, "Workflows of the same group count together, over all runs of a repository.") { Default = "the workflow's name" },
            ]))), "How many workflows of a group may run at the same time; the others wait."),
        new("workspace", new ValueKind.Keys(new KeyGroup("workspace", "a workspace",
            [
                new("base", Name, "Where the shared volume is mounted.") { Default = "`/woodpecker`" },
                new("path", Name, "The repository's folder below it.") { Default = "`src/HOST/OWNER/NAME`" },
            ])
            { Others = new Anything(), OthersDeprecated = "it is not used" }), "Where the source lies in the containers."),
        new("clone", new AnyOf(
            new Map("NAME", new ValueKind.Keys(StepKeys.Clone)),
            new List(new ValueKind.Keys(StepKeys.Clone))), "Replaces the step that fetches the source."),
        new("skip_clone", Switch, "`true`: the source is not fetched. A local run has the working tree in any case.") { Default = "`false`" },
        new("variables", new Anything(), "A place for YAML anchors; not looked at."),
        new("inputs", new Map("NAME", new ValueKind.Keys(Input)), "Values that a manual, API or webhook run is given. Each is `${NAME}` and an environment variable.") { Own = true },
        new("timeout", Time, "Wall-clock limit of the workflow.") { Own = true },
        new("resources", WorkflowResources, "Limits of all steps together.") { Own = true },
        new("cache", Cache, "Folders kept from one run to the next, for every step.") { Own = true, NoEffect = "it does nothing yet" },
        new("pipeline", StepList, "The steps.") { Deprecated = "`steps`" },
        new("branches", Patterns, "Branches.") { Deprecated = "`when: {branch: ...}`" },
        new("platform", Name, "The platform.") { Deprecated = "`labels: {platform: ...}`" },
        new("$schema", Name, "The schema, for editors.") { Hidden = true },
        new("version", Name, "Version of the format.") { Hidden = true, NoEffect = "there is only one version" },
    ]);

    /// <summary>What a file is.</summary>
    public static readonly ValueKind File = new ValueKind.Keys(Workflow);
}
