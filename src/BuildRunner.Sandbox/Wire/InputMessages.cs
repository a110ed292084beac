namespace BuildRunner.Sandbox.Wire;

/// <summary>What a command's standard input is.</summary>
/// <param name="IsOpen">False: nothing can be read from it.</param>
/// <param name="Columns">The width of its terminal; 0: it has none, and its input is a pipe.</param>
/// <param name="Rows">The height of its terminal.</param>
internal readonly record struct InputKind(bool IsOpen, ushort Columns, ushort Rows)
{
    public static InputKind None => default;

    public bool IsTerminal => IsOpen && Columns > 0;

    public void Write(BinaryWriter writer)
    {
        writer.Write(IsOpen);
        writer.Write(Columns);
        writer.Write(Rows);
    }

    public static InputKind Read(BinaryReader reader) => new(reader.ReadBoolean(), reader.ReadUInt16(), reader.ReadUInt16());
}

/// <summary>Input for the command. The next one is sent when this was answered as taken, so that no more than one waits anywhere.</summary>
internal static class InputChunk
{
    /// <summary>No more is sent at once.</summary>
    public const int MaximumLength = 32 * 1024;

    /// <param name="kind">The conversation's number for it.</param>
    /// <param name="bytes">Empty: the end of the input.</param>
    public static byte[] Encode(byte kind, ReadOnlyMemory<byte> bytes) => Frame.Encode(kind, w => w.Write(bytes.Span));
}

/// <summary>The terminal has another size.</summary>
internal readonly record struct ResizeRequest(ushort Columns, ushort Rows)
{
    public byte[] Encode(byte kind)
    {
        var size = this;
        return Frame.Encode(kind, w =>
        {
            w.Write(size.Columns);
            w.Write(size.Rows);
        });
    }

    public static ResizeRequest Decode(Frame frame)
    {
        using var r = frame.Open();
        return new ResizeRequest(r.ReadUInt16(), r.ReadUInt16());
    }
}
