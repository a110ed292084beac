using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Registry;

namespace BuildRunner.Containers.Storage;

/// <summary>Gets one image of a registry, from the store or from the registry, as the policy says.</summary>
internal sealed class ImagePull(StoreParts parts, ImageReference image, PullOptions options, IProgress<PullProgress>? progress)
{
    private readonly string _subject = $"the image {image}";
    private readonly PullCounter _counter = new(progress);
    private readonly CredentialFiles _files = new(parts.Options.Registry with { UseCredentialFiles = parts.Options.Registry.UseCredentialFiles && options.UseCredentialFiles });

    /// <summary>True if a registry was asked for the image, not only the store.</summary>
    public bool HasLoaded { get; private set; }

    /// <summary>Runs the pull.</summary>
    public async Task<ResolvedImage> RunAsync(CancellationToken cancellationToken)
    {
        _counter.Resolving();
        if (options.Policy != PullPolicy.Always && await FromStoreAsync(cancellationToken).ConfigureAwait(false) is { } here)
        {
            return here;
        }

        if (options.Policy == PullPolicy.Never)
        {
            throw new ContainerException(
                ContainerFailure.ImageNotFound, $"The image {image} is not on this host, and the pull policy is 'never'. Get it with: buildrunner image pull {image}");
        }

        using var held = await StoreLock.AcquireAsync(parts.Layout.ImageLock(image.ToString()), shared: false, parts.Time, cancellationToken).ConfigureAwait(false);
        // Somebody else may have pulled it while this waited.
        if (options.Policy == PullPolicy.Missing && await FromStoreAsync(cancellationToken).ConfigureAwait(false) is { } now)
        {
            return now;
        }

        return await FromRegistryAsync(cancellationToken).ConfigureAwait(false);
    }

    private async Task<ResolvedImage?> FromStoreAsync(CancellationToken cancellationToken)
    {
        if (parts.Records.Find(image) is not { } notes || StoredImages.Resolve(parts, image, notes) is not { } resolved)
        {
            return null;
        }

        if (notes.Grants is not null)
        {
            await CheckAccessAsync(notes, cancellationToken).ConfigureAwait(false);
        }

        parts.Records.Touch(notes);
        _counter.Done();
        return resolved;
    }

    private async Task CheckAccessAsync(ImageNotes notes, CancellationToken cancellationToken)
    {
        // An image that was given another name here is still its first registry's.
        var source = notes.Source is { } first && ImageReference.TryParse(first, null, out var parsed, out _) ? parsed : image;
        var credentials = await FindCredentialsAsync(source.Registry, source.Repository, cancellationToken).ConfigureAwait(false);
        var access = parts.Grants.Judge(notes, source.Registry, credentials);
        if (access == ImageAccess.Granted || (access == ImageAccess.Stale && options.Policy == PullPolicy.Never))
        {
            return;
        }

        if (options.Policy == PullPolicy.Never)
        {
            throw ImageGrants.Denied(source, credentials);
        }

        try
        {
            var address = await parts.Transport.AddressOfAsync(source.Registry, cancellationToken).ConfigureAwait(false);
            using var repository = new RegistryRepository(parts.Transport, address, source.Repository, credentials, parts.Time, _files.Problem);
            if (!await repository.HasManifestAsync(notes.Manifest, _subject, cancellationToken).ConfigureAwait(false))
            {
                throw ImageGrants.Denied(source, credentials);
            }

            parts.Records.Save(parts.Grants.Grant(notes, source.Registry, repository.NeededCredentials ? credentials : null));
        }
        catch (ContainerException exception) when (exception.Reason == ContainerFailure.RegistryUnavailable && access == ImageAccess.Stale)
        {
            // The same credentials were good a while ago; a registry that is down must not stop every build.
        }
    }

    private async Task<ResolvedImage> FromRegistryAsync(CancellationToken cancellationToken)
    {
        var mirrors = parts.Options.Registry.Mirrors.GetValueOrDefault(image.Registry) ?? [];
        foreach (var mirror in mirrors)
        {
            try
            {
                var prefix = mirror.AbsolutePath.Trim('/');
                using var copy = await OpenAsync(new Uri(mirror.GetLeftPart(UriPartial.Authority)), prefix.Length == 0 ? image.Repository : $"{prefix}/{image.Repository}", cancellationToken)
                    .ConfigureAwait(false);
                return await LoadAsync(copy, cancellationToken).ConfigureAwait(false);
            }
            catch (ContainerException exception) when (exception.Reason is ContainerFailure.RegistryUnavailable or ContainerFailure.ImageNotFound
                or ContainerFailure.AccessDenied or ContainerFailure.CorruptImage)
            {
                // A mirror that cannot help is passed over; what it did give is kept.
            }
        }

        var address = await parts.Transport.AddressOfAsync(image.Registry, cancellationToken).ConfigureAwait(false);
        using var repository = await OpenAsync(address, image.Repository, cancellationToken).ConfigureAwait(false);
        return await LoadAsync(repository, cancellationToken).ConfigureAwait(false);
    }

    private async Task<ResolvedImage> LoadAsync(RegistryRepository repository, CancellationToken cancellationToken)
    {
        var wanted = image.Digest?.ToString() ?? image.Tag!;
        var received = await repository.GetManifestAsync(wanted, parts.Options.Limits.MaxManifestBytes, _subject, cancellationToken).ConfigureAwait(false);
        var manifest = await ChooseAsync(repository, received, cancellationToken).ConfigureAwait(false);
        var load = new ImageLoad(parts, _counter);
        using var loaded = await load.RunAsync(repository, manifest, _subject, () => !repository.NeededCredentials, cancellationToken).ConfigureAwait(false);
        var credentials = repository.NeededCredentials ? await FindCredentialsAsync(image.Registry, image.Repository, cancellationToken).ConfigureAwait(false) : null;
        var notes = parts.Grants.Grant(
            loaded.Notes with
            {
                Name = image.ToString(),
                Index = manifest.Digest == received.Digest ? null : received.Digest.ToString(),
                Grants = parts.Records.Find(image)?.Grants,
            },
            image.Registry,
            credentials);
        parts.Records.Save(notes);
        HasLoaded = true;
        _counter.Done();
        return StoredImages.Resolve(parts, image, notes)
            ?? throw new ContainerException(ContainerFailure.Lost, $"The image {image} was removed from the store while it was pulled. Pull it again.", isTransient: true);
    }

    // An index may lead to another one; two steps are enough for everything that is found in the wild.
    private async Task<ReceivedManifest> ChooseAsync(RegistryRepository repository, ReceivedManifest received, CancellationToken cancellationToken)
    {
        for (var steps = 0; steps < 3; steps++)
        {
            if (ImageDocument.Parse(received.Bytes, received.MediaType, $"the manifest of {_subject}") is not ImageDocument.Index index)
            {
                return received;
            }

            var chosen = PlatformChoice.Choose(index, ImagePlatform.Host, _subject);
            received = await repository.GetManifestAsync(chosen.Digest.ToString(), parts.Options.Limits.MaxManifestBytes, _subject, cancellationToken).ConfigureAwait(false);
        }

        throw ImageDocument.Corrupt($"the manifest of {_subject}", "is an index of indexes of indexes");
    }

    private async Task<RegistryRepository> OpenAsync(Uri address, string repository, CancellationToken cancellationToken)
    {
        var registry = address.Authority == "registry-1.docker.io" ? ImageReference.DefaultRegistry : address.Authority;
        var credentials = await FindCredentialsAsync(registry, image.Repository, cancellationToken).ConfigureAwait(false);
        return new RegistryRepository(parts.Transport, address, repository, credentials, parts.Time, _files.Problem);
    }

    private async Task<RegistryCredentials?> FindCredentialsAsync(string registry, string repository, CancellationToken cancellationToken) =>
        options.Credentials is { } given && registry == image.Registry ? given
        : await _files.FindAsync(registry, repository, cancellationToken).ConfigureAwait(false);
}
