using System.Text.Json;
using System.Text.RegularExpressions;

namespace BuildRunner.Server.Api;

/// <summary>What is wrong with a request's body, in the words of whoever wrote it: members and places, not our types.</summary>
internal static partial class BodyProblem
{
    /// <summary>A sentence.</summary>
    public static string Of(JsonException problem)
    {
        var said = problem.Message;
        return Unknown().Match(said) is { Success: true } unknown ? $"the body has a member '{unknown.Groups[1].Value}', which is not known here"
            : Missing().Match(said) is { Success: true } missing ? $"the body has to have {missing.Groups[1].Value.TrimEnd('.')}"
            : Unfit().Match(said) is { Success: true } unfit ? $"the body's value at '{unfit.Groups[1].Value}' is of another kind than is wanted there"
            : $"the body is not of its form: {said}";
    }

    [GeneratedRegex("^The JSON property '([^']*)' could not be mapped")]
    private static partial Regex Unknown();

    [GeneratedRegex("missing required properties including: (.*)$", RegexOptions.Singleline)]
    private static partial Regex Missing();

    [GeneratedRegex(@"could not be converted to .* Path: (\S+)", RegexOptions.Singleline)]
    private static partial Regex Unfit();
}
