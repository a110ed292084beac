using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Registry;

namespace BuildRunner.Containers.Storage;

/// <summary>Decides who gets an image that is here and needed credentials: whoever the registry would give it to.</summary>
/// <remarks>
/// The store notes a keyed hash of the credentials to which the registry gave the image. The holder of the same credentials gets it without the registry
/// being asked, for a time; anybody else only after the registry has said yes to him.
/// </remarks>
internal sealed class ImageGrants(StoreLayout layout, TimeSpan recheckAfter, TimeProvider time)
{
    private const int Remembered = 32;

    /// <summary>The verdict of the notes alone.</summary>
    public ImageAccess Judge(ImageNotes notes, string registry, RegistryCredentials? credentials)
    {
        if (notes.Grants is not { } grants)
        {
            return ImageAccess.Granted;
        }

        var holder = HolderOf(registry, credentials);
        return grants.FirstOrDefault(grant => grant.Holder == holder) is not { } own ? ImageAccess.Unknown
            : time.GetUtcNow() - own.At < recheckAfter ? ImageAccess.Granted
            : ImageAccess.Stale;
    }

    /// <summary>The notes after the registry has given the image.</summary>
    /// <param name="notes">The notes so far.</param>
    /// <param name="registry">The registry's host.</param>
    /// <param name="credentials">What was sent; null if nothing was needed: then everybody may have it.</param>
    public ImageNotes Grant(ImageNotes notes, string registry, RegistryCredentials? credentials)
    {
        if (credentials is null)
        {
            return notes with { Grants = null };
        }

        var own = new ImageGrant(HolderOf(registry, credentials), time.GetUtcNow());
        return notes with { Grants = [own, .. (notes.Grants ?? []).Where(grant => grant.Holder != own.Holder).Take(Remembered - 1)] };
    }

    /// <summary>The error for somebody who may not have it.</summary>
    public static ContainerException Denied(ImageReference image, RegistryCredentials? credentials) => new(
        ContainerFailure.AccessDenied,
        $"The image {image} is on this host, but it is private, and the registry has not given it to {credentials?.ToString() ?? "you"}. Log in with: docker login {image.Registry}");

    private string HolderOf(string registry, RegistryCredentials? credentials) => new CredentialHolder(Path.Combine(layout.Root, "grants.key")).Of(registry, credentials);
}

/// <summary>Whether somebody may have an image that is here.</summary>
internal enum ImageAccess
{
    /// <summary>Yes.</summary>
    Granted,

    /// <summary>The registry gave it to the same credentials, some time ago.</summary>
    Stale,

    /// <summary>The registry has not been asked for these credentials.</summary>
    Unknown,
}
