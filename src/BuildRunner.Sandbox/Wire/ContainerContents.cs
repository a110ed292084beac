namespace BuildRunner.Sandbox.Wire;

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
