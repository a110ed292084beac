using System.Text.RegularExpressions;
using BuildRunner.Containers.Images;
using Docker.DotNet;
using Docker.DotNet.Models;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>Images in files of this host, loaded into the engine's store.</summary>
internal static partial class DockerArchives
{
    /// <exception cref="ContainerException">The file is missing, or the engine cannot read it.</exception>
    public static async Task<ResolvedImage> LoadAsync(DockerEndpoint endpoint, DockerClient client, ImageReference image, CancellationToken cancellationToken)
    {
        if (!File.Exists(image.Location))
        {
            throw new ContainerException(ContainerFailure.ImageNotFound, $"'{image}': there is no file {image.Location}");
        }

        var monitor = new LoadMonitor();
        await using var archive = File.OpenRead(image.Location);
        await endpoint.CallAsync(
            $"loading '{image}' into the engine",
            () => client.Images.LoadImageAsync(new ImageLoadParameters { Quiet = true }, archive, monitor, cancellationToken));
        var names = monitor.Error is null
            ? monitor.Loaded
            : throw new ContainerException(ContainerFailure.CorruptImage, $"the engine could not load '{image}': {monitor.Error}");
        var name = Choose(image, names);
        return await DockerImages.FindAsync(endpoint, client, name, cancellationToken) is { } found
            ? DockerImages.Describe(image, found)
            : throw new ContainerException(ContainerFailure.Internal, $"the engine loaded '{image}' as '{name}', which it does not have");
    }

    private static string Choose(ImageReference image, List<string> names) => names switch
    {
        [] => throw new ContainerException(ContainerFailure.CorruptImage, $"'{image}' has no image"),
        [var only] when image.Tag is null => only,
        _ => names.Find(n => image.Tag is not null && (n == image.Tag || n.EndsWith(":" + image.Tag, StringComparison.Ordinal)))
            ?? throw new ContainerException(
                ContainerFailure.ImageNotFound,
                $"'{image}' does not say which of the images in the archive is meant: {string.Join(", ", names)}; add ':TAG'"),
    };

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
