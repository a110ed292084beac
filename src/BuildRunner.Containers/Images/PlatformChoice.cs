using BuildRunner.Containers.Engine;

namespace BuildRunner.Containers.Images;

/// <summary>Chooses out of an index the image that fits a host best.</summary>
internal static class PlatformChoice
{
    /// <summary>The manifest to take; among equals the first, as the specification asks.</summary>
    /// <exception cref="ContainerException">None fits.</exception>
    public static BlobDescriptor Choose(ImageDocument.Index index, ImagePlatform host, string subject)
    {
        var fitting = index.Manifests
            .Select(manifest => (Manifest: manifest, Rank: manifest.Platform is { } platform ? host.RankOf(platform) : null))
            .Where(candidate => candidate.Rank is not null)
            .OrderByDescending(candidate => candidate.Rank)
            .Select(candidate => candidate.Manifest)
            .FirstOrDefault();
        if (fitting is not null)
        {
            return fitting;
        }

        // An index with a single image often names no platform.
        if (index.Manifests is [{ Platform: null } only])
        {
            return only;
        }

        var offered = string.Join(", ", index.Manifests.Select(manifest => manifest.Platform?.ToString()).OfType<string>().Where(p => !p.StartsWith("unknown/", StringComparison.Ordinal)).Distinct().Take(20));
        throw new ContainerException(
            ContainerFailure.ImageNotFound,
            $"There is {subject}, but none for {host}{(offered.Length > 0 ? $"; it is offered for {offered}" : "")}. Use another image or tag, or run this step on an agent of such a platform.");
    }
}
