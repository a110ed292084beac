using System.Net.Sockets;
using BuildRunner.Containers.Engine.Oci;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>A directory of this host, in memory, that a container sees read-only as <see cref="InjectedFile.Root"/>: the socket to its waiter, and its files.</summary>
internal sealed class FilesInMemory : IDisposable
{
    private const UnixFileMode Everybody = UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
    private const UnixFileMode EverybodyExecutes = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    private readonly Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    /// <summary>Makes the directory and listens in it.</summary>
    public FilesInMemory(string path)
    {
        Path = path;
        Directory.CreateDirectory(path, UnixFileMode.UserWrite | Everybody | EverybodyExecutes);

        // What the waiter itself is mounted on.
        File.WriteAllBytes(In(SecurityProfile.InitName), []);
        listener.Bind(new UnixDomainSocketEndPoint(In(ContainerShape.ChannelName)));
        File.SetUnixFileMode(
            In(ContainerShape.ChannelName),
            Everybody | UnixFileMode.UserWrite | UnixFileMode.GroupWrite | UnixFileMode.OtherWrite);
        listener.Listen(1);
    }

    /// <summary>Absolute path on this host.</summary>
    public string Path { get; }

    /// <summary>Waits for the waiter. It is the only one who gets in: the socket is gone before any user code runs.</summary>
    public async Task<WaiterChannel> AcceptAsync(CancellationToken cancellationToken)
    {
        var connection = await listener.AcceptAsync(cancellationToken);
        listener.Dispose();
        File.Delete(In(ContainerShape.ChannelName));
        return new WaiterChannel(new NetworkStream(connection, ownsSocket: true));
    }

    /// <summary>Writes a file that the container's command may read.</summary>
    /// <param name="file">The file.</param>
    /// <param name="owner">For a secret one: the only user who may read it.</param>
    public void Write(InjectedFile file, (uint User, uint Group) owner)
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

    public void Dispose()
    {
        listener.Dispose();
        if (Directory.Exists(Path))
        {
            Directory.Delete(Path, recursive: true);
        }
    }

    private string In(string name) => System.IO.Path.Combine(Path, name);
}
