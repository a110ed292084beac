namespace BuildRunner.Core.AgentContract;

/// <summary>The keys that ssh offers if nobody names one.</summary>
/// <remarks>
/// ssh looks for them in the home that the host's list of users has for its process, which in a user namespace is root's. Whoever starts it there has to name them.
/// </remarks>
public static class HomeKeys
{
    private static readonly string[] Names = ["id_ed25519", "id_ecdsa", "id_rsa", "id_ed25519_sk", "id_ecdsa_sk"];

    /// <summary>Those that are in this process's home; none if it has no home.</summary>
    public static IReadOnlyList<string> Find() => Environment.GetEnvironmentVariable("HOME") is ['/', ..] home ? [.. Names.Select(n => Path.Combine(home, ".ssh", n)).Where(File.Exists)] : [];
}
