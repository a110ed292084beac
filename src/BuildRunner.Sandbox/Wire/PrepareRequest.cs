namespace BuildRunner.Sandbox.Wire;

/// <summary>The first message to a shim: everything that decides how the container is made.</summary>
internal sealed record PrepareRequest
{
    /// <summary>The process whose mount namespace has the group's mounts.</summary>
    public required int HolderPid { get; init; }

    /// <summary>The file whose lock says that the group lives.</summary>
    public required string LockFile { get; init; }

    /// <summary>The holder's directory with the mounted layers, named by number.</summary>
    public required string LayersDirectory { get; init; }

    /// <summary>Lowest first.</summary>
    public required IReadOnlyList<string> Layers { get; init; }

    public required string ContainerDirectory { get; init; }

    public required string ScratchDirectory { get; init; }

    public required uint FirstHostId { get; init; }

    /// <summary>The OCI runtime, or <see cref="LaunchPlan.RuntimeName"/>.</summary>
    public required string Runtime { get; init; }

    public required string RuntimeState { get; init; }

    public required string ContainerId { get; init; }

    /// <summary>The container's cgroup, below the root of each hierarchy.</summary>
    public required string CgroupPath { get; init; }

    /// <summary>The OCI runtime configuration; for the launcher of our own a <see cref="LaunchPlan"/>.</summary>
    public required byte[] Configuration { get; init; }

    /// <summary>The filter of system calls that the init puts in force, as the kernel takes it; empty: none, or the runtime does.</summary>
    public required byte[] Filter { get; init; }

    /// <summary>This program, to be the container's first process.</summary>
    public required string InitPath { get; init; }

    public required string Hosts { get; init; }

    public required string ResolvConf { get; init; }

    public required string HostName { get; init; }

    /// <summary><c>user[:group]</c>; empty means root.</summary>
    public required string User { get; init; }

    public required IReadOnlyList<BindMount> Binds { get; init; }

    public required IReadOnlyList<DeviceNode> Devices { get; init; }

    /// <summary>What may be written to folders of the image in all, where the image itself is read-only; 0: all of it can be written.</summary>
    public required long ScratchBytes { get; init; }

    /// <summary>The SELinux label of the files that the container is given; empty: as the policy has it.</summary>
    public required string MountLabel { get; init; }

    /// <summary>True: setuid programs work.</summary>
    public required bool AllowSetuid { get; init; }

    /// <summary>True: device nodes work.</summary>
    public required bool AllowDevices { get; init; }

    public required int StopSignal { get; init; }

    public required int GraceMilliseconds { get; init; }

    /// <summary>True: at the end the shim waits to be told whether to keep what the container changed (<see cref="ShimMessage.Keep"/>) or that its caller is done.</summary>
    public required bool MayBeKept { get; init; }

    /// <summary>What the group may write to the disk of <see cref="ScratchDirectory"/>; 0: as much as there is.</summary>
    public required long DiskBytes { get; init; }

    /// <summary>What it is made for; null: that is not known yet, and comes with <see cref="ShimMessage.Assign"/>.</summary>
    public required ContainerTask? Task { get; init; }

    public byte[] Encode() => Frame.Encode((byte)ShimMessage.Prepare, w =>
    {
        w.Write(HolderPid);
        w.Write(LockFile);
        w.Write(LayersDirectory);
        w.Write(Layers);
        w.Write(ContainerDirectory);
        w.Write(ScratchDirectory);
        w.Write(FirstHostId);
        w.Write(Runtime);
        w.Write(RuntimeState);
        w.Write(ContainerId);
        w.Write(CgroupPath);
        w.WriteBytes(Configuration);
        w.WriteBytes(Filter);
        w.Write(InitPath);
        w.Write(Hosts);
        w.Write(ResolvConf);
        w.Write(HostName);
        w.Write(User);
        w.WriteAll(Binds, static (w, b) => b.Write(w));
        w.Write(AllowSetuid);
        w.Write(AllowDevices);
        w.Write(StopSignal);
        w.Write(GraceMilliseconds);
        w.Write(MayBeKept);
        w.Write(DiskBytes);
        w.WriteAll(Devices, static (w, d) => d.Write(w));
        w.Write(MountLabel);
        w.Write(ScratchBytes);
        w.Write(Task is not null);
        Task?.Write(w);
    });

    public static PrepareRequest Decode(Frame frame)
    {
        using var r = frame.Open();
        return new PrepareRequest
        {
            HolderPid = r.ReadInt32(),
            LockFile = r.ReadString(),
            LayersDirectory = r.ReadString(),
            Layers = r.ReadStrings(),
            ContainerDirectory = r.ReadString(),
            ScratchDirectory = r.ReadString(),
            FirstHostId = r.ReadUInt32(),
            Runtime = r.ReadString(),
            RuntimeState = r.ReadString(),
            ContainerId = r.ReadString(),
            CgroupPath = r.ReadString(),
            Configuration = r.ReadByteArray(),
            Filter = r.ReadByteArray(),
            InitPath = r.ReadString(),
            Hosts = r.ReadString(),
            ResolvConf = r.ReadString(),
            HostName = r.ReadString(),
            User = r.ReadString(),
            Binds = r.ReadAll(BindMount.Read),
            AllowSetuid = r.ReadBoolean(),
            AllowDevices = r.ReadBoolean(),
            StopSignal = r.ReadInt32(),
            GraceMilliseconds = r.ReadInt32(),
            MayBeKept = r.ReadBoolean(),
            DiskBytes = r.ReadInt64(),
            Devices = r.ReadAll(DeviceNode.Read),
            MountLabel = r.ReadString(),
            ScratchBytes = r.ReadInt64(),
            Task = r.ReadBoolean() ? ContainerTask.Read(r) : null,
        };
    }
}

/// <summary>What a container is made for: what can also be told to one that is there already, because nothing of it decides how the container is made.</summary>
internal sealed record ContainerTask
{
    public required IReadOnlyList<FileContent> Files { get; init; }

    public required string WorkingDirectory { get; init; }

    /// <summary>Milliseconds from its start after which the container is ended; 0: never.</summary>
    public required long DeadlineMilliseconds { get; init; }

    /// <summary>Where output and end are kept beyond the caller's life; empty: nowhere.</summary>
    public required string RecordDirectory { get; init; }

    /// <summary>How many bytes of output are kept there.</summary>
    public required long RecordOutput { get; init; }

    /// <summary>The key that hides what is kept there (<see cref="SpoolCipher"/>); empty: it lies there as it is.</summary>
    public required byte[] RecordKey { get; init; }

    /// <summary>The file in which the output waits for its reader.</summary>
    /// <param name="containerDirectory">The container's directory on this host.</param>
    public string Spool(string containerDirectory) => RecordDirectory.Length > 0 ? RecordPaths.Spool(RecordDirectory) : containerDirectory + "/spool";

    public byte[] Encode() => Frame.Encode((byte)ShimMessage.Assign, Write);

    public static ContainerTask Decode(Frame frame)
    {
        using var reader = frame.Open();
        return Read(reader);
    }

    public void Write(BinaryWriter writer)
    {
        writer.WriteAll(Files, static (w, f) => f.Write(w));
        writer.Write(WorkingDirectory);
        writer.Write(DeadlineMilliseconds);
        writer.Write(RecordDirectory);
        writer.Write(RecordOutput);
        writer.WriteBytes(RecordKey);
    }

    public static ContainerTask Read(BinaryReader reader) => new()
    {
        Files = reader.ReadAll(FileContent.Read),
        WorkingDirectory = reader.ReadString(),
        DeadlineMilliseconds = reader.ReadInt64(),
        RecordDirectory = reader.ReadString(),
        RecordOutput = reader.ReadInt64(),
        RecordKey = reader.ReadByteArray(),
    };
}
