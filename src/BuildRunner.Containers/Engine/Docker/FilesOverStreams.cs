using BuildRunner.Sandbox.Wire;
using Docker.DotNet.Models;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>Files of a container on an engine that does not see this host's: they travel with "go" over the container's standard streams.</summary>
/// <remarks>They lie in memory of the container, which its root can write to; the engine has no way to take that right from it.</remarks>
/// <param name="connection">The engine.</param>
/// <param name="helperVolume">The volume that has the waiter.</param>
internal sealed class FilesOverStreams(DockerConnection connection, string helperVolume) : IContainerFiles
{
    private const string HelperDirectory = "/.buildrunner-helper";

    private DemultiplexedStream? stream;

    /// <inheritdoc/>
    public IReadOnlyList<Mount> Mounts { get; } =
    [
        new() { Type = "volume", Source = helperVolume, Target = HelperDirectory, ReadOnly = true },
    ];

    /// <inheritdoc/>
    /// <remarks>Not as a mount: Docker would let nobody execute a file of it, and takes no word against that there.</remarks>
    public IReadOnlyDictionary<string, string> Memory { get; } = new Dictionary<string, string> { [InjectedFile.Root] = "rw,exec,nosuid,nodev,mode=755" };

    /// <inheritdoc/>
    public IReadOnlyList<string> Waiter { get; } = [$"{HelperDirectory}/{Carrier.HelperName}", "wait"];

    /// <inheritdoc/>
    public bool UsesStandardStreams => true;

    /// <inheritdoc/>
    public bool NeedsOwner => false;

    /// <inheritdoc/>
    public async Task ListenAsync(string containerId, CancellationToken cancellationToken)
    {
        stream = new DemultiplexedStream(await connection.AttachAsync(containerId, cancellationToken));
    }

    /// <inheritdoc/>
    public OutputRecord? BeginRecord(RecordSpec spec) => null;

    /// <inheritdoc/>
    public Task<WaiterChannel> AcceptAsync(OutputRecord? record, CancellationToken cancellationToken) => Task.FromResult(new WaiterChannel(stream!));

    /// <inheritdoc/>
    public IReadOnlyList<FileContent> Put(IReadOnlyList<InjectedFile> added, (uint User, uint Group) owner) =>
        [.. added.Select(f => new FileContent(f.Name, f.Content.ToArray(), f.Executable, f.Secret))];

    public void Dispose() => stream?.Dispose();
}
