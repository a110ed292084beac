using System.Globalization;
using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Sandbox.Group;

/// <summary>What a group has mounted in its holder's mount namespace: layers of images, and the workspace.</summary>
internal sealed class GroupMounts
{
    private readonly string _directory;
    private readonly string _scratch;
    private readonly Descriptor? _owners;
    private readonly uint _firstHostId;
    private readonly Dictionary<string, IReadOnlyList<string>> _layers = [];
    private int _count;

    public GroupMounts(string directory, string scratch, Descriptor? owners, uint firstHostId)
    {
        _directory = directory;
        _scratch = scratch;
        _owners = owners;
        _firstHostId = firstHostId;
        Files.MakeDirectory(directory + "/layers", 0x1C9);
    }

    /// <summary>Mounts a layer once; returns the names of what was mounted for it, lowest first.</summary>
    public IReadOnlyList<string> AddLayer(LayerRequest request)
    {
        if (!_layers.TryGetValue(request.Directory, out var names))
        {
            names = request switch
            {
                { IsKept: true, Below.Count: > 0 } => [MountTogether(request.Below), MountKept(new KeptDirectory(request.Directory, request.FirstHostId))],
                { IsKept: true } => [MountKept(new KeptDirectory(request.Directory, request.FirstHostId))],
                { HiddenPaths.Count: > 0 } => MountWithHiding(request),
                _ => [Mount(request.Directory, _owners)],
            };
            _layers.Add(request.Directory, names);
        }

        return names;
    }

    /// <summary>Makes the directory that all containers share, and mounts the view of the working tree.</summary>
    /// <remarks>
    /// The view's root is writable for every user of a container: images run as different users, and all of them work here. The directories
    /// on the way to it belong to nobody in a container and are sticky: a step that could rename one could put a link in its place, by which
    /// the view would be mounted over the programs of the next step.
    /// </remarks>
    public void AddWorkspace(string source, bool copyOnWrite, KeptDirectory? changes, string treeBelowBase, bool onOwnDisk)
    {
        const uint everybody = 0x1FF, sticky = 0x200;
        Files.MakeDirectory(_scratch + "/shared", everybody | sticky);
        if (treeBelowBase.Length > 0)
        {
            Files.MakeDirectories($"{_scratch}/shared/{treeBelowBase}", everybody | sticky);
        }

        Files.MakeDirectory(_directory + "/shared", 0x1C9);
        Mounts.Attach(_scratch + "/shared", _directory + "/shared", Mounts.Attribute.NoSetuid | Mounts.Attribute.NoDevices, owners: null);
        if (!copyOnWrite)
        {
            if (onOwnDisk)
            {
                CoverWithOwnTree(source);
            }

            return;
        }

        using var owners = OwnerMap.OfDirectory(source, 0, 0, _firstHostId);
        var lower = Mount(source, owners);
        lower = changes is null ? lower : $"{MountKept(changes)}:{lower}";
        var writable = _scratch + "/workspace";
        Files.MakeDirectory(writable, 0x1C0);
        Files.MakeDirectory(writable + "/upper", everybody, _firstHostId);
        Files.MakeDirectory(writable + "/work", 0x1C0);
        Files.MakeDirectory(_directory + "/tree", 0x1C9);
        KernelException.Check(Libc.ChangeDirectory(_directory + "/layers"), "enter", _directory);
        Mounts.Overlay(_directory + "/tree", lower, writable, Constants.MountNoDevices | Constants.MountNoSuid);
        KernelException.Check(Libc.ChangeDirectory("/"), "enter", "/");
    }

    /// <summary>Puts what was written to the view elsewhere; to be called when nothing is mounted any more.</summary>
    public void KeepWorkspace(string target) =>
        Files.MoveDirectory(_scratch + "/workspace/upper", target, "keep the changes of the workspace as");

    public void Dispose()
    {
        Mounts.Detach(_directory + "/tree");
        Mounts.Detach(_directory + "/shared");
        for (var i = _count - 1; i >= 0; i--)
        {
            Mounts.Detach($"{_directory}/layers/{i}");
        }
    }

    /// <summary>What the containers write to the tree lies where all that they write lies; the source stays as it is, for all but this group.</summary>
    private void CoverWithOwnTree(string source)
    {
        var tree = _scratch + "/tree";
        var status = FileStatus.Of(source);
        Files.MakeDirectory(tree, status.Mode & 0xFFF, status.User);
        Mounts.Attach(tree, source, Mounts.Attribute.None, owners: null);
    }

    private List<string> MountWithHiding(LayerRequest request)
    {
        var lower = Mount(request.Directory, _owners);

        // On a file system of its own: a layer may not lie in another layer, and the one below may be the whole machine.
        var (name, target) = MakeTarget();
        Mounts.Temporary(target, "mode=0755,size=16m");
        HiddenLayer.Build(request.Directory, target, request.HiddenPaths, _firstHostId);
        return [lower, name];
    }

    private string Mount(string source, Descriptor? owners)
    {
        var (name, target) = MakeTarget();
        Mounts.Attach(source, target, Mounts.Attribute.ReadOnly, owners);
        return name;
    }

    /// <summary>Makes one layer of several; of one too, over an empty one, because an overlay without anything to write to needs two.</summary>
    private string MountTogether(IReadOnlyList<string> layers)
    {
        var (nothing, empty) = MakeTarget();
        Mounts.Temporary(empty, "mode=0755,size=4k");
        var (name, target) = MakeTarget();
        KernelException.Check(Libc.ChangeDirectory(_directory + "/layers"), "enter", _directory);
        Mounts.Overlay(target, $"{string.Join(':', layers.Reverse())}:{nothing}", null, Constants.MountNoDevices);
        KernelException.Check(Libc.ChangeDirectory("/"), "enter", "/");
        return name;
    }

    private string MountKept(KeptDirectory kept)
    {
        using var owners = OwnerMap.OfGroup(kept.FirstHostId, _firstHostId);
        return Mount(kept.Path, owners);
    }

    private (string Name, string Target) MakeTarget()
    {
        var name = _count++.ToString(CultureInfo.InvariantCulture);
        var target = $"{_directory}/layers/{name}";
        Files.MakeDirectory(target, 0x1C9);
        return (name, target);
    }
}
