using Docker.DotNet.Models;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>Removes what processes that are gone left on the engine and on this host.</summary>
internal sealed class DockerReaper(DockerConnection connection)
{
    /// <summary>Returns how many groups were removed.</summary>
    public async Task<int> ReapAsync(string owner, CancellationToken cancellationToken)
    {
        var filters = Filter("label", DockerLabels.Managed, $"{DockerLabels.Owner}={owner}", $"{DockerLabels.Host}={DockerLabels.ThisHost}");
        var containers = await connection.CallAsync(
            "listing containers",
            c => c.Containers.ListContainersAsync(new ContainersListParameters { All = true, Filters = filters }, cancellationToken));
        var networks = await connection.CallAsync(
            "listing networks",
            c => c.Networks.ListNetworksAsync(new NetworksListParameters { Filters = filters }, cancellationToken));
        var volumes = await connection.CallAsync("listing volumes", c => c.Volumes.ListAsync(new VolumesListParameters { Filters = filters }, cancellationToken));
        var groups = containers.Select(c => c.Labels).Concat(networks.Select(n => n.Labels)).Concat((volumes.Volumes ?? []).Select(v => v.Labels)).GroupBy(l => l.GetOrEmpty(DockerLabels.Group));
        var removed = 0;
        foreach (var group in groups)
        {
            var labels = group.First();
            using var ours = GroupDirectories.TryTakeOver(labels.GetOrEmpty(DockerLabels.Lock));
            if (ours is null)
            {
                continue;
            }

            bool IsOfGroup(IDictionary<string, string> l) => l.GetOrEmpty(DockerLabels.Group) == group.Key;
            // Podman keeps a container while others have its connection.
            foreach (var together in containers.Where(c => IsOfGroup(c.Labels)).GroupBy(HasJoined).OrderByDescending(g => g.Key))
            {
                await Task.WhenAll(together.Select(c => connection.RemoveContainerAsync(c.ID, c.Names?.FirstOrDefault() ?? c.ID, cancellationToken)));
            }

            foreach (var network in networks.Where(n => IsOfGroup(n.Labels)))
            {
                await connection.CallAsync("removing a network", c => c.Networks.DeleteNetworkAsync(network.ID, cancellationToken));
            }

            foreach (var volume in (volumes.Volumes ?? []).Where(v => IsOfGroup(v.Labels)))
            {
                await connection.RemoveVolumeAsync(volume.Name, cancellationToken);
            }

            await GroupDirectories.RemoveLeftOversAsync(labels.GetOrEmpty(DockerLabels.Lock), labels.GetOrEmpty(DockerLabels.Scratch));
            removed++;
        }

        await RemoveFilesAsync();
        return removed;
    }

    /// <summary>Files of groups that died before the engine had anything of theirs, or after it had nothing any more.</summary>
    private async Task RemoveFilesAsync()
    {
        foreach (var directories in GroupDirectories.All(connection.Options.ScratchDirectory))
        {
            using var ours = GroupDirectories.TryTakeOver(directories.LockFile);
            if (ours is not null)
            {
                await GroupDirectories.RemoveLeftOversAsync(directories.LockFile, directories.Scratch);
            }
        }
    }

    private static bool HasJoined(ContainerListResponse container) =>
        container.HostConfig?.NetworkMode?.StartsWith("container:", StringComparison.Ordinal) ?? false;

    private static Dictionary<string, IDictionary<string, bool>> Filter(string name, params string[] values) =>
        new() { [name] = values.ToDictionary(v => v, _ => true) };
}

/// <summary>Labels, read.</summary>
internal static class LabelReading
{
    public static string GetOrEmpty(this IDictionary<string, string>? labels, string name) =>
        labels is not null && labels.TryGetValue(name, out var value) ? value : "";
}
