using Docker.DotNet;
using Docker.DotNet.Models;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>Removes the oldest images of an engine's store until it takes no more than it may. Images that containers use stay.</summary>
internal sealed class DockerRoom(DockerConnection connection)
{
    /// <summary>Makes room.</summary>
    /// <param name="most">What the images may take.</param>
    /// <param name="removed">Gets the names of the images that went.</param>
    /// <param name="cancellationToken">Ends it between two images.</param>
    /// <returns>About how many bytes were freed.</returns>
    public async Task<long> MakeAsync(long most, List<string> removed, CancellationToken cancellationToken)
    {
        var images = await connection.CallAsync("listing the images", client => client.Images.ListImagesAsync(new ImagesListParameters(), cancellationToken));
        var total = images.Sum(image => image.Size);
        var freed = 0L;
        foreach (var image in images.OrderBy(image => image.Created))
        {
            if (total - freed <= most)
            {
                break;
            }

            if (await TryRemoveAsync(image, removed, cancellationToken))
            {
                freed += image.Size;
            }
        }

        return freed;
    }

    private async Task<bool> TryRemoveAsync(ImagesListResponse image, List<string> removed, CancellationToken cancellationToken)
    {
        // By its names, so that an image in use stays whole: by its id the engine would want to be forced.
        IReadOnlyList<string> names = [.. (image.RepoTags ?? []).Where(tag => tag != "<none>:<none>")];
        foreach (var name in names.Count > 0 ? names : [image.ID])
        {
            try
            {
                await connection.CallAsync($"removing the image '{name}'", client => client.Images.DeleteImageAsync(name, new ImageDeleteParameters(), cancellationToken));
                removed.Add(name);
            }
            catch (ContainerException kept) when (kept.Reason == ContainerFailure.ImageNotFound
                || kept.InnerException is DockerApiException { StatusCode: System.Net.HttpStatusCode.Conflict })
            {
                // Used by a container, or gone by itself.
                return false;
            }
        }

        return true;
    }
}
