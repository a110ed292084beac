using BuildRunner.Containers.Images;
using BuildRunner.Containers.Registry;
using BuildRunner.Containers.Storage;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>Decides who gets an image that BuildRunner had an engine pull with credentials: whoever the registry would give it to. The engine itself gives it to everybody.</summary>
/// <remarks>As <see cref="ImageGrants"/> does for the store of the embedded engine. What people have put into the engine themselves is not asked about.</remarks>
/// <param name="pulled">What was pulled, and for whom.</param>
/// <param name="registries">How registries are asked.</param>
/// <param name="credentials">The caller's login for an image.</param>
/// <param name="time">The clock.</param>
internal sealed class PrivateImages(
    PulledImages pulled, RegistryOptions registries, Func<ImageReference, CancellationToken, Task<RegistryCredentials?>> credentials, TimeProvider time)
{
    // Nobody's name: whoever comes with it, the registry is asked.
    private const string Unknown = "?";
    private static readonly TimeSpan RecheckAfter = TimeSpan.FromHours(1);

    /// <summary>The name of whoever holds a login; null without one.</summary>
    public string? HolderOf(ImageReference image, RegistryCredentials? login)
    {
        try
        {
            return login is null ? null : new CredentialHolder(pulled.KeyFile).Of(image.Registry, login);
        }
        catch (Exception unusable) when (unusable is IOException or UnauthorizedAccessException)
        {
            // A pull must not fail for what cannot be written down.
            return Unknown;
        }
    }

    /// <summary>Makes sure that the caller may have an image that is in the engine.</summary>
    /// <exception cref="ContainerException">It is private, and the registry does not give it to the caller.</exception>
    public async Task CheckAsync(ImageReference image, string stored, Digest? digest, PullPolicy policy, CancellationToken cancellationToken)
    {
        var holders = await pulled.HoldersOfAsync(stored, cancellationToken);
        if (holders.Count == 0)
        {
            return;
        }

        var login = await credentials(image, cancellationToken);
        var caller = HolderOf(image, login);
        var own = holders.FirstOrDefault(h => h.Holder == caller && caller != Unknown);
        var isKnown = own.Holder is not null;
        if (isKnown && (policy == PullPolicy.Never || time.GetUtcNow() - own.At < RecheckAfter))
        {
            return;
        }

        if (policy == PullPolicy.Never || digest is not { } manifest)
        {
            throw ImageGrants.Denied(image, login);
        }

        try
        {
            await AskAsync(image, stored, manifest, login, cancellationToken);
        }
        catch (ContainerException away) when (away.Reason == ContainerFailure.RegistryUnavailable && isKnown)
        {
            // The same credentials were good a while ago; a registry that is down must not stop every build.
        }
    }

    private async Task AskAsync(ImageReference image, string stored, Digest manifest, RegistryCredentials? login, CancellationToken cancellationToken)
    {
        using var transport = new RegistryTransport(registries);
        var address = await transport.AddressOfAsync(image.Registry, cancellationToken);
        using var repository = new RegistryRepository(transport, address, image.Repository, login, time, null);
        if (!await repository.HasManifestAsync(manifest.ToString(), $"the image {image}", cancellationToken))
        {
            throw ImageGrants.Denied(image, login);
        }

        await pulled.GrantAsync(stored, repository.NeededCredentials ? HolderOf(image, login) : null, cancellationToken);
    }
}
