using static BuildRunner.Core.Pipelines.Keys.CommonKinds;
using static BuildRunner.Core.Pipelines.Keys.ValueKind;

namespace BuildRunner.Core.Pipelines.Keys;

/// <summary>The keys of a condition.</summary>
internal static class WhenKeys
{
    /// <summary>Every event a run can be for.</summary>
    public static readonly string[] Events =
        ["push", "pull_request", "pull_request_closed", "pull_request_metadata", "tag", "release", "deployment", "cron", "manual", "webhook"];

    private static readonly ValueKind EventList = new OneOrMany(new Choice(Events));

    /// <summary>One condition.</summary>
    public static readonly KeyGroup Condition = new("when", "a condition",
    [
        new("event", new AnyOf(EventList, new ValueKind.Keys(new KeyGroup("event", "an event list",
            [
                new("include", EventList, "One of these."),
                new("exclude", EventList, "None of these."),
            ]))), "What the run is for."),
        new("branch", Patterns, "The branch; for a pull request the target branch. Not looked at for a tag."),
        new("ref", Patterns, "The full ref, such as `refs/tags/v1`."),
        new("repo", Patterns, "The repository as `owner/name`."),
        new("path", new AnyOf(Globs, new ValueKind.Keys(new KeyGroup("path", "a path condition",
            [
                new("include", Globs, "At least one changed file must match one of these."),
                new("exclude", Globs, "Not all changed files may match these."),
                new("ignore_message", Words, "A commit message that contains this text (whatever its case) makes the condition hold."),
                new("on_empty", Switch, "Whether the condition holds if no file was changed.") { Default = "`true`" },
            ]))), "The changed files. Only looked at for `push` and the events of pull requests."),
        new("cron", Patterns, "The schedule's name. Only looked at for `cron`."),
        new("status", new OneOrMany(new Choice("success", "failure", "cancelled") { Old = ["changed", "fixed", "killed"] }),
            "The state of the workflow in which the step runs (of a workflow: the result of those it depends on). `cancelled` runs it when the run is cancelled.") { Default = "`success`" },
        new("platform", Patterns, "The platform that the workflow runs on, such as `linux/amd64`."),
        new("matrix", new Map("AXIS", Name), "Values of this matrix cell; each may be a pattern. Steps only."),
        new("instance", Patterns, "The server's host name."),
        new("evaluate", new Condition(), "An expression over variables that must be true."),
        new("local", Switch, "Woodpecker's undocumented key for its command line.") { Hidden = true, NoEffect = "BuildRunner runs the same steps locally and on a server" },
    ]);

    /// <summary>One condition, or a list of which one must hold.</summary>
    public static readonly ValueKind When = new OneOrMany(new ValueKind.Keys(Condition));
}
