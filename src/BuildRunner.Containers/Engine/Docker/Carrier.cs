using System.Formats.Tar;
using Docker.DotNet;
using Docker.DotNet.Models;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>A container that never runs: through it the engine's API reads and writes the volumes of a group on an engine elsewhere.</summary>
internal sealed class Carrier : IAsyncDisposable
{
    /// <summary>The waiter's name in <see cref="HelperVolume"/>.</summary>
    public const string HelperName = "buildrunner-init";

    private const string HelperDirectory = "/helper", WorkspaceDirectory = "/workspace";

    private const UnixFileMode Everybody = UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead
        | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    private const UnixFileMode EverybodyWrites = UnixFileMode.UserWrite | UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;

    private readonly DockerConnection connection;
    private readonly string name;
    private string id = "";

    private Carrier(DockerConnection connection, string groupId)
    {
        this.connection = connection;
        name = $"buildrunner-{groupId}-carrier";
        HelperVolume = $"buildrunner-{groupId}-helper";
        WorkspaceVolume = $"buildrunner-{groupId}-workspace";
    }

    /// <summary>The volume with the waiter.</summary>
    public string HelperVolume { get; }

    /// <summary>The volume of the workspace; only there if the group has one.</summary>
    public string WorkspaceVolume { get; }

    /// <summary>Creates volumes and container.</summary>
    public static async Task<Carrier> CreateAsync(DockerConnection connection, GroupSpec group, Dictionary<string, string> labels, CancellationToken cancellationToken)
    {
        var carrier = new Carrier(connection, group.Id);
        try
        {
            await carrier.CreateAsync(group.Workspace is not null, labels, cancellationToken);
            return carrier;
        }
        catch
        {
            await carrier.DisposeAsync();
            throw;
        }
    }

    /// <summary>Puts our helper into its volume.</summary>
    public async Task SendHelperAsync(string program, CancellationToken cancellationToken)
    {
        using var archive = new MemoryStream();
        await using (var tar = new TarWriter(archive, TarEntryFormat.Ustar, leaveOpen: true))
        {
            await using var content = File.OpenRead(program);
            await tar.WriteEntryAsync(new UstarTarEntry(TarEntryType.RegularFile, HelperName) { DataStream = content, Mode = Everybody }, cancellationToken);
        }

        archive.Position = 0;
        await SendAsync(HelperDirectory, archive, cancellationToken);
    }

    /// <summary>Copies a directory of this host into the workspace's volume. In there it is root's, and everybody may write to its top.</summary>
    public async Task SendTreeAsync(string source, string relative, CancellationToken cancellationToken)
    {
        await SendDirectoriesAsync(relative, cancellationToken);
        await TarProgram.PackAsync(source, archive => SendAsync($"{WorkspaceDirectory}/{relative}", archive, cancellationToken), cancellationToken);

        // The archive has the mode that the tree's top has here.
        await SendDirectoriesAsync(relative, cancellationToken);
    }

    /// <summary>Copies the workspace's tree to a directory of this host.</summary>
    public async Task FetchTreeAsync(string relative, string target, CancellationToken cancellationToken)
    {
        var what = new ContainerPathStatParameters { Path = $"{WorkspaceDirectory}/{relative}".TrimEnd('/') };
        var answer = await connection.CallAsync("reading the workspace", c => c.Containers.GetArchiveFromContainerAsync(id, what, false, cancellationToken));
        await using var archive = answer.Stream ?? Stream.Null;
        await TarProgram.UnpackAsync(archive, target, cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        if (id.Length > 0)
        {
            await connection.RemoveContainerAsync(id, name, CancellationToken.None);
        }

        await connection.RemoveVolumeAsync(HelperVolume, CancellationToken.None);
        await connection.RemoveVolumeAsync(WorkspaceVolume, CancellationToken.None);
    }

    private async Task CreateAsync(bool hasWorkspace, Dictionary<string, string> labels, CancellationToken cancellationToken)
    {
        var image = await CarrierImage.EnsureAsync(connection, cancellationToken);
        List<Mount> mounts = [await VolumeAsync(HelperVolume, HelperDirectory)];
        if (hasWorkspace)
        {
            mounts.Add(await VolumeAsync(WorkspaceVolume, WorkspaceDirectory));
        }

        id = await CarrierImage.CreateContainerAsync(connection, image, name, labels, mounts, cancellationToken);

        async Task<Mount> VolumeAsync(string volume, string target)
        {
            await connection.CallAsync("creating a volume", c => c.Volumes.CreateAsync(new VolumesCreateParameters { Name = volume, Labels = labels }, cancellationToken));
            return new Mount { Type = "volume", Source = volume, Target = target };
        }
    }

    private async Task SendDirectoriesAsync(string relative, CancellationToken cancellationToken)
    {
        using var archive = new MemoryStream();
        await using (var tar = new TarWriter(archive, TarEntryFormat.Ustar, leaveOpen: true))
        {
            var path = "./";
            foreach (var part in relative.Split('/', StringSplitOptions.RemoveEmptyEntries).Prepend(""))
            {
                path += part.Length > 0 ? part + "/" : "";
                await tar.WriteEntryAsync(new UstarTarEntry(TarEntryType.Directory, path) { Mode = Everybody | EverybodyWrites }, cancellationToken);
            }
        }

        archive.Position = 0;
        await SendAsync(WorkspaceDirectory, archive, cancellationToken);
    }

    private Task SendAsync(string target, Stream archive, CancellationToken cancellationToken) => connection.CallAsync(
        "sending files to the engine",
        c => c.Containers.ExtractArchiveToContainerAsync(id, new CopyToContainerParameters { Path = target }, archive, cancellationToken));
}

/// <summary>An image with nothing in it, for containers that are never started.</summary>
internal static class CarrierImage
{
    /// <summary>Its name on the engine.</summary>
    public const string Name = $"{Repository}:{Tag}";

    // Podman imports under this tag whatever it is told.
    private const string Repository = "buildrunner-carrier", Tag = "latest";

    /// <summary>Makes it present; returns its name.</summary>
    public static async Task<string> EnsureAsync(DockerConnection connection, CancellationToken cancellationToken)
    {
        if (await DockerImages.FindAsync(connection.Endpoint, connection.Client, Name, cancellationToken) is { } present)
        {
            return present.ID;
        }

        using var nothing = new MemoryStream();
        await using (var tar = new TarWriter(nothing, TarEntryFormat.Ustar, leaveOpen: true))
        {
            await tar.WriteEntryAsync(new UstarTarEntry(TarEntryType.Directory, "etc/"), cancellationToken);
        }

        nothing.Position = 0;
        var parameters = new ImagesCreateParameters { FromSrc = "-", Repo = Repository, Tag = Tag };
        var monitor = new PullMonitor(null);
        await connection.CallAsync("importing an empty image", c => c.Images.CreateImageAsync(parameters, nothing, null, monitor, cancellationToken));
        return await DockerImages.FindAsync(connection.Endpoint, connection.Client, Name, cancellationToken) is { } made
            ? made.ID
            : throw new ContainerException(ContainerFailure.Internal, $"the engine at {connection.Endpoint} did not import an empty image: {monitor.Error}");
    }

    /// <summary>True: the engine has it.</summary>
    public static async Task<bool> IsThereAsync(DockerConnection connection, CancellationToken cancellationToken) =>
        await DockerImages.FindAsync(connection.Endpoint, connection.Client, Name, cancellationToken) is not null;

    /// <summary>Removes it, unless a container has it or it is gone already.</summary>
    public static async Task RemoveAsync(DockerConnection connection)
    {
        try
        {
            await connection.CallAsync("removing an empty image", c => c.Images.DeleteImageAsync(Name, new ImageDeleteParameters(), CancellationToken.None));
        }
        catch (ContainerException used) when (used.InnerException is DockerApiException)
        {
            // Somebody has begun to use it.
        }
    }

    /// <summary>Creates a container of it.</summary>
    public static async Task<string> CreateContainerAsync(
        DockerConnection connection, string image, string name, Dictionary<string, string> labels, IReadOnlyList<Mount> mounts, CancellationToken cancellationToken)
    {
        var parameters = new CreateContainerParameters
        {
            Name = name,
            Image = image,
            Cmd = ["/never-started"],
            Labels = labels,
            HostConfig = new HostConfig { NetworkMode = "none", Mounts = [.. mounts], LogConfig = new LogConfig { Type = "none" } },
        };
        var created = await connection.CallAsync($"creating the container '{name}'", c => c.Containers.CreateContainerAsync(parameters, cancellationToken));
        return created.ID;
    }
}
