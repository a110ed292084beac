using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace BuildRunner.Containers.Images;

/// <summary>What <c>image:</c> names: a registry's image, or one of this host (language.md, "Images").</summary>
/// <remarks>Immutable. <see cref="TryParse"/> is the only way to make one.</remarks>
public sealed partial record ImageReference
{
    private ImageReference(ImageTransport transport, string location)
    {
        Transport = transport;
        Location = location;
    }

    /// <summary>Where the image comes from.</summary>
    public ImageTransport Transport { get; }

    /// <summary>For a registry: <c>host/repository</c>. Otherwise the path as it was written, made absolute where a base directory was given.</summary>
    public string Location { get; }

    /// <summary>Registry host with port, <c>docker.io</c> if none was written; empty for other transports.</summary>
    public string Registry { get; private init; } = "";

    /// <summary>Repository below the registry (<c>library/alpine</c>); empty for other transports.</summary>
    public string Repository { get; private init; } = "";

    /// <summary>The tag, or the name within a layout or archive; <c>latest</c> if a registry reference has neither tag nor digest.</summary>
    public string? Tag { get; private init; }

    /// <summary>The digest that was written, which wins over the tag.</summary>
    public Digest? Digest { get; private init; }

    /// <summary>True if the same text can mean another image tomorrow.</summary>
    public bool IsMutable => Transport == ImageTransport.Docker && Digest is null;

    /// <summary>Reads a reference.</summary>
    /// <param name="text">What was written.</param>
    /// <param name="baseDirectory">Relative paths of <c>oci:</c>, archives and <c>rootfs:</c> start here; null: they must be absolute.</param>
    /// <param name="reference">The reference.</param>
    /// <param name="problem">What is wrong with it, as a clause: "the repository name has upper-case letters".</param>
    public static bool TryParse(
        string text,
        string? baseDirectory,
        [NotNullWhen(true)] out ImageReference? reference,
        [NotNullWhen(false)] out string? problem)
    {
        reference = null;
        if (text.Length is 0 or > 512 || text.Any(c => c is <= ' ' or (char)127))
        {
            problem = text.Length == 0 ? "it is empty" : "it is too long or has blanks or control characters";
            return false;
        }

        foreach (var (prefix, transport) in PathTransports)
        {
            if (text.StartsWith(prefix, StringComparison.Ordinal))
            {
                return TryParsePath(transport, text[prefix.Length..], baseDirectory, out reference, out problem);
            }
        }

        var rest = text.StartsWith("docker://", StringComparison.Ordinal) ? text["docker://".Length..] : text;
        if (rest.Contains("://", StringComparison.Ordinal))
        {
            problem = $"the transport '{rest[..rest.IndexOf("://", StringComparison.Ordinal)]}' is not known; known are docker://, oci:, oci-archive:, docker-archive: and rootfs:";
            return false;
        }

        return TryParseRegistry(rest, out reference, out problem);
    }

    /// <summary>The same image without its digest, for display beside one.</summary>
    public ImageReference WithoutDigest() => this with { Digest = null };

    /// <summary>The same image by digest.</summary>
    public ImageReference WithDigest(Digest digest) => this with { Digest = digest };

    /// <summary>As a person would write it, short names short.</summary>
    public override string ToString()
    {
        if (Transport != ImageTransport.Docker)
        {
            var prefix = PathTransports.First(t => t.Transport == Transport).Prefix;
            return prefix + Location + (Tag is null ? "" : ":" + Tag);
        }

        var name = Registry == DefaultRegistry
            ? Repository.StartsWith("library/", StringComparison.Ordinal) ? Repository["library/".Length..] : Repository
            : $"{Registry}/{Repository}";
        return name + (Tag is null ? "" : ":" + Tag) + (Digest is { } digest ? "@" + digest : "");
    }

    /// <summary>The registry that a name without one means.</summary>
    public const string DefaultRegistry = "docker.io";

    private static readonly (string Prefix, ImageTransport Transport)[] PathTransports =
    [
        ("oci-archive:", ImageTransport.OciArchive),
        ("docker-archive:", ImageTransport.DockerArchive),
        ("oci:", ImageTransport.OciLayout),
        ("rootfs:", ImageTransport.RootFileSystem),
    ];

    private static bool TryParsePath(
        ImageTransport transport,
        string rest,
        string? baseDirectory,
        [NotNullWhen(true)] out ImageReference? reference,
        [NotNullWhen(false)] out string? problem)
    {
        reference = null;
        var (path, tag) = (rest, (string?)null);
        // The first colon, as skopeo has it: a name may hold colons and slashes (docker-archive:FILE:docker.io/library/alpine:3).
        if (transport != ImageTransport.RootFileSystem && rest.IndexOf(':') is var colon and > 0)
        {
            (path, tag) = (rest[..colon], rest[(colon + 1)..]);
        }

        if (tag is "")
        {
            problem = "the name after ':' is missing";
            return false;
        }

        if (path.Length == 0)
        {
            problem = "the path is missing";
            return false;
        }

        if (!Path.IsPathRooted(path))
        {
            if (baseDirectory is null)
            {
                problem = "the path must be absolute";
                return false;
            }

            path = Path.Combine(baseDirectory, path);
        }

        problem = null;
        reference = new ImageReference(transport, Path.GetFullPath(path)) { Tag = tag };
        return true;
    }

    private static bool TryParseRegistry(string text, [NotNullWhen(true)] out ImageReference? reference, [NotNullWhen(false)] out string? problem)
    {
        reference = null;
        var (name, digest) = (text, (Digest?)null);
        if (text.IndexOf('@') is var at and >= 0)
        {
            if (!Images.Digest.TryParse(text[(at + 1)..], out var parsed))
            {
                problem = "the digest after '@' is not 'sha256:' and 64 lower-case hexadecimal digits";
                return false;
            }

            (name, digest) = (text[..at], parsed);
        }

        string? tag = null;
        if (name.LastIndexOf(':') is var colon and >= 0 && colon > name.LastIndexOf('/'))
        {
            (name, tag) = (name[..colon], name[(colon + 1)..]);
            if (!TagPattern().IsMatch(tag))
            {
                problem = $"'{tag}' is not a tag: letters, digits, '_', '.' and '-', at most 128, not starting with '.' or '-'";
                return false;
            }
        }

        var (registry, repository) = SplitRegistry(name);
        if (!HostPattern().IsMatch(registry))
        {
            problem = $"'{registry}' is not a registry host";
            return false;
        }

        if (!RepositoryPattern().IsMatch(repository) || repository.Length > 255)
        {
            problem = repository.Any(char.IsAsciiLetterUpper)
                ? $"the repository name '{repository}' has upper-case letters"
                : $"'{repository}' is not a repository name";
            return false;
        }

        problem = null;
        reference = new ImageReference(ImageTransport.Docker, $"{registry}/{repository}")
        {
            Registry = registry,
            Repository = repository,
            Tag = tag ?? (digest is null ? "latest" : null),
            Digest = digest,
        };
        return true;
    }

    private static (string Registry, string Repository) SplitRegistry(string name)
    {
        var slash = name.IndexOf('/');
        var first = slash < 0 ? "" : name[..slash];
        var isHost = first == "localhost" || first.AsSpan().IndexOfAny('.', ':') >= 0 || first.Any(char.IsAsciiLetterUpper);
        if (!isHost)
        {
            return (DefaultRegistry, slash < 0 ? "library/" + name : name);
        }

        var registry = first is "index.docker.io" or "registry-1.docker.io" ? DefaultRegistry : first;
        var repository = name[(slash + 1)..];
        return (registry, registry == DefaultRegistry && !repository.Contains('/') ? "library/" + repository : repository);
    }

    [GeneratedRegex(@"\A[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\z")]
    private static partial Regex TagPattern();

    [GeneratedRegex(@"\A(\[[0-9a-fA-F:]+\]|[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*)(:[0-9]{1,5})?\z")]
    private static partial Regex HostPattern();

    [GeneratedRegex(@"\A[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*\z")]
    private static partial Regex RepositoryPattern();
}

/// <summary>Where an image comes from, in the manner of skopeo.</summary>
public enum ImageTransport
{
    /// <summary>A registry that speaks the distribution specification.</summary>
    Docker,

    /// <summary>An OCI image layout in a directory.</summary>
    OciLayout,

    /// <summary>An OCI image layout in a tar archive.</summary>
    OciArchive,

    /// <summary>What <c>docker save</c> writes.</summary>
    DockerArchive,

    /// <summary>A directory tree of this host as a read-only image.</summary>
    RootFileSystem,
}
