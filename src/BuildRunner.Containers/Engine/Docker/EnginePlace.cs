using System.Net.Sockets;
using System.Runtime.InteropServices;
using Docker.DotNet;
using Docker.DotNet.Models;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>Finds out whether an engine sees this host's files: neither the kind of its address nor its name tells.</summary>
internal static class EnginePlace
{
    private const int SocketLevel = 1, PeerCredentials = 17;
    private const string Target = "/shared";

    // Whoever forwards a socket to another host listens here too.
    private static readonly string[] Daemons = ["dockerd", "podman", "systemd"];

    /// <summary>True: a path means the same file for the engine and for us.</summary>
    public static async Task<bool> SeesThisHostAsync(DockerConnection connection, CancellationToken cancellationToken) =>
        (connection.Endpoint.IsSocket && IsListenerOfThisHost(connection.Endpoint.Address.LocalPath)) || await SeesFileAsync(connection, cancellationToken);

    /// <summary>Who listens at the socket is a daemon with our root and our mounts. False: not known.</summary>
    private static bool IsListenerOfThisHost(string path)
    {
        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            socket.Connect(new UnixDomainSocketEndPoint(path));
            Span<int> credentials = stackalloc int[3];
            _ = socket.GetRawSocketOption(SocketLevel, PeerCredentials, MemoryMarshal.AsBytes(credentials));
            var peer = $"/proc/{credentials[0]}";
            return credentials[0] > 0
                && Daemons.Contains(File.ReadAllText(peer + "/comm").Trim())
                && Link(peer, "ns/mnt") == Link("/proc/self", "ns/mnt")
                && Link(peer, "root") == Link("/proc/self", "root");
        }
        catch (Exception unknown) when (unknown is IOException or SocketException or UnauthorizedAccessException)
        {
            // A process that we may not look at: then by trying.
            return false;
        }
    }

    private static string Link(string process, string name) =>
        new FileInfo($"{process}/{name}").LinkTarget ?? throw new UnauthorizedAccessException($"{process}/{name} cannot be read");

    /// <summary>Shows the engine a file that only we know of, through a container that is never started.</summary>
    private static async Task<bool> SeesFileAsync(DockerConnection connection, CancellationToken cancellationToken)
    {
        var token = Guid.NewGuid().ToString("N");
        var directory = GroupDirectories.CreateProbe(token);
        var name = $"buildrunner-probe-{token}";
        var labels = new Dictionary<string, string> { [DockerLabels.Managed] = "1" };
        try
        {
            var image = await CarrierImage.EnsureAsync(connection, cancellationToken);
            Mount[] mounts = [new() { Type = "bind", Source = directory, Target = Target, ReadOnly = true }];
            await CarrierImage.CreateContainerAsync(connection, image, name, labels, mounts, cancellationToken);
            var answer = await connection.Client.Containers.GetArchiveFromContainerAsync(
                name, new ContainerPathStatParameters { Path = $"{Target}/{token}" }, true, cancellationToken);
            return answer.Stat is not null;
        }
        catch (Exception missing) when (missing is DockerApiException or ContainerException { InnerException: DockerApiException })
        {
            // The path, or the file in it, is not there for the engine.
            return false;
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
            await connection.RemoveContainerAsync(name, name, CancellationToken.None);
        }
    }
}
