using System.Text;
using BuildRunner.Sandbox.Group;
using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Sandbox.Shim;

/// <summary>The container's root file system and what is put into it, in the shim's own mount namespace.</summary>
/// <remarks>
/// Everything that the runtime is told to mount is mounted here first, with its final attributes, because the runtime acts with the rights of
/// the container's user namespace: it could not reach sources below private directories, and what is read-only here stays so for it.
/// </remarks>
internal sealed class ContainerFiles
{
    private readonly PrepareRequest _request;
    private readonly ScratchPlaces? _scratch;

    public ContainerFiles(PrepareRequest request)
    {
        _request = request;
        _scratch = request.ScratchBytes > 0 ? new ScratchPlaces(request, Root) : null;
    }

    /// <summary>The name under which this program is in the container's directory of injected files.</summary>
    public const string InitName = "buildrunner-init";

    public string Bundle => _request.ContainerDirectory + "/private";

    private string Root => _request.ContainerDirectory + "/root";

    /// <summary>Mounts everything; returns who the container's user is.</summary>
    public ContainerUser Mount()
    {
        Mounts.Separate();
        MountRoot();
        var user = ContainerUser.Find(Root, _request.User);
        _scratch?.Mount(user);
        MountPrivateFiles(user);
        foreach (var bind in _request.Binds)
        {
            Bind(bind, user);
        }

        ContainerDevices.Mount(_request, user);
        return user;
    }

    /// <summary>Puts files into the container's directory of injected files. It sees them there at once.</summary>
    /// <param name="files">At most <see cref="ContainerPaths.InjectedLater"/> bytes, for a container that was made before they were known.</param>
    /// <param name="user">The container's user, whose alone some of them are.</param>
    public void Put(IReadOnlyList<FileContent> files, ContainerUser user)
    {
        var root = _request.FirstHostId;
        foreach (var file in files)
        {
            var mode = file.Executable ? 0x16Du : 0x124u;
            Files.Write($"{Bundle}/files/{file.Name}", file.Content, file.ForUserOnly ? mode & 0x1C0 : mode, file.ForUserOnly ? root + user.UserId : root);
        }
    }

    /// <summary>Adds a line to the container's <c>/etc/hosts</c>.</summary>
    public void AddHost(string line)
    {
        using var file = Descriptor.Open(Bundle + "/hosts", Constants.WriteOnly | Constants.Append | Constants.NoFollow);
        file.Write(Encoding.UTF8.GetBytes(line + "\n"));
    }

    /// <summary>Puts what the container changed elsewhere, in place of removing it.</summary>
    public void Keep(string target)
    {
        Mounts.Detach(Root);
        Files.MoveDirectory(_request.ScratchDirectory + "/upper", target, "keep what the container changed as");
    }

    /// <summary>Removes everything, however large the writable layer has become.</summary>
    public void Remove()
    {
        Mounts.Detach(Root);
        foreach (var bind in _request.Binds)
        {
            Mounts.Detach($"{Bundle}/mounts/{bind.Name}");
        }

        _scratch?.Remove();
        ContainerDevices.Remove(_request);
        Mounts.Detach($"{Bundle}/injected/{InitName}");
        Mounts.Detach(Bundle + "/injected");
        Mounts.Detach(Bundle);
        _ = TreeRemover.Remove(_request.ScratchDirectory);
        _ = TreeRemover.Remove(_request.ContainerDirectory);
    }

    private void MountRoot()
    {
        Files.MakeDirectory(_request.ScratchDirectory, 0x1C0);
        Files.MakeDirectory(_request.ScratchDirectory + "/work", 0x1C0);
        Files.MakeDirectory(Root, 0x1C9);
        KernelException.Check(Libc.ChangeDirectory(_request.LayersDirectory), "enter", _request.LayersDirectory);
        var top = FileStatus.Of(_request.Layers[^1]);
        Files.MakeDirectory(_request.ScratchDirectory + "/upper", top.Mode & 0xFFF, _request.FirstHostId);
        var flags = (_request.AllowDevices ? 0 : Constants.MountNoDevices) | (_request.AllowSetuid ? 0 : Constants.MountNoSuid);
        Mounts.Overlay(Root, string.Join(':', _request.Layers.Reverse()), _request.ScratchDirectory, flags, _request.MountLabel);
        KernelException.Check(Libc.ChangeDirectory("/"), "enter", "/");
        RemoveLinks();
    }

    /// <summary>
    /// Removes what an image has in the place of directories that the runtime fills: runtimes put files into <c>/dev</c> by its path, while
    /// the host's root can still be reached, and would follow a link to it. They make the directories themselves. And the init is executed by
    /// its path: a link on it could lead into the workspace, where another container of the workflow has it lead elsewhere in the moment between.
    /// </summary>
    private void RemoveLinks()
    {
        foreach (var path in (string[])[Root + "/dev", Root + "/proc", Root + "/sys", Root + ContainerPaths.Injected])
        {
            if (Files.IsThere(path) && !FileStatus.Of(path).IsDirectory)
            {
                KernelException.Check(Libc.UnlinkAt(Constants.AtCurrentDirectory, path, 0), "remove", path);
            }
        }
    }

    private void MountPrivateFiles(ContainerUser user)
    {
        var room = (2 << 20) + RoomOf(_request.Task) + _request.Configuration.Length;
        Files.MakeDirectory(Bundle, 0x1C9);
        Mounts.Temporary(Bundle, $"mode=0711,size={room}{Mounts.LabelOption(_request.MountLabel)}");
        var root = _request.FirstHostId;
        if (_request.Runtime != LaunchPlan.RuntimeName)
        {
            Files.Write(Bundle + "/config.json", _request.Configuration, 0x100);
        }

        Files.Write(Bundle + "/hosts", Encoding.UTF8.GetBytes(_request.Hosts), 0x1A4, root);
        Files.Write(Bundle + "/resolv.conf", Encoding.UTF8.GetBytes(_request.ResolvConf), 0x1A4, root);
        Files.Write(Bundle + "/hostname", Encoding.UTF8.GetBytes(_request.HostName + "\n"), 0x1A4, root);
        Files.MakeDirectory(Bundle + "/mounts", 0x1C9);
        Files.MakeDirectory(Bundle + "/files", 0x16D, root);
        Put(_request.Task?.Files ?? [], user);
        Files.Write($"{Bundle}/files/{InitName}", [], 0x16D, root);
        Files.MakeDirectory(Bundle + "/injected", 0x16D, root);
        var sealing = Mounts.Attribute.ReadOnly | Mounts.Attribute.NoSetuid | Mounts.Attribute.NoDevices;
        Mounts.Attach(Bundle + "/files", Bundle + "/injected", sealing, owners: null);
        Mounts.Attach(_request.InitPath, $"{Bundle}/injected/{InitName}", sealing, owners: null);
    }

    private static long RoomOf(ContainerTask? task) => task?.Files.Sum(f => (long)f.Content.Length + ContainerPaths.PerFile) ?? ContainerPaths.InjectedLater;

    private void Bind(BindMount bind, ContainerUser user)
    {
        var target = $"{Bundle}/mounts/{bind.Name}";
        if (FileStatus.Of(bind.Source).IsDirectory)
        {
            Files.MakeDirectory(target, 0x1C9);
        }
        else
        {
            Files.Write(target, [], 0x100);
        }

        var attributes = Mounts.Attribute.NoSetuid | Mounts.Attribute.NoDevices | (bind.ReadOnly ? Mounts.Attribute.ReadOnly : Mounts.Attribute.None);
        using var owners = bind.OwnerBecomesUser ? OwnerMap.OfDirectory(bind.Source, user.UserId, user.GroupId, _request.FirstHostId) : null;
        Mounts.Attach(bind.Source, target, attributes, owners);
    }
}
