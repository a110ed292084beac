using System.Text.RegularExpressions;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Storage;
using BuildRunner.Containers.Storage.Archives;
using Docker.DotNet.Models;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>Images in files of this host, loaded into the engine's store.</summary>
/// <remarks>
/// Engines differ in what they can load, and old ones read a hostile archive as they please. So every image is read and verified here, whatever form it has,
/// and given to the engine in the one form that all of them take.
/// </remarks>
internal sealed partial class DockerArchives(DockerConnection connection)
{
    private readonly ImageLimits _limits = new();

    /// <summary>Loads the image of a reference with a path, unless the engine has it.</summary>
    /// <exception cref="ContainerException">The file is missing or damaged, or the engine cannot take it.</exception>
    public async Task<ResolvedImage> LoadAsync(ImageReference image, CancellationToken cancellationToken)
    {
        using var images = await Task.Run(() => Files().Open(image), cancellationToken);

        // Without the name that it has in there: a pipeline's archive must not take over a name in an engine that others use.
        return await LoadAsync(images, images.Choose(image.Tag), image, null, cancellationToken);
    }

    /// <summary>Takes images over, under names of their own.</summary>
    public async Task<IReadOnlyList<ResolvedImage>> ImportAsync(ImageImport import, CancellationToken cancellationToken)
    {
        using var images = await Task.Run(() => import.Open(Files()), cancellationToken);
        var resolved = new List<ResolvedImage>();
        foreach (var (image, name) in import.Choose(images))
        {
            resolved.Add(await LoadAsync(images, image, name, NameOf(name), cancellationToken));
        }

        return resolved;
    }

    /// <summary>Writes an image of the engine's store to a file or folder.</summary>
    public async Task ExportAsync(string name, ImageReference image, ImageExport export, CancellationToken cancellationToken)
    {
        var scratch = new ScratchFiles(Scratch());
        await using var saved = await connection.CallAsync($"saving the image '{image}'", client => client.Images.SaveImageAsync(name, cancellationToken));
        using var file = await scratch.CopyAsync(saved, _limits.MaxUnpackedLayerBytes, $"the image {image}", cancellationToken);
        var files = ArchiveFiles.Read(file) ?? throw ImageDocument.Corrupt($"the image {image}", "was saved by the engine with too many entries");
        using var images = DockerArchiveImages.Open(files, _limits, $"the image {image}");
        var whole = images.ToWhole(images.Images[0], image.Transport == ImageTransport.Docker ? NameOf(image) : null, _limits);
        await Task.Run(() => ImageExporting.Write(whole, export, _ => null, _limits, cancellationToken), cancellationToken);
    }

    private async Task<ResolvedImage> LoadAsync(LocalImages images, LocalImage image, ImageReference reference, string? name, CancellationToken cancellationToken)
    {
        var whole = await Task.Run(() => images.ToWhole(image, name, _limits), cancellationToken);
        var id = whole.Document.Config.Digest.ToString();
        if (await DockerImages.FindAsync(connection.Endpoint, connection.Client, id, cancellationToken) is { } present
            && (name is null || (present.RepoTags ?? []).Any(tag => Means(tag, name))))
        {
            return DockerImages.Describe(reference, present);
        }

        using var archive = await Task.Run(() => WriteArchive(whole, cancellationToken), cancellationToken);
        using var content = BlobContent.Within(archive, 0, RandomAccess.GetLength(archive));
        await using var stream = content.ToStream();
        var monitor = new LoadMonitor();
        await connection.CallAsync(
            $"loading '{reference}' into the engine",
            client => client.Images.LoadImageAsync(new ImageLoadParameters { Quiet = true }, stream, monitor, cancellationToken));
        if (monitor.Error is { } error)
        {
            throw new ContainerException(ContainerFailure.CorruptImage, $"the engine could not load '{reference}': {error}");
        }

        // Engines with containerd's store know an image by its manifest instead, and say how they call it.
        foreach (var called in monitor.Loaded.Prepend(id))
        {
            if (await DockerImages.FindAsync(connection.Endpoint, connection.Client, called, cancellationToken) is { } found)
            {
                return DockerImages.Describe(reference, found);
            }
        }

        throw new ContainerException(ContainerFailure.Internal, $"the engine loaded '{reference}', and does not have it");
    }

    private Microsoft.Win32.SafeHandles.SafeFileHandle WriteArchive(WholeImage image, CancellationToken cancellationToken)
    {
        var scratch = new ScratchFiles(Scratch());
        var file = scratch.Create();
        try
        {
            using var output = scratch.OpenWrite(file);
            DockerArchiveWriter.Write(image, output, _ => null, _limits, cancellationToken);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private LocalImageFile Files() => new(_limits, Scratch());

    private string Scratch() => OwnDirectory.Make(connection.Options.ScratchDirectory);

    private static string? NameOf(ImageReference image) => image is { Transport: ImageTransport.Docker, Tag: { } tag } ? $"{image.Registry}/{image.Repository}:{tag}" : null;

    private static bool Means(string tag, string name) => ImageReference.TryParse(tag, null, out var reference, out _) && NameOf(reference) == name;

    [GeneratedRegex(@"Loaded image(?: ID|\(s\))?: (?<name>\S+)", RegexOptions.ExplicitCapture)]
    private static partial Regex LoadedLine();

    private sealed class LoadMonitor : IProgress<JSONMessage>
    {
        public List<string> Loaded { get; } = [];

        public string? Error { get; private set; }

        public void Report(JSONMessage value)
        {
            Error ??= value.Error?.Message;
            foreach (Match match in LoadedLine().Matches(value.Stream ?? ""))
            {
                Loaded.AddRange(match.Groups["name"].Value.Split(','));
            }
        }
    }
}
