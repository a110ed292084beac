namespace BuildRunner.Core.Planning;

/// <summary>How the image of a step is built: <c>image: {build: …}</c>.</summary>
/// <param name="Directory">The folder with what goes into it, relative to the repository.</param>
public sealed record ImageBuildPlan(string Directory)
{
    /// <summary>The Dockerfile, relative to the repository; null: <c>Dockerfile</c> in the folder.</summary>
    public string? File { get; init; }

    /// <summary>Values for <c>ARG</c>.</summary>
    public IReadOnlyDictionary<string, string> Arguments { get; init; } = new Dictionary<string, string>();

    /// <summary>The stage to stop at; null: the last.</summary>
    public string? Target { get; init; }
}
