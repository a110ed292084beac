namespace BuildRunner.Sandbox.Wire;

/// <summary>A container in the kernel's terms: what the launcher of our own makes by system calls, where an OCI runtime is given <c>config.json</c>. Both are written from one description.</summary>
internal sealed record LaunchPlan
{
    /// <summary>The name in the place of a runtime's that chooses this launcher.</summary>
    public const string RuntimeName = "direct";

    /// <summary>Where the shim mounts the container's root file system.</summary>
    public required string Root { get; init; }

    /// <summary>True: the root itself is read-only, not what is mounted in it.</summary>
    public required bool ReadOnlyRoot { get; init; }

    public required string HostName { get; init; }

    public required string UserNamespacePath { get; init; }

    public required string NetworkNamespacePath { get; init; }

    /// <summary>The first process; its file is the first of them.</summary>
    public required IReadOnlyList<string> Arguments { get; init; }

    public required IReadOnlyList<string> Environment { get; init; }

    /// <summary>Bounding, permitted and effective: a bit for each by its number.</summary>
    public required ulong Capabilities { get; init; }

    public required bool NoNewPrivileges { get; init; }

    /// <summary>The filter of system calls to put in force before the first process; empty: none, or that process does it.</summary>
    public required byte[] Filter { get; init; }

    public required IReadOnlyList<PlannedLimit> ResourceLimits { get; init; }

    /// <summary>In the order in which they are mounted.</summary>
    public required IReadOnlyList<PlannedFileSystem> FileSystems { get; init; }

    /// <summary>Device nodes of the host; they come after the file systems, because most lie in one.</summary>
    public required IReadOnlyList<PlannedNode> Nodes { get; init; }

    /// <summary>In the order in which they are mounted, after the rest.</summary>
    public required IReadOnlyList<PlannedBind> Binds { get; init; }

    public required IReadOnlyList<string> MaskedPaths { get; init; }

    public required IReadOnlyList<string> ReadOnlyPaths { get; init; }

    public required IReadOnlyList<PlannedSetting> Settings { get; init; }

    /// <summary>What the host's security modules are told of the first process: files of <c>/proc/self</c>, with what is written to them.</summary>
    public required IReadOnlyList<PlannedLabel> Labels { get; init; }

    /// <summary>False: the container stays in the cgroups of its shim.</summary>
    public required bool HasCgroup { get; init; }

    public required CgroupLimits Limits { get; init; }

    /// <summary>Which devices may be opened, as the cgroup of devices takes it; empty: the mounts say it all.</summary>
    public required IReadOnlyList<string> DeviceRules { get; init; }

    public byte[] Encode()
    {
        using var buffer = new MemoryStream();
        using var w = new BinaryWriter(buffer, System.Text.Encoding.UTF8);
        w.Write(Root);
        w.Write(ReadOnlyRoot);
        w.Write(HostName);
        w.Write(UserNamespacePath);
        w.Write(NetworkNamespacePath);
        w.Write(Arguments);
        w.Write(Environment);
        w.Write(Capabilities);
        w.Write(NoNewPrivileges);
        w.WriteBytes(Filter);
        w.WriteAll(ResourceLimits, static (w, l) => l.Write(w));
        w.WriteAll(FileSystems, static (w, f) => f.Write(w));
        w.WriteAll(Nodes, static (w, n) => n.Write(w));
        w.WriteAll(Binds, static (w, b) => b.Write(w));
        w.Write(MaskedPaths);
        w.Write(ReadOnlyPaths);
        w.WriteAll(Settings, static (w, s) => s.Write(w));
        w.WriteAll(Labels, static (w, l) => l.Write(w));
        w.Write(HasCgroup);
        Limits.Write(w);
        w.Write(DeviceRules);
        w.Flush();
        return buffer.ToArray();
    }

    public static LaunchPlan Decode(byte[] bytes)
    {
        using var r = new BinaryReader(new MemoryStream(bytes, writable: false), System.Text.Encoding.UTF8);
        return new LaunchPlan
        {
            Root = r.ReadString(),
            ReadOnlyRoot = r.ReadBoolean(),
            HostName = r.ReadString(),
            UserNamespacePath = r.ReadString(),
            NetworkNamespacePath = r.ReadString(),
            Arguments = r.ReadStrings(),
            Environment = r.ReadStrings(),
            Capabilities = r.ReadUInt64(),
            NoNewPrivileges = r.ReadBoolean(),
            Filter = r.ReadByteArray(),
            ResourceLimits = r.ReadAll(PlannedLimit.Read),
            FileSystems = r.ReadAll(PlannedFileSystem.Read),
            Nodes = r.ReadAll(PlannedNode.Read),
            Binds = r.ReadAll(PlannedBind.Read),
            MaskedPaths = r.ReadStrings(),
            ReadOnlyPaths = r.ReadStrings(),
            Settings = r.ReadAll(PlannedSetting.Read),
            Labels = r.ReadAll(PlannedLabel.Read),
            HasCgroup = r.ReadBoolean(),
            Limits = CgroupLimits.Read(r),
            DeviceRules = r.ReadStrings(),
        };
    }
}

/// <summary>A new file system.</summary>
/// <param name="Type">As the kernel calls it.</param>
/// <param name="Source">What its table of mounts shows.</param>
/// <param name="Target">Where in the container.</param>
/// <param name="Attributes">Of the mount, as <c>fsmount</c> takes them.</param>
/// <param name="Options">Of the file system: <c>key=value</c>, or <c>key</c>.</param>
internal sealed record PlannedFileSystem(string Type, string Source, string Target, uint Attributes, IReadOnlyList<string> Options)
{
    public void Write(BinaryWriter writer)
    {
        writer.Write(Type);
        writer.Write(Source);
        writer.Write(Target);
        writer.Write(Attributes);
        writer.Write(Options);
    }

    public static PlannedFileSystem Read(BinaryReader reader) => new(reader.ReadString(), reader.ReadString(), reader.ReadString(), reader.ReadUInt32(), reader.ReadStrings());
}

/// <summary>Something of the shim's mounts to mount in the container, with what is mounted below it.</summary>
/// <param name="Source">Its path there; no link.</param>
/// <param name="Target">Where in the container.</param>
internal readonly record struct PlannedBind(string Source, string Target)
{
    public void Write(BinaryWriter writer)
    {
        writer.Write(Source);
        writer.Write(Target);
    }

    public static PlannedBind Read(BinaryReader reader) => new(reader.ReadString(), reader.ReadString());
}

/// <summary>A character or block device of the host to mount in the container.</summary>
/// <param name="Source">Its node on the host; no link.</param>
/// <param name="Target">Where in the container.</param>
/// <param name="IsBlock">True: a block device.</param>
/// <param name="Major">What the node has to be: if it is another, the container is not made.</param>
/// <param name="Minor">The same.</param>
internal readonly record struct PlannedNode(string Source, string Target, bool IsBlock, uint Major, uint Minor)
{
    public void Write(BinaryWriter writer)
    {
        writer.Write(Source);
        writer.Write(Target);
        writer.Write(IsBlock);
        writer.Write(Major);
        writer.Write(Minor);
    }

    public static PlannedNode Read(BinaryReader reader) => new(reader.ReadString(), reader.ReadString(), reader.ReadBoolean(), reader.ReadUInt32(), reader.ReadUInt32());
}

/// <summary>A limit of each process (<c>setrlimit</c>), soft and hard.</summary>
/// <param name="Resource">Its number.</param>
/// <param name="Value">How much.</param>
internal readonly record struct PlannedLimit(int Resource, ulong Value)
{
    public void Write(BinaryWriter writer)
    {
        writer.Write(Resource);
        writer.Write(Value);
    }

    public static PlannedLimit Read(BinaryReader reader) => new(reader.ReadInt32(), reader.ReadUInt64());
}

/// <summary>A setting of the kernel for the container's namespaces (<c>sysctl</c>).</summary>
/// <param name="Name">With points between its parts.</param>
/// <param name="Value">Its value.</param>
internal readonly record struct PlannedSetting(string Name, string Value)
{
    public void Write(BinaryWriter writer)
    {
        writer.Write(Name);
        writer.Write(Value);
    }

    public static PlannedSetting Read(BinaryReader reader) => new(reader.ReadString(), reader.ReadString());
}

/// <summary>A label of a security module, in force when the first process becomes its program.</summary>
/// <param name="Name">What it is, for a person: <c>the AppArmor profile docker-default</c>.</param>
/// <param name="File">Below <c>/proc</c>.</param>
/// <param name="Value">What is written there.</param>
internal readonly record struct PlannedLabel(string Name, string File, string Value)
{
    public void Write(BinaryWriter writer)
    {
        writer.Write(Name);
        writer.Write(File);
        writer.Write(Value);
    }

    public static PlannedLabel Read(BinaryReader reader) => new(reader.ReadString(), reader.ReadString(), reader.ReadString());
}
