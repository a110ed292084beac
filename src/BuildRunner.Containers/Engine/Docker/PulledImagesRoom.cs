using Docker.DotNet;
using Docker.DotNet.Models;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>Removes images that were pulled for runs and are longest unused, until they take no more than they may.</summary>
/// <param name="connection">The engine.</param>
/// <param name="pulled">What was pulled.</param>
/// <param name="most">What they may take together.</param>
internal sealed class PulledImagesRoom(DockerConnection connection, PulledImages pulled, long most)
{
    /// <summary>Between its pull and the start of its first container an image is used, and the engine does not know it.</summary>
    private static readonly TimeSpan Youngest = TimeSpan.FromHours(1);

    /// <summary>Makes room. Whatever the engine refuses to remove stays.</summary>
    public async Task MakeAsync(CancellationToken cancellationToken)
    {
        var sizes = new Dictionary<string, (string Id, long Size)>();
        var all = await pulled.ListAsync(cancellationToken);
        foreach (var (name, _) in all)
        {
            if (await DockerImages.FindAsync(connection.Endpoint, connection.Client, name, cancellationToken) is { } found)
            {
                sizes[name] = (found.ID, found.Size);
            }
            else
            {
                await pulled.ForgetAsync(name, cancellationToken);
            }
        }

        long Total() => sizes.Values.DistinctBy(i => i.Id).Sum(i => i.Size);
        var youngest = connection.Time.GetUtcNow() - Youngest;
        foreach (var (name, _) in all.Where(i => i.Used < youngest && sizes.ContainsKey(i.Name)))
        {
            if (Total() <= most)
            {
                return;
            }

            if (await TryRemoveAsync(name, cancellationToken))
            {
                await pulled.ForgetAsync(name, cancellationToken);
                sizes.Remove(name);
            }
        }
    }

    private async Task<bool> TryRemoveAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            await connection.CallAsync($"removing the image '{name}'", c => c.Images.DeleteImageAsync(name, new ImageDeleteParameters(), cancellationToken));
            return true;
        }
        catch (ContainerException kept) when (kept.InnerException is DockerApiException)
        {
            // A container uses it, or it has just gone: the next pull looks again.
            return false;
        }
    }
}
