namespace BuildRunner.Server.Secrets;

/// <summary>Who gets a secret. An empty list allows all; runs of strangers never get any.</summary>
public sealed record SecretRules
{
    /// <summary>Events.</summary>
    public IReadOnlyList<string> Events { get; init; } = [];

    /// <summary>Branches, as patterns.</summary>
    public IReadOnlyList<string> Branches { get; init; } = [];

    /// <summary>Images without tag and digest; if any is listed, only plugin steps of that image get the secret.</summary>
    public IReadOnlyList<string> Images { get; init; } = [];
}
