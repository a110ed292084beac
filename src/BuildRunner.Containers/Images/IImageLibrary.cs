using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Storage;

namespace BuildRunner.Containers.Images;

/// <summary>The images of one engine on this host: what a person does with them. Of two kinds: BuildRunner's own store, and a Docker or Podman engine's.</summary>
/// <remarks>
/// <para>Every member fails with a <see cref="ContainerException"/> that tells what to do; what an engine cannot do at all is
/// <see cref="ContainerFailure.EngineUnavailable"/> and names an engine that can.</para>
/// <para>Disposing it ends connections; nothing of what was done depends on it.</para>
/// </remarks>
public interface IImageLibrary : IAsyncDisposable
{
    /// <summary>The engine's name: <c>oci</c> or <c>docker</c>.</summary>
    string Engine { get; }

    /// <summary>Makes an image present: out of a registry, a folder or an archive.</summary>
    Task<ResolvedImage> PullAsync(ImageReference image, PullOptions options, IProgress<PullProgress>? progress, CancellationToken cancellationToken);

    /// <summary>The images that are here, by name.</summary>
    Task<IReadOnlyList<StoredImage>> ListAsync(CancellationToken cancellationToken);

    /// <summary>What is known of an image, as JSON; null if it is not here.</summary>
    Task<byte[]?> InspectAsync(ImageReference image, ImagePart part, CancellationToken cancellationToken);

    /// <summary>Removes an image, and what no other image needs.</summary>
    Task<ImageRemoval> RemoveAsync(ImageReference image, CancellationToken cancellationToken);

    /// <summary>Removes what is not needed. Images that containers use stay.</summary>
    Task<PruneResult> PruneAsync(PruneOptions options, CancellationToken cancellationToken);

    /// <summary>Gives an image another name.</summary>
    Task TagAsync(ImageReference image, ImageReference name, CancellationToken cancellationToken);

    /// <summary>Takes over images out of files.</summary>
    Task<IReadOnlyList<ResolvedImage>> ImportAsync(ImageImport import, IProgress<PullProgress>? progress, CancellationToken cancellationToken);

    /// <summary>Writes an image to a file or folder.</summary>
    Task ExportAsync(ImageReference image, ImageExport export, CancellationToken cancellationToken);

    /// <summary>Puts an image into a registry.</summary>
    /// <returns>The digest by which the registry knows it; null if the engine does not tell.</returns>
    Task<Digest?> PushAsync(ImageReference image, ImageReference target, PushOptions options, IProgress<PushProgress>? progress, CancellationToken cancellationToken);

    /// <summary>Makes an image of the state of a container that was kept (<c>run --keep</c>).</summary>
    /// <param name="container">Its id, the beginning of it, or the name of its step: then the newest.</param>
    /// <param name="name">What the image is to be called.</param>
    /// <param name="cancellationToken">Ends it.</param>
    Task<ResolvedImage> CommitAsync(string container, ImageReference name, CancellationToken cancellationToken);

    /// <summary>Builds an image from a Dockerfile.</summary>
    /// <param name="build">What to build.</param>
    /// <param name="output">Gets what the builder prints, a line at a time.</param>
    /// <param name="cancellationToken">Ends the build.</param>
    Task<ResolvedImage> BuildAsync(ImageBuild build, Action<string>? output, CancellationToken cancellationToken);
}

/// <summary>A part of what is known of an image.</summary>
public enum ImagePart
{
    /// <summary>All.</summary>
    All,

    /// <summary>The configuration as received.</summary>
    Config,

    /// <summary>The manifest as received.</summary>
    Manifest,
}

/// <summary>What to build an image from.</summary>
/// <param name="Directory">The folder that the Dockerfile's <c>COPY</c> reads from, absolute.</param>
public sealed record ImageBuild(string Directory)
{
    /// <summary>The Dockerfile, below the folder or absolute; null: <c>Dockerfile</c> in it.</summary>
    public string? File { get; init; }

    /// <summary>How the folder is named to a person; it itself if nothing else is given.</summary>
    public string DisplayName { get; init; } = Directory;

    /// <summary>The folder out of which neither the folder nor the Dockerfile may lead, by links or otherwise; null: they may be anywhere.</summary>
    public string? Within { get; init; }

    /// <summary>What the image is to be called; null: nothing.</summary>
    public ImageReference? Name { get; init; }

    /// <summary>Values for <c>ARG</c>.</summary>
    public IReadOnlyDictionary<string, string> Arguments { get; init; } = new Dictionary<string, string>();

    /// <summary>The stage to stop at; null: the last.</summary>
    public string? Target { get; init; }

    /// <summary>True: images that it begins from are asked for anew.</summary>
    public bool Pull { get; init; }

    /// <summary>True: nothing of earlier builds is used.</summary>
    public bool NoCache { get; init; }
}
