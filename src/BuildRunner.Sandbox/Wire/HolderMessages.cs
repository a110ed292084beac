namespace BuildRunner.Sandbox.Wire;

/// <summary>What the engine asks of a group's holder, and what it answers; each request has one answer, in order.</summary>
internal enum HolderMessage : byte
{
    Setup = 1,
    AddLayer,
    AddNetwork,
    RemoveNetwork,
    Close,
    KeepWorkspace,
    TakePlace,
    Renew,

    Ready = 64,
    LayerAdded,
    NetworkAdded,
    NetworkRemoved,
    Closed,
    WorkspaceKept,
    PlaceTaken,

    Failed = 127,
}

/// <summary>The first message to a holder, or the first after that it has a place.</summary>
internal sealed record GroupSetup
{
    /// <summary>Where the states of all groups of the host lie.</summary>
    public required string StateRoot { get; init; }

    /// <summary>Where writable layers lie.</summary>
    public required string ScratchRoot { get; init; }

    public required string GroupId { get; init; }

    public required string Owner { get; init; }

    /// <summary>Its part of the host; for a holder that has a place already the one that it was given, with the rules of the packet filter as they are meant now.</summary>
    public required PlaceSetup Place { get; init; }

    /// <summary>The directory whose view the containers share; null for none.</summary>
    public string? WorkspaceSource { get; init; }

    public bool WorkspaceCopyOnWrite { get; init; }

    /// <summary>Changes over the source that a group before kept; null: none.</summary>
    public KeptDirectory? WorkspaceChanges { get; init; }

    /// <summary>Where in the shared directory the tree is mounted; empty if it is the shared directory itself.</summary>
    public string WorkspaceTreeBelowBase { get; init; } = "";

    public CgroupLimits Limits { get; init; } = new(0, 0, 0);

    /// <summary>What all containers together may write to the disk; 0: as much as there is.</summary>
    public long DiskBytes { get; init; }

    /// <summary>True: the workspace's source is empty and nobody wants it afterwards, so the tree may lie on the group's own disk.</summary>
    public bool WorkspaceBeginsEmpty { get; init; }

    /// <summary>True: who makes its containers moves their processes into cgroups.</summary>
    public bool RuntimeMovesProcesses { get; init; }

    public byte[] Encode() => Frame.Encode((byte)HolderMessage.Setup, w =>
    {
        w.Write(StateRoot);
        w.Write(ScratchRoot);
        w.Write(GroupId);
        w.Write(Owner);
        Place.Write(w);
        w.WriteOptional(WorkspaceSource);
        w.Write(WorkspaceCopyOnWrite);
        w.WriteOptional(WorkspaceChanges?.Path);
        w.Write(WorkspaceChanges?.FirstHostId ?? 0);
        w.Write(WorkspaceTreeBelowBase);
        Limits.Write(w);
        w.Write(DiskBytes);
        w.Write(WorkspaceBeginsEmpty);
        w.Write(RuntimeMovesProcesses);
    });

    public static GroupSetup Decode(Frame frame)
    {
        using var r = frame.Open();
        return new GroupSetup
        {
            StateRoot = r.ReadString(),
            ScratchRoot = r.ReadString(),
            GroupId = r.ReadString(),
            Owner = r.ReadString(),
            Place = PlaceSetup.Read(r),
            WorkspaceSource = r.ReadOptional(),
            WorkspaceCopyOnWrite = r.ReadBoolean(),
            WorkspaceChanges = KeptDirectory.Read(r),
            WorkspaceTreeBelowBase = r.ReadString(),
            Limits = CgroupLimits.Read(r),
            DiskBytes = r.ReadInt64(),
            WorkspaceBeginsEmpty = r.ReadBoolean(),
            RuntimeMovesProcesses = r.ReadBoolean(),
        };
    }
}

/// <summary>A group's part of the host: the same for all groups of an engine, so that it can be taken before it is known for which.</summary>
internal sealed record PlaceSetup
{
    /// <summary>How many groups may live at once on this host.</summary>
    public required int Slots { get; init; }

    /// <summary>The first host id that containers may get; each slot has 65,536 from there on.</summary>
    public required uint FirstHostId { get; init; }

    /// <summary>The network of which each group gets a part: its first address.</summary>
    public required uint PoolAddress { get; init; }

    /// <summary>The same for IPv6; 0: the group has none.</summary>
    public required UInt128 PoolAddress6 { get; init; }

    /// <summary>True: the group reaches the world through the host.</summary>
    public required bool Uplink { get; init; }

    /// <summary>The rules to install once for all groups, in the language of <c>nft -f</c>.</summary>
    public required string FirewallRules { get; init; }

    /// <summary>What is added to them for this list of name servers, once.</summary>
    public required string FirewallNames { get; init; }

    /// <summary>Whether a place that was taken as this one is good for a group that shall have the other: only the name servers may differ, which are looked at again when it gets it.</summary>
    /// <remarks>Its device has the letters of its rules in its name: no others would hold for it.</remarks>
    public bool IsAlsoFor(PlaceSetup other) => this with { FirewallNames = other.FirewallNames } == other;

    /// <summary>Asks a holder to take a place, and to wait for the group that it is for.</summary>
    public byte[] Encode() => Frame.Encode((byte)HolderMessage.TakePlace, Write);

    /// <summary>Asks a holder that has its group already to see to it that the host's rules are in force as they are meant now.</summary>
    public byte[] EncodeRenewal() => Frame.Encode((byte)HolderMessage.Renew, Write);

    public static PlaceSetup Decode(Frame frame)
    {
        using var reader = frame.Open();
        return Read(reader);
    }

    public void Write(BinaryWriter writer)
    {
        writer.Write(Slots);
        writer.Write(FirstHostId);
        writer.Write(PoolAddress);
        writer.Write((ulong)(PoolAddress6 >> 64));
        writer.Write((ulong)PoolAddress6);
        writer.Write(Uplink);
        writer.Write(FirewallRules);
        writer.Write(FirewallNames);
    }

    public static PlaceSetup Read(BinaryReader reader) => new()
    {
        Slots = reader.ReadInt32(),
        FirstHostId = reader.ReadUInt32(),
        PoolAddress = reader.ReadUInt32(),
        PoolAddress6 = new UInt128(reader.ReadUInt64(), reader.ReadUInt64()),
        Uplink = reader.ReadBoolean(),
        FirewallRules = reader.ReadString(),
        FirewallNames = reader.ReadString(),
    };
}

/// <summary>What a group before wrote, with the ids that its containers had.</summary>
/// <param name="Path">The upper directory of an overlay.</param>
/// <param name="FirstHostId">The id on the disk that was the containers' root.</param>
internal sealed record KeptDirectory(string Path, uint FirstHostId)
{
    public static KeptDirectory? Read(BinaryReader reader)
    {
        var path = reader.ReadOptional();
        var first = reader.ReadUInt32();
        return path is null ? null : new KeptDirectory(path, first);
    }
}

/// <summary>Limits of a cgroup; 0 means none.</summary>
internal readonly record struct CgroupLimits(long MemoryBytes, double Cpus, int Pids)
{
    public void Write(BinaryWriter writer)
    {
        writer.Write(MemoryBytes);
        writer.Write(Cpus);
        writer.Write(Pids);
    }

    public static CgroupLimits Read(BinaryReader reader) => new(reader.ReadInt64(), reader.ReadDouble(), reader.ReadInt32());
}

/// <summary>The holder is ready.</summary>
/// <param name="Slot">The number that the group has on this host while it lives.</param>
/// <param name="FirstHostId">The host id that is root in the group's containers.</param>
/// <param name="UserNamespacePath">Under which a runtime can join the group's user namespace.</param>
/// <param name="UplinkProblem">Why the group cannot reach the world; empty if it can, or need not.</param>
internal sealed record HolderReady(int Slot, uint FirstHostId, string UserNamespacePath, string UplinkProblem)
{
    public byte[] Encode() => Frame.Encode((byte)HolderMessage.Ready, w =>
    {
        w.Write(Slot);
        w.Write(FirstHostId);
        w.Write(UserNamespacePath);
        w.Write(UplinkProblem);
    });

    public static HolderReady Decode(Frame frame)
    {
        using var r = frame.Open();
        return new HolderReady(r.ReadInt32(), r.ReadUInt32(), r.ReadString(), r.ReadString());
    }
}

/// <summary>Mount this directory as a read-only layer whose owners are those of the group's containers.</summary>
/// <param name="Directory">The directory.</param>
/// <param name="HiddenPaths">Not empty: a second layer is mounted that hides these.</param>
/// <param name="FirstHostId">The id on the disk that is the containers' root: 0 for images; for what a container wrote, that of its group.</param>
internal sealed record LayerRequest(string Directory, IReadOnlyList<HiddenPath> HiddenPaths, uint FirstHostId = 0)
{
    /// <summary>Layers, lowest first, in one of which the directory may lie. The kernel takes no layer inside of another: they are put together to one first.</summary>
    public IReadOnlyList<string> Below { get; init; } = [];

    /// <summary>True: a container wrote this, and not an image.</summary>
    public bool IsKept { get; init; }

    public byte[] Encode() => Frame.Encode((byte)HolderMessage.AddLayer, w =>
    {
        w.Write(Directory);
        w.WriteAll(HiddenPaths, static (w, p) =>
        {
            w.Write(p.Pattern);
            w.Write((byte)p.Kind);
        });
        w.Write(FirstHostId);
        w.Write(Below);
        w.Write(IsKept);
    });

    public static LayerRequest Decode(Frame frame)
    {
        using var r = frame.Open();
        return new LayerRequest(r.ReadString(), r.ReadAll(static r => new HiddenPath(r.ReadString(), (HiddenPathKind)r.ReadByte())), r.ReadUInt32()) { Below = r.ReadStrings(), IsKept = r.ReadBoolean() };
    }
}

/// <summary>A path of a host's root file system that a container must not see.</summary>
/// <param name="Pattern">Absolute; a <c>*</c> in its last part stands for anything but a slash.</param>
/// <param name="Kind">What is put in its place.</param>
internal readonly record struct HiddenPath(string Pattern, HiddenPathKind Kind);

/// <summary>What is put in a hidden path's place.</summary>
internal enum HiddenPathKind : byte
{
    /// <summary>An empty directory with the owner and mode of the hidden one.</summary>
    EmptyDirectory = 1,

    /// <summary>An empty directory that everybody may write to, as <c>/tmp</c>.</summary>
    SharedDirectory,

    /// <summary>An empty file with the owner and mode of the hidden one.</summary>
    EmptyFile,

    /// <summary>Nothing.</summary>
    Absent,
}

/// <summary>The numbers of the layers that were mounted, lowest first.</summary>
internal sealed record LayerAdded(IReadOnlyList<string> Layers)
{
    public byte[] Encode() => Frame.Encode((byte)HolderMessage.LayerAdded, w => w.Write(Layers));

    public static LayerAdded Decode(Frame frame)
    {
        using var r = frame.Open();
        return new LayerAdded(r.ReadStrings());
    }
}

/// <summary>Make a network namespace for a container.</summary>
/// <param name="Container">The container's name.</param>
/// <param name="Address">Its address; 0 for loopback only.</param>
internal sealed record NetworkRequest(string Container, uint Address)
{
    public byte[] Encode() => Frame.Encode((byte)HolderMessage.AddNetwork, w =>
    {
        w.Write(Container);
        w.Write(Address);
    });

    public static NetworkRequest Decode(Frame frame)
    {
        using var r = frame.Open();
        return new NetworkRequest(r.ReadString(), r.ReadUInt32());
    }
}

/// <summary>An answer or request that is one text: a path, or a name.</summary>
internal static class TextMessage
{
    public static byte[] Encode(HolderMessage kind, string text) => Frame.Encode((byte)kind, w => w.Write(text));

    public static string Decode(Frame frame)
    {
        using var r = frame.Open();
        return r.ReadString();
    }
}

/// <summary>What was asked for could not be done.</summary>
/// <param name="Kind">What kind of failure it is.</param>
/// <param name="ErrorNumber">The kernel's error number; 0 if it was not the kernel.</param>
/// <param name="Message">What happened, to what; for a person.</param>
internal sealed record Failure(FailureKind Kind, int ErrorNumber, string Message)
{
    /// <summary>The kind of frame, the same in every conversation.</summary>
    public const byte FrameKind = 127;

    public byte[] Encode() => Frame.Encode(FrameKind, w =>
    {
        w.Write((byte)Kind);
        w.Write(ErrorNumber);
        w.Write(Message);
    });

    public static Failure Decode(Frame frame)
    {
        using var r = frame.Open();
        return new Failure((FailureKind)r.ReadByte(), r.ReadInt32(), r.ReadString());
    }
}

/// <summary>Kinds of failure; the engine turns them into its own.</summary>
internal enum FailureKind : byte
{
    /// <summary>A kernel call failed.</summary>
    Kernel = 1,

    /// <summary>The specification does not fit the image: user, group, working directory.</summary>
    InvalidSpec,

    /// <summary>The OCI runtime is not there.</summary>
    RuntimeMissing,

    /// <summary>The OCI runtime refused; the message has its words.</summary>
    Runtime,

    /// <summary>Every slot of the host is taken.</summary>
    Exhausted,
}
