using static BuildRunner.Core.Pipelines.Keys.ValueKind;

namespace BuildRunner.Core.Pipelines.Keys;

/// <summary>Kinds that several keys share.</summary>
internal static class CommonKinds
{
    /// <summary>Text that is not empty.</summary>
    public static readonly ValueKind Name = new Text();

    /// <summary>Any text.</summary>
    public static readonly ValueKind Words = new Text(MayBeEmpty: true);

    /// <summary>Text, or a list of texts.</summary>
    public static readonly ValueKind Names = new OneOrMany(Name);

    /// <summary><c>true</c> or <c>false</c>.</summary>
    public static readonly ValueKind Switch = new ValueKind.Boolean();

    /// <summary>A length of time.</summary>
    public static readonly ValueKind Time = new Duration();

    /// <summary>A glob pattern, or a list of them.</summary>
    public static readonly ValueKind Globs = new OneOrMany(new GlobPattern());

    /// <summary>Shell commands.</summary>
    public static readonly ValueKind Commands = new OneOrMany(new Script());

    /// <summary>Patterns to include and to exclude.</summary>
    public static readonly ValueKind Patterns = new AnyOf(Globs, new ValueKind.Keys(new KeyGroup("patterns", "a pattern list",
    [
        new("include", Globs, "One of these must match."),
        new("exclude", Globs, "None of these may match."),
    ])));

    /// <summary>Names of what must have ended first.</summary>
    public static readonly ValueKind Dependencies = new OneOrMany(new AnyOf(Name, new ValueKind.Keys(new KeyGroup("dependency", "a dependency",
    [
        new("name", Name, "Name of the step or workflow.") { Required = true },
        new("optional", Switch, "`true`: if it is not part of the run, that is no obstacle.") { Default = "`false`" },
    ]))));

    /// <summary>Environment variables; a list of <c>NAME=value</c> is the old form.</summary>
    public static readonly ValueKind Environment = new AnyOf(new Map("NAME", new Data()), new List(new Text(MayBeEmpty: true, Later: true)));

    private static readonly KeyDefinition[] ResourceKeys =
    [
        new("cpus", new Fraction(0.01, 1024), "Processors, also a part of one: `0.5`.") { Own = true },
        new("memory", new Size(), "Memory: `512m`, `2g`. Units count in steps of 1024. A step that needs more ends as out of memory.") { Own = true },
        new("pids", new Integer(1, 4_194_304), "Processes and threads at one time.") { Own = true },
    ];

    /// <summary>Limits.</summary>
    public static readonly ValueKind Resources = new ValueKind.Keys(new KeyGroup("resources", "resources", ResourceKeys));

    /// <summary>Limits of a workflow.</summary>
    public static readonly ValueKind WorkflowResources = new ValueKind.Keys(new KeyGroup("workflow_resources", "resources of a workflow",
    [
        .. ResourceKeys,
        new("disk", new Size(16 << 20), "What the workspace, steps and services may write to the disk together: `10g`. So much is set aside for the workflow, and there is no more: who writes on gets the error that no space is left. Needs the engine `oci`.") { Own = true },
    ]));

    /// <summary>Folders kept from one run to the next.</summary>
    public static readonly ValueKind Cache = new OneOrMany(new ValueKind.Keys(new KeyGroup("cache", "a cache",
    [
        new("key", Name, "Names the content; `{{ hashFiles('**/packages.lock.json') }}` stands for a digest of files.") { Required = true, Own = true },
        new("restore_keys", Names, "Beginnings of keys that will do if there is no exact one.") { Own = true },
        new("paths", Names, "Folders and files.") { Required = true, Own = true },
        new("policy", new Choice("pull-push", "pull", "push"), "Whether it is read, written or both.") { Default = "`pull-push`", Own = true },
    ])));
}
