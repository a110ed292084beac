namespace BuildRunner.Core.Planning;

/// <summary>What conditions look at.</summary>
/// <param name="Event">What the run is for.</param>
/// <param name="Variables">Variables, for <c>evaluate</c>, and the source of the rest.</param>
/// <param name="Matrix">The values of the cell.</param>
/// <param name="Platform">The workflow's platform; empty: not known.</param>
internal sealed record WhenFacts(RunEvent Event, VariableScope Variables, IReadOnlyDictionary<string, string> Matrix, string Platform)
{
    /// <summary>The commit's message.</summary>
    public string Message => Variables.Get("CI_COMMIT_MESSAGE") ?? "";

    /// <summary>The server's host name.</summary>
    public string Instance => Variables.Get("CI_SYSTEM_HOST") ?? "";
}
