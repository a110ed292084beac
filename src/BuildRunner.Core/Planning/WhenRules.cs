using BuildRunner.Core.Expressions;
using BuildRunner.Core.Pipelines;

namespace BuildRunner.Core.Planning;

/// <summary>
/// Whether something runs for an event. The conditions of a list are alternatives, the keys of one must all hold
/// (Woodpecker's documentation, «when - Conditional Execution»). Pure.
/// </summary>
internal static class WhenRules
{
    /// <summary>Judges the conditions of a step or a workflow.</summary>
    /// <param name="conditions">The conditions; none: it runs.</param>
    /// <param name="facts">What they look at.</param>
    public static WhenVerdict Judge(IReadOnlyList<WhenFile> conditions, WhenFacts facts)
    {
        if (conditions.Count == 0)
            return new WhenVerdict(null, new HashSet<string> { "success" }, []);
        var verdicts = new List<ConditionVerdict>();
        var status = new HashSet<string>();
        foreach (var condition in conditions)
        {
            var obstacle = Obstacle(condition, facts);
            verdicts.Add(new ConditionVerdict(condition.Location, obstacle is null, obstacle));
            if (obstacle is null)
                status.UnionWith(condition.Status.Count == 0 ? ["success"] : condition.Status);
        }
        return new WhenVerdict(verdicts.Any(verdict => verdict.Holds) ? null : Reason(verdicts), status, verdicts);
    }

    private static string Reason(List<ConditionVerdict> verdicts) => verdicts.Count == 1
        ? verdicts[0].Because!
        : $"none of its {verdicts.Count} conditions holds: {string.Join("; ", verdicts.Select(verdict => verdict.Because).Distinct())}";

    // Null: the condition holds. Otherwise the first thing that does not.
    private static string? Obstacle(WhenFile when, WhenFacts facts) =>
        Words("event", when.Event, facts.Event.Kind)
        ?? (facts.Event.Kind == "tag" ? null : Patterns("branch", when.Branch, facts.Event.Branch))
        ?? Patterns("ref", when.Ref, facts.Event.Ref)
        ?? Patterns("repository", when.Repo, facts.Event.Repository)
        ?? (facts.Event.Kind == "cron" ? Patterns("schedule", when.Cron, facts.Event.Cron ?? "") : null)
        ?? Patterns("platform", when.Platform, facts.Platform)
        ?? Patterns("server", when.Instance, facts.Instance)
        ?? Matrix(when, facts)
        ?? (facts.Event.Kind == "push" || Events.IsPullRequest(facts.Event.Kind) ? Paths(when.Path, facts) : null);

    private static string? Words(string noun, PatternsFile? words, string value)
    {
        if (words is null)
            return null;
        if (words.Exclude.Contains(value))
            return $"the {noun} is `{value}`, which is excluded";
        return words.Include.Count == 0 || words.Include.Contains(value) ? null : $"the {noun} is `{value}`, not {List(words.Include)}";
    }

    private static string? Patterns(string noun, PatternsFile? patterns, string value)
    {
        if (patterns is null)
            return null;
        var said = value.Length == 0 ? $"the {noun} is not known" : $"the {noun} is `{value}`";
        if (patterns.Exclude.Any(pattern => Matches(pattern, value)))
            return $"{said}, which is excluded";
        return patterns.Include.Count == 0 || patterns.Include.Any(pattern => Matches(pattern, value)) ? null : $"{said}, not {List(patterns.Include)}";
    }

    private static string? Matrix(WhenFile when, WhenFacts facts)
    {
        foreach (var (axis, pattern) in when.Matrix)
        {
            var value = facts.Matrix.GetValueOrDefault(axis, "");
            if (!Matches(pattern, value))
                return $"{axis} is `{value}` in this cell, not `{pattern}`";
        }
        return null;
    }

    private static string? Paths(PathsFile? paths, WhenFacts facts)
    {
        if (paths is null || facts.Event.ChangedFiles is not { } files)
            return null;
        if (paths.IgnoreMessage.Length > 0 && facts.Message.Contains(paths.IgnoreMessage, StringComparison.OrdinalIgnoreCase))
            return null;
        if (files.Count == 0)
            return paths.OnEmpty ? null : "no file was changed";
        var exclude = Parse(paths.Patterns.Exclude);
        if (exclude.Count > 0 && files.All(file => exclude.Any(pattern => pattern.Matches(file))))
            return "all changed files are excluded";
        var include = Parse(paths.Patterns.Include);
        return paths.Patterns.Include.Count == 0 || files.Any(file => include.Any(pattern => pattern.Matches(file)))
            ? null
            : $"no changed file matches {List(paths.Patterns.Include)}";
    }

    private static bool Matches(string pattern, string value) => Glob.Parse(pattern, out _)?.Matches(value) ?? false;

    private static IReadOnlyList<Glob> Parse(IReadOnlyList<string> patterns) => [.. patterns.Select(pattern => Glob.Parse(pattern, out _)).OfType<Glob>()];

    private static string List(IReadOnlyList<string> words)
    {
        var shown = words.Take(5).Select(word => $"`{word}`").ToList();
        if (words.Count > shown.Count)
            shown.Add("…");
        return string.Join(" or ", shown);
    }
}

/// <summary>What <see cref="WhenRules"/> found.</summary>
/// <param name="SkipReason">Why it does not run, as a sentence without a capital letter and full stop; null: it runs.</param>
/// <param name="Status">States in which it runs.</param>
/// <param name="Conditions">Each condition's verdict.</param>
internal sealed record WhenVerdict(string? SkipReason, IReadOnlySet<string> Status, IReadOnlyList<ConditionVerdict> Conditions);
