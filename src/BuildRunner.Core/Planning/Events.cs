using System.Globalization;

namespace BuildRunner.Core.Planning;

/// <summary>Rules about what a run can be for.</summary>
internal static class Events
{
    /// <summary>True for the events of pull requests.</summary>
    public static bool IsPullRequest(string kind) => kind is "pull_request" or "pull_request_closed" or "pull_request_metadata";

    /// <summary>The number in a pull request's ref: <c>refs/pull/7/head</c>.</summary>
    public static long? PullRequestNumber(string reference)
    {
        var number = reference.SkipWhile(character => !char.IsAsciiDigit(character)).TakeWhile(char.IsAsciiDigit).ToArray();
        return long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;
    }
}
