namespace BuildRunner.Containers.Registry;

/// <summary>What proves to a registry who asks.</summary>
/// <param name="User">The user's name; null if <paramref name="Secret"/> is an identity token.</param>
/// <param name="Secret">Password, access token, or identity token.</param>
public sealed record RegistryCredentials(string? User, string Secret)
{
    /// <summary>Where they come from, for messages: a file's path.</summary>
    public string Origin { get; init; } = "the pull's own credentials";

    /// <summary>Without the secret.</summary>
    public override string ToString() => User is null ? $"an identity token from {Origin}" : $"user '{User}' from {Origin}";
}
