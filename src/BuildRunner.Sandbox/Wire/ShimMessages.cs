namespace BuildRunner.Sandbox.Wire;

/// <summary>What the engine says to a container's shim, and what the shim says.</summary>
internal enum ShimMessage : byte
{
    Prepare = 1,
    Go,
    Stop,
    Acknowledge,
    Check,
    AddHost,
    Input,
    Resize,
    Keep,
    Extend,
    Assign,

    Prepared = 64,
    Output,
    CommandFailed,
    Exited,
    CheckDone,
    InputTaken,
    Assigned,

    Failed = 127,
}

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

/// <summary>A file to put into the container.</summary>
/// <param name="Name">Without directories.</param>
/// <param name="Content">All of it.</param>
/// <param name="Executable">Whether it can be executed.</param>
/// <param name="ForUserOnly">Readable by the container's user only.</param>
internal sealed record FileContent(string Name, byte[] Content, bool Executable, bool ForUserOnly)
{
    public void Write(BinaryWriter writer)
    {
        writer.Write(Name);
        writer.WriteBytes(Content);
        writer.Write(Executable);
        writer.Write(ForUserOnly);
    }

    public static FileContent Read(BinaryReader reader) => new(reader.ReadString(), reader.ReadByteArray(), reader.ReadBoolean(), reader.ReadBoolean());
}

/// <summary>A path of this host that the shim makes available to the runtime below the container's directory.</summary>
/// <param name="Source">Absolute path on this host.</param>
/// <param name="Name">Where it appears: <c>mounts/NAME</c> of the container's directory.</param>
/// <param name="ReadOnly">The container cannot write to it.</param>
/// <param name="OwnerBecomesUser">True: the owner of the source is the container's user inside.</param>
internal sealed record BindMount(string Source, string Name, bool ReadOnly, bool OwnerBecomesUser)
{
    public void Write(BinaryWriter writer)
    {
        writer.Write(Source);
        writer.Write(Name);
        writer.Write(ReadOnly);
        writer.Write(OwnerBecomesUser);
    }

    public static BindMount Read(BinaryReader reader) => new(reader.ReadString(), reader.ReadString(), reader.ReadBoolean(), reader.ReadBoolean());
}

/// <summary>A device that the shim makes available to the runtime below the container's directory.</summary>
/// <param name="Name">Where it appears: <c>devices/NAME</c> of the container's directory.</param>
/// <param name="Source">Absolute path on this host, for who may make no nodes.</param>
/// <param name="Mode">Type and permissions of the node.</param>
/// <param name="Major">The device's driver.</param>
/// <param name="Minor">Which one of that.</param>
/// <param name="Group">The node's group on this host.</param>
internal sealed record DeviceNode(string Name, string Source, uint Mode, uint Major, uint Minor, uint Group)
{
    public const uint TypeMask = 0xF000, BlockType = 0x6000;

    public bool IsBlock => (Mode & TypeMask) == BlockType;

    public void Write(BinaryWriter writer)
    {
        writer.Write(Name);
        writer.Write(Source);
        writer.Write(Mode);
        writer.Write(Major);
        writer.Write(Minor);
        writer.Write(Group);
    }

    public static DeviceNode Read(BinaryReader reader) =>
        new(reader.ReadString(), reader.ReadString(), reader.ReadUInt32(), reader.ReadUInt32(), reader.ReadUInt32(), reader.ReadUInt32());
}

/// <summary>Start the command.</summary>
internal sealed record GoRequest(IReadOnlyList<string> Arguments, IReadOnlyList<string> Environment, InputKind Input)
{
    public byte[] Encode() => Frame.Encode((byte)ShimMessage.Go, w =>
    {
        w.Write(Arguments);
        w.Write(Environment);
        Input.Write(w);
    });

    public static GoRequest Decode(Frame frame)
    {
        using var r = frame.Open();
        return new GoRequest(r.ReadStrings(), r.ReadStrings(), InputKind.Read(r));
    }
}

/// <summary>Kill the container when this time has passed and nobody has said so again.</summary>
internal readonly record struct ExtendRequest(long Milliseconds)
{
    public byte[] Encode()
    {
        var request = this;
        return Frame.Encode((byte)ShimMessage.Extend, w => w.Write(request.Milliseconds));
    }

    public static ExtendRequest Decode(Frame frame)
    {
        using var r = frame.Open();
        return new ExtendRequest(r.ReadInt64());
    }
}

/// <summary>End the container: the signal to all its processes, then KILL after the grace.</summary>
internal sealed record StopRequest(int Signal, int GraceMilliseconds)
{
    public byte[] Encode() => Frame.Encode((byte)ShimMessage.Stop, w =>
    {
        w.Write(Signal);
        w.Write(GraceMilliseconds);
    });

    public static StopRequest Decode(Frame frame)
    {
        using var r = frame.Open();
        return new StopRequest(r.ReadInt32(), r.ReadInt32());
    }
}

/// <summary>A position in the spool: how far it was written (<see cref="ShimMessage.Output"/>), or consumed (<see cref="ShimMessage.Acknowledge"/>).</summary>
/// <param name="From">First byte; only said of written output.</param>
/// <param name="To">The byte after the last.</param>
internal readonly record struct SpoolRange(long From, long To)
{
    public byte[] Encode(ShimMessage kind)
    {
        var range = this;
        return Frame.Encode((byte)kind, w =>
        {
            w.Write(range.From);
            w.Write(range.To);
        });
    }

    public static SpoolRange Decode(Frame frame)
    {
        using var r = frame.Open();
        return new SpoolRange(r.ReadInt64(), r.ReadInt64());
    }
}

/// <summary>Run a command beside the container's own, with its user and environment, to find out whether it is healthy.</summary>
internal sealed record CheckRequest(int Id, IReadOnlyList<string> Arguments, int TimeoutMilliseconds)
{
    public byte[] Encode(byte kind) => Frame.Encode(kind, w =>
    {
        w.Write(Id);
        w.Write(Arguments);
        w.Write(TimeoutMilliseconds);
    });

    public static CheckRequest Decode(Frame frame)
    {
        using var r = frame.Open();
        return new CheckRequest(r.ReadInt32(), r.ReadStrings(), r.ReadInt32());
    }
}

/// <summary>A check has ended.</summary>
/// <param name="Id">Which check.</param>
/// <param name="Status">As a shell shows it; 0 is healthy.</param>
internal readonly record struct CheckResult(int Id, int Status)
{
    public byte[] Encode(byte kind)
    {
        var result = this;
        return Frame.Encode(kind, w =>
        {
            w.Write(result.Id);
            w.Write(result.Status);
        });
    }

    public static CheckResult Decode(Frame frame)
    {
        using var r = frame.Open();
        return new CheckResult(r.ReadInt32(), r.ReadInt32());
    }
}

/// <summary>The command could not be executed.</summary>
/// <param name="Stage">What was being done.</param>
/// <param name="ErrorNumber">The kernel's answer.</param>
/// <param name="Subject">To what: the program, the directory.</param>
internal sealed record CommandFailure(CommandStage Stage, int ErrorNumber, string Subject)
{
    public byte[] Encode(byte kind) => Frame.Encode(kind, w =>
    {
        w.Write((byte)Stage);
        w.Write(ErrorNumber);
        w.Write(Subject);
    });

    public static CommandFailure Decode(Frame frame)
    {
        using var r = frame.Open();
        return new CommandFailure((CommandStage)r.ReadByte(), r.ReadInt32(), r.ReadString());
    }
}

/// <summary>The steps between "go" and the command's first instruction.</summary>
internal enum CommandStage : byte
{
    Fork = 1,
    StandardInput,
    WorkingDirectory,
    User,

    /// <summary>No file of that name was found on the search path.</summary>
    Find,

    /// <summary>The file is there and the kernel does not execute it.</summary>
    Execute,

    /// <summary>The file is there, and the interpreter that it names is not.</summary>
    Interpreter,

    /// <summary>The kernel did not take the filter of system calls.</summary>
    Filter,

    /// <summary>The kernel has Landlock and did not keep the container's signals and sockets within it.</summary>
    Landlock,
}

/// <summary>How a container ended.</summary>
/// <param name="Code">The exit code, or -1 if a signal ended it.</param>
/// <param name="Signal">The signal, or 0.</param>
/// <param name="OutOfMemory">The kernel killed a process of it for memory.</param>
/// <param name="DeadlinePassed">The shim ended it because its deadline had passed.</param>
/// <param name="Abandoned">The shim ended it because its caller was gone, or had not said in time that it is not.</param>
/// <param name="DiskBytes">The group's disk was full while it ran: how much the group may write. 0: it was not, or has no limit.</param>
internal readonly record struct ExitReport(int Code, int Signal, bool OutOfMemory, bool DeadlinePassed, bool Abandoned = false, long DiskBytes = 0)
{
    public byte[] Encode(byte kind)
    {
        var report = this;
        return Frame.Encode(kind, w =>
        {
            w.Write(report.Code);
            w.Write(report.Signal);
            w.Write(report.OutOfMemory);
            w.Write(report.DeadlinePassed);
            w.Write(report.Abandoned);
            w.Write(report.DiskBytes);
        });
    }

    public static ExitReport Decode(Frame frame)
    {
        using var r = frame.Open();
        var report = new ExitReport(r.ReadInt32(), r.ReadInt32(), r.ReadBoolean(), r.ReadBoolean(), r.ReadBoolean());

        // A record that an older version left on the disk ends here.
        return r.BaseStream.Position < r.BaseStream.Length ? report with { DiskBytes = r.ReadInt64() } : report;
    }
}
