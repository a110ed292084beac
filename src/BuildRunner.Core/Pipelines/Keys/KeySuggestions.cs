namespace BuildRunner.Core.Pipelines.Keys;

/// <summary>What to say of a key that does not exist where it stands.</summary>
internal static class KeySuggestions
{
    private static readonly KeyGroup[] Places = [WorkflowKeys.Workflow, StepKeys.Step, StepKeys.Service, WhenKeys.Condition];

    // What other systems call it.
    private static readonly Dictionary<string, string> OfOthers = new(StringComparer.Ordinal)
    {
        ["kind"] = "That is Drone's; here a file is a workflow, see docs/pipelines/coming-from-drone.md",
        ["type"] = "That is Drone's; here every step runs in a container",
        ["trigger"] = "Drone's `trigger` is `when` here",
        ["node"] = "Drone's `node` is `labels` here",
        ["jobs"] = "That is a file of GitHub Actions; here a file has `steps`",
        ["stages"] = "That is a file of GitLab; here steps are put in order by `depends_on`",
        ["run"] = "Shell commands are `commands` here",
        ["script"] = "Shell commands are `commands` here",
        ["env"] = "Variables are `environment` here",
        ["uses"] = "Plugins are steps with an `image` and `settings` here",
        ["with"] = "Values for a plugin are `settings` here",
        ["needs"] = "Dependencies are `depends_on` here",
        ["if"] = "Conditions are `when` here",
        ["strategy"] = "The matrix is `matrix` of the file",
    };

    private static readonly Dictionary<string, string> OfConditions = new(StringComparer.Ordinal)
    {
        ["tag"] = "Tags are chosen with `event: tag` and `ref: refs/tags/v*`",
        ["environment"] = "Conditions on variables are written with `evaluate`",
        ["target"] = "Deployment targets are compared with `evaluate: 'CI_PIPELINE_DEPLOY_TARGET == \"production\"'`",
    };

    /// <summary>A hint, or null.</summary>
    public static string? For(string key, KeyGroup group)
    {
        if (OfOthers.TryGetValue(key, out var other) && (group == WorkflowKeys.Workflow || group == StepKeys.Step))
            return other;
        if (group == WhenKeys.Condition && OfConditions.TryGetValue(key, out var condition))
            return condition;
        if (Nearest.To(key, group.Keys.Where(known => !known.Hidden).Select(known => known.Name)) is { } near)
            return $"Did you mean `{near}`?";
        var elsewhere = Places.FirstOrDefault(place => place != group && place.Find(key) is { Hidden: false });
        if (elsewhere is not null)
            return $"`{key}` is a key of {elsewhere.Noun}";
        return group == WorkflowKeys.Workflow ? "A place for anchors and notes is `variables`" : null;
    }
}
