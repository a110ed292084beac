namespace BuildRunner.Server.Secrets;

/// <summary>Compares images by what they are in a registry: <c>plugins/docker</c> is <c>docker.io/plugins/docker</c>, with any tag unless the pattern names one.</summary>
internal static class ImagePattern
{
    private const string DefaultRegistry = "docker.io";
    private const string DefaultTag = "latest";
    private static readonly string[] Transports = ["oci:", "oci-archive:", "docker-archive:", "rootfs:"];

    /// <summary>Whether an image is the one that a rule means. Images that are files or trees of the machine never are.</summary>
    /// <param name="pattern">An image, with tag or digest if only that one is meant.</param>
    /// <param name="image">A step's image.</param>
    public static bool Matches(string pattern, string image)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        ArgumentNullException.ThrowIfNull(image);
        return Read(pattern) is { } wanted && Read(image) is { } given
            && wanted.Name == given.Name
            && (wanted.Tag is null || wanted.Tag == (given.Tag ?? (given.Digest is null ? DefaultTag : null)))
            && (wanted.Digest is null || wanted.Digest == given.Digest);
    }

    private static (string Name, string? Tag, string? Digest)? Read(string text)
    {
        var rest = text.StartsWith("docker://", StringComparison.Ordinal) ? text["docker://".Length..] : text;
        var at = rest.IndexOf('@', StringComparison.Ordinal);
        var digest = at < 0 ? null : rest[(at + 1)..];
        rest = at < 0 ? rest : rest[..at];
        var colon = rest.IndexOf(':', rest.LastIndexOf('/') + 1);
        var tag = colon < 0 ? null : rest[(colon + 1)..];
        var name = colon < 0 ? rest : rest[..colon];
        return name.Length == 0 || tag is "" || IsTransport(text) ? null : (FullName(name), tag, digest);
    }

    private static bool IsTransport(string text) => Transports.Any(prefix => text.StartsWith(prefix, StringComparison.Ordinal));

    private static string FullName(string name)
    {
        var slash = name.IndexOf('/', StringComparison.Ordinal);
        var host = slash < 0 ? "" : name[..slash];
        var hasRegistry = host == "localhost" || host.Contains('.', StringComparison.Ordinal) || host.Contains(':', StringComparison.Ordinal);
        var registry = hasRegistry ? host.ToLowerInvariant() : DefaultRegistry;
        registry = registry is "index.docker.io" or "registry-1.docker.io" ? DefaultRegistry : registry;
        var path = hasRegistry ? name[(slash + 1)..] : name;
        return registry == DefaultRegistry && !path.Contains('/', StringComparison.Ordinal) ? $"{registry}/library/{path}" : $"{registry}/{path}";
    }
}
