using BuildRunner.Core.Expressions;
using BuildRunner.Core.Expressions.Conditions;
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
            return new WhenVerdict(null, new HashSet<string> { "success" }, [], null, []);
        var verdicts = new List<ConditionVerdict>();
        var holding = new List<LateTerm>();
        var problems = new List<TextFile>();
        foreach (var condition in conditions)
        {
            string? late = null;
            var obstacle = Obstacle(condition, facts) ?? Evaluate(condition.Evaluate, facts, problems, out late);
            verdicts.Add(new ConditionVerdict(condition.Location, obstacle is null, obstacle));
            if (obstacle is null)
                holding.Add(new LateTerm(condition.Status.Count == 0 ? ["success"] : condition.Status, late));
        }
        var status = holding.SelectMany(term => term.Status).ToHashSet();
        return new WhenVerdict(verdicts.Any(verdict => verdict.Holds) ? null : Reason(verdicts), status, verdicts, LateTerm.Join(holding), problems);
    }

    // Null: the expression holds, or will be judged when the step is due: then its text is in `late`.
    private static string? Evaluate(TextFile? condition, WhenFacts facts, List<TextFile> problems, out string? late)
    {
        late = null;
        if (condition is null || Expression.Parse(condition.Text, out _) is not { } expression)
            return null;
        if (expression.Outputs.Count > 0)
        {
            late = expression.Bind(name => name == LateCondition.StatusVariable ? null : facts.Variables.Get(name) ?? "", out var reason);
            if (late is null)
                problems.Add(new TextFile(reason!, condition.Location));
            return null;
        }
        var holds = expression.Holds(new ExpressionScope(facts.Variables.Get, facts.Variables.Values.Keys, null), out var problem);
        if (holds is null)
            problems.Add(new TextFile($"the expression cannot be evaluated: {problem}", condition.Location));
        return holds == false ? $"`{Short(condition.Text)}` is false" : null;
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

    private static string Short(string text) => text.Length <= 80 ? text : text[..77] + "...";

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
/// <param name="LateCondition">What must hold besides when the step is due; null: nothing.</param>
/// <param name="Problems">Expressions that cannot be evaluated: why, and where.</param>
internal sealed record WhenVerdict(string? SkipReason, IReadOnlySet<string> Status, IReadOnlyList<ConditionVerdict> Conditions, string? LateCondition, IReadOnlyList<TextFile> Problems);

/// <summary>A condition that holds as far as it can be told before the run.</summary>
/// <param name="Status">States in which the step runs by it.</param>
/// <param name="Late">The rest of it; null: nothing.</param>
internal sealed record LateTerm(IReadOnlyList<string> Status, string? Late)
{
    /// <summary>What must hold when the step is due, if any of several conditions is to hold; null: nothing.</summary>
    public static string? Join(IReadOnlyList<LateTerm> terms)
    {
        if (terms.All(term => term.Late is null))
            return null;
        var all = terms.SelectMany(term => term.Status).ToHashSet();
        if (terms.Any(term => term.Late is null && all.SetEquals(term.Status)))
            return null;
        if (terms.All(term => all.SetEquals(term.Status)))
            return string.Join(" or ", terms.Select(term => term.Late));
        return string.Join(" or ", terms.Select(term =>
            $"({LateCondition.StatusVariable} in [{string.Join(", ", term.Status.Select(word => $"\"{word}\""))}]{(term.Late is null ? "" : " and " + term.Late)})"));
    }
}
