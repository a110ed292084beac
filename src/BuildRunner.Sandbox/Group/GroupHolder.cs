using BuildRunner.Sandbox.Kernel;
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
    /// <summary>Until then the shim of its first container has begun to do the same.</summary>
    private const int UntilFirstContainerMilliseconds = 50;

    private readonly GroupSetup _setup;
    private readonly string _directory;
    private readonly string _scratch;
    private readonly GroupPlace _place;
    private readonly FileLock _lock;
    private readonly GroupMounts _mounts;
    private string? _keptWorkspace;

    private GroupHolder(GroupSetup setup, GroupPlace? taken)
    {
        _setup = setup;
        _directory = HostPaths.Group(setup.StateRoot, setup.GroupId);
        _scratch = HostPaths.GroupScratch(setup.ScratchRoot, setup.GroupId);
        _place = taken ?? GroupPlace.Take(setup.Place);
        Files.MakeDirectories(setup.StateRoot + "/groups", 0x1C9);
        _lock = TakeGroupLock(setup);
        MakeDirectories();
        StandardStreams.SendErrorsTo(_directory + "/holder.log");
        Mounts.Separate();
        if (setup.DiskBytes > 0)
        {
            GroupDisk.Mount(_scratch, setup.DiskBytes);
        }

        if (taken is null)
        {
            _place.Furnish(_directory + "/slirp4netns.log");
        }

        _mounts = new GroupMounts(_directory, _scratch, Rights.AreOfHost ? _place.Owners : null, _place.FirstHostId);
        Cgroups.OfThisHost().Create(HostPaths.GroupCgroup(setup.GroupId), setup.Limits);
        Mounts.Temporary(MakeRuntimeDirectory(), "mode=0711");
        if (setup.WorkspaceSource is { } source)
        {
            _mounts.AddWorkspace(source, setup.WorkspaceCopyOnWrite, setup.WorkspaceChanges, setup.WorkspaceTreeBelowBase, setup is { DiskBytes: > 0, WorkspaceBeginsEmpty: true });
        }
    }

    /// <summary>The verb <c>group</c>.</summary>
    public static int Run()
    {
        var channel = FrameChannel.OfStandardStreams();
        _ = Libc.NewSession();
        GroupHolder holder;
        try
        {
            var first = channel.Read();
            var taken = first is { Kind: (byte)HolderMessage.TakePlace } wish ? TakePlace(PlaceSetup.Decode(wish), channel) : null;
            if ((taken is null ? first : channel.Read()) is not { Kind: (byte)HolderMessage.Setup } asked)
            {
                // Its caller is gone, or needs no group any more.
                return 2;
            }

            var setup = GroupSetup.Decode(asked);
            if (setup.RuntimeMovesProcesses)
            {
                _ = QuickMoves.Begin(UntilFirstContainerMilliseconds);
            }

            holder = new GroupHolder(setup, taken);
            holder.Connect(taken is not null);
        }
        catch (KernelException e)
        {
            channel.Write(e.ToFailure().Encode());
            return 1;
        }

        channel.Write(holder.Ready());
        holder._place.MakeSpareNetwork();
        holder.Serve(channel);
        holder.Remove();
        channel.Write(Frame.Encode((byte)HolderMessage.Closed, static _ => { }));
        return 0;
    }

    private byte[] Ready() => new HolderReady(_place.Number, _place.FirstHostId, _place.UserNamespacePath, _place.UplinkProblem).Encode();

    private static GroupPlace TakePlace(PlaceSetup setup, FrameChannel channel)
    {
        var place = GroupPlace.Take(setup);
        place.Furnish("/dev/null");
        place.Connect();
        if (place.UplinkProblem is { Length: > 0 } problem)
        {
            // What is in the way now may be gone when a group is wanted: that one tries again, and tells.
            throw new KernelException(FailureKind.Kernel, 0, problem);
        }

        place.MakeSpareNetwork();
        channel.Write(Frame.Encode((byte)HolderMessage.PlaceTaken, static _ => { }));
        return place;
    }

    private void Connect(bool again)
    {
        if (again)
        {
            _place.Renew(_setup.Place);
        }
        else
        {
            _place.Connect();
        }
    }

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
                _place.MakeSpareNetwork();
            }
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
                return TextMessage.Encode(HolderMessage.NetworkAdded, _place.Network.AddContainer(_place.Users, request.Container, request.Address));
            case HolderMessage.Renew:
                _place.Renew(PlaceSetup.Decode(frame));
                return Ready();
            case HolderMessage.KeepWorkspace:
                _keptWorkspace = TextMessage.Decode(frame);
                return Frame.Encode((byte)HolderMessage.WorkspaceKept, static _ => { });
            case HolderMessage.RemoveNetwork:
                _place.Network.RemoveContainer(TextMessage.Decode(frame));
                return TextMessage.Encode(HolderMessage.NetworkRemoved, "");
            default:
                throw new KernelException(FailureKind.InvalidSpec, 0, $"a holder does not know the message {frame.Kind}");
        }
    }

    /// <summary>Removes the group, when its last shim has gone.</summary>
    private void Remove()
    {
        _lock.WaitForSole();
        _place.Close();
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
        _place.Dispose();
    }
}
