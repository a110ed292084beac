using System.Net.Sockets;
using BuildRunner.Containers.Engine.Oci;
using BuildRunner.Sandbox.Wire;
using Docker.DotNet.Models;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>A directory of this host, in memory, that a container sees read-only as <see cref="InjectedFile.Root"/>: the socket to its waiter, and its files.</summary>
internal sealed class FilesInMemory : IContainerFiles
{
    /// <summary>The socket's file name below <see cref="InjectedFile.Root"/>.</summary>
    private const string ChannelName = "channel";

    private const UnixFileMode Everybody = UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
    private const UnixFileMode EverybodyExecutes = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    private readonly string path;
    private readonly Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    /// <summary>Makes the directory and listens in it.</summary>
    /// <param name="path">Absolute path on this host.</param>
    /// <param name="sandboxProgram">The waiter's program on this host.</param>
    public FilesInMemory(string path, string sandboxProgram)
    {
        this.path = path;
        Directory.CreateDirectory(path, UnixFileMode.UserWrite | Everybody | EverybodyExecutes);

        // What the waiter itself is mounted on.
        File.WriteAllBytes(In(SecurityProfile.InitName), []);
        listener.Bind(new UnixDomainSocketEndPoint(In(ChannelName)));
        File.SetUnixFileMode(In(ChannelName), Everybody | UnixFileMode.UserWrite | UnixFileMode.GroupWrite | UnixFileMode.OtherWrite);
        listener.Listen(1);
        Mounts =
        [
            new() { Type = "bind", Source = path, Target = InjectedFile.Root, ReadOnly = true },
            new() { Type = "bind", Source = sandboxProgram, Target = SecurityProfile.InitPath, ReadOnly = true },
        ];
    }

    /// <inheritdoc/>
    public IReadOnlyList<Mount> Mounts { get; }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, string> Memory { get; } = new Dictionary<string, string>();

    /// <inheritdoc/>
    public IReadOnlyList<string> Waiter { get; } = [SecurityProfile.InitPath, "wait", $"{InjectedFile.Root}/{ChannelName}"];

    /// <inheritdoc/>
    public bool UsesStandardStreams => false;

    /// <inheritdoc/>
    public bool NeedsOwner => true;

    /// <inheritdoc/>
    public Task ListenAsync(string containerId, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public OutputRecord? BeginRecord(RecordSpec spec) => new(spec);

    /// <inheritdoc/>
    public async Task<WaiterChannel> AcceptAsync(OutputRecord? record, CancellationToken cancellationToken)
    {
        var connection = await listener.AcceptAsync(cancellationToken);
        record?.GiveTo(connection);
        listener.Dispose();
        File.Delete(In(ChannelName));
        return new WaiterChannel(new NetworkStream(connection, ownsSocket: true));
    }

    /// <inheritdoc/>
    public IReadOnlyList<FileContent> Put(IReadOnlyList<InjectedFile> added, (uint User, uint Group) owner)
    {
        foreach (var file in added)
        {
            Write(file, owner);
        }

        return [];
    }

    public void Dispose()
    {
        listener.Dispose();
        if (Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true);
        }
    }

    private void Write(InjectedFile file, (uint User, uint Group) owner)
    {
        var mode = file.Executable ? Everybody | EverybodyExecutes : Everybody;
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        };
        using (var stream = new FileStream(In(file.Name), options))
        {
            stream.Write(file.Content.Span);
            File.SetUnixFileMode(stream.SafeFileHandle, file.Secret ? mode & (UnixFileMode.UserRead | UnixFileMode.UserExecute) : mode);
        }

        if (file.Secret && owner != (0u, 0u) && Libc.ChangeOwner(In(file.Name), owner.User, owner.Group) != 0)
        {
            throw new ContainerException(ContainerFailure.Internal, $"the secret file '{file.Name}' could not be given to user {owner.User}");
        }
    }

    private string In(string name) => Path.Combine(path, name);
}
