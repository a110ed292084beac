namespace BuildRunner.Core.Pipelines.Keys;

/// <summary>What to say of a key that does not exist where it stands.</summary>
internal static class KeySuggestions
{
    private static readonly KeyGroup[] Places = [WorkflowKeys.Workflow, StepKeys.Step, StepKeys.Service, WhenKeys.Condition];

    /// <summary>A hint, or null.</summary>
    public static string? For(string key, KeyGroup group)
    {
        if (Nearest.To(key, group.Keys.Where(known => !known.Hidden).Select(known => known.Name)) is { } near)
            return $"Did you mean `{near}`?";
        var elsewhere = Places.FirstOrDefault(place => place != group && place.Find(key) is { Hidden: false });
        if (elsewhere is not null)
            return $"`{key}` is a key of {elsewhere.Noun}";
        return group == WorkflowKeys.Workflow ? "A place for anchors and notes is `variables`" : null;
    }
}
