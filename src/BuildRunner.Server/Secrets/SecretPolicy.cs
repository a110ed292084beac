using System.IO.Enumeration;

namespace BuildRunner.Server.Secrets;

/// <summary>Which secrets a step gets. Pure: what is allowed is decided from stored settings and authenticated facts only.</summary>
public static class SecretPolicy
{
    /// <summary>Decides for each name that a step asks for.</summary>
    /// <param name="names">The names.</param>
    /// <param name="candidates">The secrets of the repository, its organisation and the installation.</param>
    /// <param name="audience">Who asks.</param>
    public static SecretGrants Select(IEnumerable<string> names, IReadOnlyCollection<StoredSecret> candidates, SecretAudience audience)
    {
        ArgumentNullException.ThrowIfNull(names);
        ArgumentNullException.ThrowIfNull(candidates);
        ArgumentNullException.ThrowIfNull(audience);
        var granted = new Dictionary<string, StoredSecret>(StringComparer.Ordinal);
        var refused = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var name in names.Distinct(StringComparer.Ordinal))
        {
            if (audience.Withheld is { } withheld)
                refused[name] = $"the secret '{name}' is withheld: {withheld}";
            else if (Nearest(name, candidates) is not { } secret)
                refused[name] = $"there is no secret '{name}' for this repository; make it with: buildrunner secret set {name}{(audience.Repository is { } repository ? $" --repo {repository}" : "")}";
            else if (WhyNot(secret, audience) is { } why)
                refused[name] = $"the secret '{name}' ({secret.Level}) is withheld: {why}";
            else
                granted[name] = secret;
        }
        return new(granted, refused);
    }

    // The nearest first, then its rules: a repository's secret that is not for this event is not replaced by the organisation's of the same name.
    private static StoredSecret? Nearest(string name, IReadOnlyCollection<StoredSecret> candidates) =>
        candidates.Where(secret => string.Equals(secret.Name, name, StringComparison.OrdinalIgnoreCase)).MaxBy(secret => secret.Level.Nearness);

    private static string? WhyNot(StoredSecret secret, SecretAudience audience)
    {
        var rules = secret.Rules;
        if (rules.Events.Count > 0 && !rules.Events.Contains(audience.Event, StringComparer.Ordinal))
            return $"its setting 'events' allows {string.Join(", ", rules.Events)}, this is {audience.Event}";
        if (rules.Branches.Count > 0 && !rules.Branches.Any(pattern => FileSystemName.MatchesSimpleExpression(pattern, audience.Branch, ignoreCase: false)))
            return $"its setting 'branches' allows {string.Join(", ", rules.Branches)}, this is {(audience.Branch.Length > 0 ? audience.Branch : "no branch")}";
        if (rules.Images.Count == 0)
            return null;
        // A step with commands of its own could print it, whatever its image.
        if (!audience.RunsImageAsItIs)
            return "its setting 'images' gives it to plugin steps only, and this one has commands, an entry point, an environment or a health check of its own, or is none";
        return rules.Images.Any(pattern => ImagePattern.Matches(pattern, audience.Image))
            ? null
            : $"its setting 'images' allows {string.Join(", ", rules.Images)}, this step's image is {audience.Image}";
    }
}
