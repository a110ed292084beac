using System.Text.RegularExpressions;

namespace BuildRunner.Core.Planning;

/// <summary>Commits whose messages ask for no run: <c>[CI SKIP]</c> or <c>[SKIP CI]</c>, in any case. For whoever makes runs of events; the planner does not look.</summary>
public static partial class SkipCommit
{
    /// <summary>Whether a message asks for no run. Only pushes and pull requests can.</summary>
    /// <param name="kind">What the run would be for.</param>
    /// <param name="message">The commit's message.</param>
    public static bool Asks(string kind, string message) => (kind == "push" || Events.IsPullRequest(kind)) && Mark().IsMatch(message);

    [GeneratedRegex(@"\[(ci *skip|skip *ci)\]", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Mark();
}
