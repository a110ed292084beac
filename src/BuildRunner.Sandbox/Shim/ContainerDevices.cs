using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Rootless;
using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Sandbox.Shim;

/// <summary>Nodes of the host's devices that a container was given, in the shim's own mount namespace.</summary>
/// <remarks>
/// The host's own node would be of no use: its owner, mostly root, is nobody in the container's user namespace. So the container gets a node of its own of the
/// same device, which belongs to its user, on a file system that the host's root mounted: on one of a user namespace the kernel opens no device. An ordinary
/// user may make no nodes; there it is the host's, which opens for whom it opens on the host.
/// </remarks>
internal static class ContainerDevices
{
    private const uint Ids = 65536;

    public static void Mount(PrepareRequest request, ContainerUser user)
    {
        if (request.Devices.Count == 0)
        {
            return;
        }

        Files.MakeDirectory(FolderOf(request), 0x1C9);
        Mounts.TemporaryWithDevices(FolderOf(request), "mode=0711,size=64k");
        foreach (var device in request.Devices)
        {
            var path = $"{FolderOf(request)}/{device.Name}";
            if (Rights.AreOfHost)
            {
                MakeNode(path, device, request.FirstHostId, user);
            }
            else
            {
                Files.Write(path, [], 0x100);
                Mounts.Attach(device.Source, path, Mounts.Attribute.NoSetuid, owners: null);
            }
        }
    }

    public static void Remove(PrepareRequest request)
    {
        if (request.Devices.Count > 0)
        {
            Mounts.Detach(FolderOf(request));
        }
    }

    private static string FolderOf(PrepareRequest request) => request.ContainerDirectory + "/devices";

    private static void MakeNode(string path, DeviceNode device, uint firstHostId, ContainerUser user)
    {
        var group = device.Group < Ids ? device.Group : 0;
        KernelException.Check(Libc.MakeNode(path, device.Mode, Number(device)), "make a node of the device", device.Source);
        KernelException.Check(Libc.ChangeOwnerOfName(path, firstHostId + user.UserId, firstHostId + group), "set the owner of", path);
        KernelException.Check(Libc.ChangeModeOfName(path, device.Mode & 0x1FF), "set the mode of", path);
    }

    /// <summary>As the C library puts both into one number.</summary>
    private static ulong Number(DeviceNode device)
    {
        var (major, minor) = ((ulong)device.Major, (ulong)device.Minor);
        return ((major & 0xFFFFF000) << 32) | ((major & 0xFFF) << 8) | ((minor & 0xFFFFFF00) << 12) | (minor & 0xFF);
    }
}
