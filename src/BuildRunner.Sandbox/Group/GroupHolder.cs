using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Network;
using BuildRunner.Sandbox.Rootless;
using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Sandbox.Group;

/// <summary>Holds what the containers of one workflow share, for as long as its caller lives: ids, addresses, mounts, network.</summary>
/// <remarks>
/// Its mounts are in a mount namespace of its own, so that a crash leaves none on the host. When its standard input ends, its caller is
/// gone: it waits until the group's shims have ended their containers, and removes everything.
/// </remarks>
internal sealed class GroupHolder
{
    private readonly GroupSetup _setup;
    private readonly string _directory;
    private readonly string _scratch;
    private readonly Slot _slot;
    private readonly FileLock _lock;
    private readonly UserNamespace _users;
    private readonly Descriptor _owners;
    private readonly GroupMounts _mounts;
    private readonly SlirpNetwork? _slirp;
    private readonly GroupNetwork _network;
    private string? _keptWorkspace;

    private GroupHolder(GroupSetup setup)
    {
        _setup = setup;
        _directory = HostPaths.Group(setup.StateRoot, setup.GroupId);
        _scratch = HostPaths.GroupScratch(setup.ScratchRoot, setup.GroupId);
        _slot = Slot.Acquire(setup.Slots);
        Files.MakeDirectories(setup.StateRoot + "/groups", 0x1C9);
        _lock = TakeGroupLock(setup);
        MakeDirectories();
        StandardStreams.SendErrorsTo(_directory + "/holder.log");
        Mounts.Separate();
        if (setup.DiskBytes > 0)
        {
            GroupDisk.Mount(_scratch, setup.DiskBytes);
        }

        _users = Rights.AreOfHost ? UserNamespace.Create(OwnerMap.Same(FirstHostId), OwnerMap.Same(FirstHostId)) : UserNamespace.Create(OwnerMap.Own("uid_map"), OwnerMap.Own("gid_map"));
        _owners = _users.Open();
        _mounts = new GroupMounts(_directory, _scratch, Rights.AreOfHost ? _owners : null, FirstHostId);
        _slirp = Rights.AreOfHost ? null : SlirpNetwork.Create(setup.Uplink, _directory + "/slirp4netns.log");
        _network = GroupNetwork.Create(Addresses, AddressPlan6.OfSlot(setup.PoolAddress6, _slot.Number));
        Cgroups.OfThisHost().Create(HostPaths.GroupCgroup(setup.GroupId), setup.Limits);
        Mounts.Temporary(MakeRuntimeDirectory(), "mode=0711");
        if (setup.WorkspaceSource is { } source)
        {
            _mounts.AddWorkspace(source, setup.WorkspaceCopyOnWrite, setup.WorkspaceChanges, setup.WorkspaceTreeBelowBase, setup is { DiskBytes: > 0, WorkspaceBeginsEmpty: true });
        }
    }

    /// <summary>Without the host's rights the containers have the ids that this process has.</summary>
    private uint FirstHostId => Rights.AreOfHost ? _setup.FirstHostId + ((uint)_slot.Number * OwnerMap.Count) : 0;

    private AddressPlan Addresses => AddressPlan.OfSlot(_setup.PoolAddress, _slot.Number);

    /// <summary>The verb <c>group</c>.</summary>
    public static int Run()
    {
        var channel = FrameChannel.OfStandardStreams();
        _ = Libc.NewSession();
        if (channel.Read() is not { Kind: (byte)HolderMessage.Setup } first)
        {
            return 2;
        }

        GroupHolder holder;
        try
        {
            holder = new GroupHolder(GroupSetup.Decode(first));
        }
        catch (KernelException e)
        {
            channel.Write(e.ToFailure().Encode());
            return 1;
        }

        channel.Write(new HolderReady(holder._slot.Number, holder.FirstHostId, holder.UserNamespacePath, holder.ConnectUplink()).Encode());
        holder.MakeSpareNetwork();
        holder.Serve(channel);
        holder.Remove();
        channel.Write(Frame.Encode((byte)HolderMessage.Closed, static _ => { }));
        return 0;
    }

    private string UserNamespacePath => $"/proc/{Environment.ProcessId}/fd/{_owners.Number}";

    private void KeepWorkspace()
    {
        if (_keptWorkspace is null)
        {
            return;
        }

        try
        {
            _mounts.KeepWorkspace(_keptWorkspace);
        }
        catch (KernelException e)
        {
            // Nobody listens any more: whoever looks for it finds that it is not there. The rest is removed all the same.
            Console.Error.WriteLine(e.Message);
        }
    }

    private static FileLock TakeGroupLock(GroupSetup setup)
    {
        using var guard = FileLock.Take(HostPaths.SlotsGuard);
        var path = HostPaths.GroupLock(setup.StateRoot, setup.GroupId);
        var taken = FileLock.TryTake(path) ?? throw new KernelException(FailureKind.InvalidSpec, 0, $"a group with the id {setup.GroupId} is alive already");
        taken.Share();
        return taken;
    }

    private void MakeDirectories()
    {
        Files.MakeDirectories(_setup.ScratchRoot, 0x1C9);
        Files.MakeDirectory(_scratch, 0x1C9);
        Files.MakeDirectory(_directory, 0x1C9);
        Files.MakeDirectory(_directory + "/containers", 0x1C9);
        Files.Write(_directory + "/owner", System.Text.Encoding.UTF8.GetBytes(_setup.Owner), 0x180);
    }

    private string MakeRuntimeDirectory()
    {
        var directory = _directory + "/runtime";
        Files.MakeDirectory(directory, 0x1C9);
        return directory;
    }

    private string ConnectUplink()
    {
        if (!_setup.Uplink || _slirp is { Problem.Length: > 0 })
        {
            return _slirp?.Problem ?? "";
        }

        try
        {
            // The process id makes the name unique: the device of the slot's last holder may not have vanished yet.
            return Firewall.Connect(
                _setup.FirewallRules, _setup.FirewallNames, forwards6: _setup.PoolAddress6 != 0, connect: name => _network.ConnectUplink($"{name}{Environment.ProcessId}"));
        }
        catch (KernelException e)
        {
            return e.Message;
        }
    }

    private void Serve(FrameChannel channel)
    {
        while (channel.Read() is { } frame && frame.Kind != (byte)HolderMessage.Close)
        {
            byte[] answer;
            try
            {
                answer = Answer(frame);
            }
            catch (KernelException e)
            {
                answer = e.ToFailure().Encode();
            }

            if (!channel.Write(answer))
            {
                return;
            }

            if (frame.Kind == (byte)HolderMessage.AddNetwork)
            {
                MakeSpareNetwork();
            }
        }
    }

    private void MakeSpareNetwork()
    {
        try
        {
            _network.MakeSpare(_users);
        }
        catch (KernelException)
        {
            // Whoever needs a network makes it, and tells why that cannot be done.
        }
    }

    private byte[] Answer(Frame frame)
    {
        switch ((HolderMessage)frame.Kind)
        {
            case HolderMessage.AddLayer:
                return new LayerAdded(_mounts.AddLayer(LayerRequest.Decode(frame))).Encode();
            case HolderMessage.AddNetwork:
                var request = NetworkRequest.Decode(frame);
                return TextMessage.Encode(HolderMessage.NetworkAdded, _network.AddContainer(_users, request.Container, request.Address));
            case HolderMessage.KeepWorkspace:
                _keptWorkspace = TextMessage.Decode(frame);
                return Frame.Encode((byte)HolderMessage.WorkspaceKept, static _ => { });
            case HolderMessage.RemoveNetwork:
                _network.RemoveContainer(TextMessage.Decode(frame));
                return TextMessage.Encode(HolderMessage.NetworkRemoved, "");
            default:
                throw new KernelException(FailureKind.InvalidSpec, 0, $"a holder does not know the message {frame.Kind}");
        }
    }

    /// <summary>Removes the group, when its last shim has gone.</summary>
    private void Remove()
    {
        _lock.WaitForSole();
        _network.Dispose();
        _slirp?.Dispose();
        _users.Dispose();
        _owners.Dispose();
        _mounts.Dispose();
        KeepWorkspace();
        if (_setup.DiskBytes > 0)
        {
            GroupDisk.Discard(_scratch);
        }

        if (!Rights.AreOfHost && _setup is { WorkspaceSource: { } tree, WorkspaceCopyOnWrite: false })
        {
            OwnTree.GiveBack(tree);
        }

        Mounts.Detach(_directory + "/runtime");
        Cgroups.OfThisHost().Remove(HostPaths.GroupCgroup(_setup.GroupId));
        _ = TreeRemover.Remove(_scratch);
        _ = TreeRemover.Remove(_directory);
        File.Delete(HostPaths.GroupLock(_setup.StateRoot, _setup.GroupId));
        _lock.Dispose();
        _slot.Dispose();
    }
}
