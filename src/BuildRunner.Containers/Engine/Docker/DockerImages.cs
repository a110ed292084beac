using BuildRunner.Containers.Images;
using BuildRunner.Containers.Registry;
using Docker.DotNet;
using Docker.DotNet.Models;
using ImageConfig = BuildRunner.Containers.Images.ImageConfig;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>Images in the engine's own store.</summary>
/// <param name="endpoint">The engine.</param>
/// <param name="client">Talks to it.</param>
/// <param name="archives">Loads images out of files.</param>
/// <param name="credentials">The user's login for an image; null answers none.</param>
/// <param name="pulled">Where pulls are written down; null: nowhere.</param>
/// <param name="access">Who may have what was pulled with credentials; null: everybody.</param>
internal sealed class DockerImages(
    DockerEndpoint endpoint,
    DockerClient client,
    DockerArchives archives,
    Func<ImageReference, CancellationToken, Task<RegistryCredentials?>> credentials,
    PulledImages? pulled = null,
    PrivateImages? access = null)
{
    private const string Official = "library/";

    /// <exception cref="ContainerException">The image cannot be had.</exception>
    public async Task<ResolvedImage> ResolveAsync(
        ImageReference image,
        PullPolicy policy,
        IProgress<PullProgress>? progress,
        CancellationToken cancellationToken)
    {
        progress?.Report(new PullProgress(PullPhase.Resolving, 0, 0, 0, 0));
        var resolved = image.Transport switch
        {
            ImageTransport.Docker => await OfRegistryAsync(image, policy, progress, cancellationToken),
            ImageTransport.RootFileSystem => throw new ContainerException(
                ContainerFailure.InvalidImage,
                $"'{image}' is a directory of this host, and the engine docker runs images only; run it with --engine oci"),
            _ => await archives.LoadAsync(image, cancellationToken),
        };
        progress?.Report(new PullProgress(PullPhase.Done, 0, 0, 0, 0));
        return resolved;
    }

    /// <summary>What the engine's store has by a name or id; null if nothing.</summary>
    public static async Task<ImageInspectResponse?> FindAsync(DockerEndpoint endpoint, DockerClient client, string name, CancellationToken cancellationToken)
    {
        try
        {
            return await endpoint.CallAsync($"looking for the image '{name}'", () => client.Images.InspectImageAsync(name, cancellationToken));
        }
        catch (ContainerException missing) when (missing.Reason == ContainerFailure.ImageNotFound)
        {
            return null;
        }
    }

    /// <summary>The engine's description of an image in our terms.</summary>
    public static ResolvedImage Describe(ImageReference image, ImageInspectResponse found)
    {
        var name = image.Transport == ImageTransport.Docker ? NameOf(image.WithoutDigest(), tag: false) : null;
        var digest = image.Digest ?? (found.RepoDigests ?? [])
            .Where(d => name is not null && (d.StartsWith(name + "@", StringComparison.Ordinal) || d.StartsWith(ShortNameOf(image) + "@", StringComparison.Ordinal)))
            .Select(d => Digest.TryParse(d[(d.IndexOf('@') + 1)..], out var parsed) ? parsed : (Digest?)null)
            .FirstOrDefault();
        return new ResolvedImage(image, digest, ConfigOf(found)) { StoreId = found.ID };
    }

    /// <summary>The name under which the engine's API knows an image: <c>docker.io/library/alpine:3</c>.</summary>
    public static string NameOf(ImageReference image, bool tag = true) =>
        $"{image.Registry}/{image.Repository}" + (!tag ? "" : image.Digest is { } digest ? $"@{digest}" : $":{image.Tag}");

    private static string ShortNameOf(ImageReference image)
    {
        var text = image.WithoutDigest().ToString();
        return text.LastIndexOf(':') is var colon && colon > text.LastIndexOf('/') ? text[..colon] : text;
    }

    private async Task<ResolvedImage> OfRegistryAsync(
        ImageReference image,
        PullPolicy policy,
        IProgress<PullProgress>? progress,
        CancellationToken cancellationToken)
    {
        var name = NameOf(image);
        if (policy != PullPolicy.Always && await FindPresentAsync(image, cancellationToken) is { } present)
        {
            var described = Describe(image, present);
            await (access?.CheckAsync(image, name, described.ManifestDigest, policy, cancellationToken) ?? Task.CompletedTask);
            await (pulled?.UsedAsync(name, cancellationToken) ?? Task.CompletedTask);
            return described;
        }

        if (policy == PullPolicy.Never)
        {
            throw new ContainerException(ContainerFailure.ImageNotFound, $"the image '{image}' is not in the engine's store, and may not be pulled (policy 'never')");
        }

        var login = await credentials(image, cancellationToken);
        await PullAsync(image, login, progress, cancellationToken);
        await (pulled?.PulledAsync(name, access?.HolderOf(image, login), cancellationToken) ?? Task.CompletedTask);
        return await FindAsync(endpoint, client, name, cancellationToken) is { } here
            ? Describe(image, here)
            : throw new ContainerException(ContainerFailure.ImageNotFound, $"the image '{image}' was pulled and is not in the engine's store: something removed it", true);
    }

    private async Task<ImageInspectResponse?> FindPresentAsync(ImageReference image, CancellationToken cancellationToken)
    {
        var found = await FindAsync(endpoint, client, NameOf(image), cancellationToken);

        // What was built or loaded there under a name without a registry, Podman calls by this one.
        return found is null && image is { Registry: "docker.io", Digest: null } && image.Repository.StartsWith(Official, StringComparison.Ordinal)
            ? await FindAsync(endpoint, client, $"localhost/{image.Repository[Official.Length..]}:{image.Tag}", cancellationToken)
            : found;
    }

    private async Task PullAsync(ImageReference image, RegistryCredentials? login, IProgress<PullProgress>? progress, CancellationToken cancellationToken)
    {
        var parameters = new ImagesCreateParameters { FromImage = NameOf(image, tag: false), Tag = image.Digest?.ToString() ?? image.Tag };
        var monitor = new PullMonitor(progress);
        try
        {
            await endpoint.CallAsync(
                $"the pull of '{image}'",
                () => client.Images.CreateImageAsync(parameters, login is null ? null : DockerEngine.LoginOf(image, login), monitor, cancellationToken));
        }
        catch (ContainerException refused) when (refused.InnerException is DockerApiException { ResponseBody: not null } api)
        {
            throw Failure(image, DockerErrors.MessageOf(api), refused);
        }

        if (monitor.Error is { } error)
        {
            throw Failure(image, error, null);
        }

        monitor.Complete();
    }

    private static ContainerException Failure(ImageReference image, string message, Exception? cause)
    {
        var reason = DockerErrors.ReasonOf(message);
        var text = reason switch
        {
            ContainerFailure.ImageNotFound => $"the registry {image.Registry} has no image '{image}' for this platform, or does not show it to you; check the name and log in ({message})",
            ContainerFailure.AccessDenied => $"the registry {image.Registry} refused access to '{image}'; log in with 'docker login {image.Registry}' ({message})",
            ContainerFailure.RegistryUnavailable => $"the registry {image.Registry} could not be reached for '{image}' ({message})",
            _ => $"the pull of '{image}' failed: {message}",
        };
        return new ContainerException(reason, text, reason is ContainerFailure.RegistryUnavailable, cause);
    }

    private static ImageConfig ConfigOf(ImageInspectResponse image)
    {
        var config = image.Config ?? new DockerOCIImageConfig();
        return new ImageConfig
        {
            Entrypoint = [.. config.Entrypoint ?? []],
            Command = [.. config.Cmd ?? []],
            Environment = [.. (config.Env ?? []).Select(Variable)],
            User = config.User is { Length: > 0 } user ? user : null,
            WorkingDirectory = config.WorkingDir is { Length: > 0 } directory ? directory : null,
            StopSignal = config.StopSignal is { Length: > 0 } signal ? signal : null,
            HealthCheck = HealthOf(config.Healthcheck),
            Volumes = [.. config.Volumes?.Keys ?? []],
            ExposedPorts = [.. config.ExposedPorts?.Keys ?? []],
            Labels = new Dictionary<string, string>(config.Labels ?? new Dictionary<string, string>()),
            OperatingSystem = image.Os ?? "linux",
            Architecture = image.Architecture ?? "amd64",
        };
    }

    private static KeyValuePair<string, string> Variable(string text) =>
        text.IndexOf('=') is var equals and >= 0 ? new(text[..equals], text[(equals + 1)..]) : new(text, "");

    private static HealthCheck? HealthOf(HealthcheckConfig? check)
    {
        IReadOnlyList<string>? test = check?.Test?.ToArray() switch
        {
            ["CMD", .. var command] => command,
            ["CMD-SHELL", var script, ..] => ["/bin/sh", "-c", script],
            _ => null,
        };
        return test is null or []
            ? null
            : new HealthCheck(
                test,
                Positive(check!.Interval) ?? TimeSpan.FromSeconds(30),
                Positive(check.Timeout) ?? TimeSpan.FromSeconds(30),
                check.Retries is > 0 and var retries ? (int)retries : 3,
                check.StartPeriod ?? TimeSpan.Zero);
    }

    private static TimeSpan? Positive(TimeSpan? time) => time is { Ticks: > 0 } ? time : null;
}
