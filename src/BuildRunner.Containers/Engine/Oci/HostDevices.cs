using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Text;
using BuildRunner.Containers.Storage;
using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>A device for a container, as it was when it was looked at: what happens to its path later changes nothing.</summary>
/// <param name="Target">Absolute path in the container.</param>
/// <param name="Access">What may be done with it.</param>
/// <param name="Node">The node that the shim makes.</param>
internal sealed record DeviceOfContainer(string Target, string Access, DeviceNode Node);

/// <summary>Finds the nodes of the devices that a container asks for.</summary>
internal static unsafe class HostDevices
{
    /// <summary>More are in no directory that somebody means.</summary>
    private const int Most = 64;

    private const uint BlockDevice = 0x6000, Readable = 0x124, Writable = 0x92, ForOwner = 0x180, Permissions = 0x1FF;
    private const int ErrNoEntry = 2, ErrLoop = 40, AccessRead = 4, AccessWrite = 2;

    /// <summary>The devices, those of a directory one by one.</summary>
    /// <param name="spec">What asks for them.</param>
    /// <param name="withoutRoot">Whether only the rights of an ordinary user are there.</param>
    /// <exception cref="ContainerException">There is no such device, or it cannot be given to a container.</exception>
    public static IReadOnlyList<DeviceOfContainer> Of(ContainerSpec spec, bool withoutRoot)
    {
        var found = new List<DeviceOfContainer>();
        foreach (var device in spec.Devices)
        {
            Check(spec, device, withoutRoot);
            var before = found.Count;
            Add(found, device, device.Source, device.Target, spec.Name);
            if (found.Count == before)
            {
                throw Wrong(spec.Name, device.Source, "is a directory without devices");
            }
        }

        if (found.GroupBy(d => d.Target, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1) is { } twice)
        {
            throw new ContainerException(ContainerFailure.InvalidSpec, $"The container {spec.Name} has two devices at {twice.Key}.");
        }

        foreach (var closed in found.Where(d => withoutRoot && Docker.Libc.Access(d.Node.Source, AccessRead | AccessWrite) != 0))
        {
            throw Wrong(spec.Name, closed.Node.Source, "is closed to you: without root a container gets only devices that you may open yourself. Have its mode changed, or use sudo");
        }

        return [.. found.Select((d, i) => d with { Node = d.Node with { Name = $"{i}" } })];
    }

    private static void Check(ContainerSpec spec, HostDevice device, bool withoutRoot)
    {
        foreach (var path in (string[])[device.Source, device.Target])
        {
            if (!Path.IsPathRooted(path))
            {
                throw new ContainerException(ContainerFailure.InvalidSpec, $"The path '{path}' of a device of the container {spec.Name} must be absolute.");
            }
        }

        if (withoutRoot && !(device.Access.Contains('r') && device.Access.Contains('w')))
        {
            throw Wrong(spec.Name, device.Source, $"cannot be held to the access '{device.Access}' without root, because there are no cgroups. Ask for it without an access, or use sudo");
        }
    }

    private static void Add(List<DeviceOfContainer> found, HostDevice device, string path, string target, string container)
    {
        var (type, status, error) = Look(path);
        switch (type)
        {
            case Libc.TypeCharacterDevice or BlockDevice when found.Count == Most:
                throw Wrong(container, device.Source, $"is a directory with more than {Most} devices; name them one by one");
            case Libc.TypeCharacterDevice or BlockDevice:
                found.Add(new DeviceOfContainer(target, device.Access, new DeviceNode("", path, type | ModeOf(status.Mode, device.Access), status.NodeMajor, status.NodeMinor, status.Group)));
                break;
            case Libc.TypeDirectory:
                foreach (var entry in Directory.GetFileSystemEntries(path).Order(StringComparer.Ordinal))
                {
                    Add(found, device, entry, $"{target.TrimEnd('/')}/{Path.GetFileName(entry)}", container);
                }

                break;

            // What is no device in a directory, or a link there, is nobody's concern.
            case var _ when path != device.Source:
                break;
            case 0 when error == ErrNoEntry:
                throw Wrong(container, path, "does not exist on this machine");
            case 0 when error == ErrLoop:
                throw Wrong(container, path, "leads over a link; name the device itself");
            case 0:
                throw Wrong(container, path, $"cannot be looked at: {new Win32Exception(error).Message}");
            default:
                throw Wrong(container, path, "is no device");
        }
    }

    /// <summary>What a path is, of which no part is a link; type 0 if that cannot be told.</summary>
    private static (uint Type, Libc.FileStatus Status, int Error) Look(string path)
    {
        int descriptor, error;
        fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0'))
        {
            descriptor = Libc.OpenAt2(Libc.AtCurrentDirectory, name, Libc.PathOnly | Libc.CloseOnExec, Libc.ResolveNoSymlinks | Libc.ResolveNoMagicLinks);
            error = Marshal.GetLastPInvokeError();
        }

        if (descriptor < 0)
        {
            return (0, default, error);
        }

        byte empty = 0;
        Libc.FileStatus status;
        var result = Libc.Status(descriptor, &empty, Libc.AtEmptyPath, Libc.FileStatus.Basic, &status);
        error = Marshal.GetLastPInvokeError();
        _ = Libc.Close(descriptor);
        return result < 0 ? (0, default, error) : (status.Mode & Libc.TypeMask, status, 0);
    }

    /// <summary>The host's, but that the owner, who is the container's user, may do all that is allowed.</summary>
    private static uint ModeOf(uint mode, string access)
    {
        var allowed = (access.Contains('r') ? Readable : 0) | (access.Contains('w') ? Writable : 0);
        return ((mode & Permissions) | ForOwner) & allowed;
    }

    private static ContainerException Wrong(string container, string device, string what) =>
        new(ContainerFailure.InvalidSpec, $"The device {device}, which the container {container} asks for, {what}.");
}
