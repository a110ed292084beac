using System.Buffers.Binary;
using System.Text;

namespace BuildRunner.Sandbox.Wire;

/// <summary>One message between the engine, the holder, the shim and the init: a length, a kind, and the kind's fields.</summary>
/// <remarks>All programs that speak it are of one build, so it has no version and no optional parts; a reader bounds the length.</remarks>
/// <param name="Kind">Which message it is; each conversation numbers its own.</param>
/// <param name="Payload">Its fields, as <see cref="BinaryWriter"/> writes them.</param>
internal readonly record struct Frame(byte Kind, ReadOnlyMemory<byte> Payload)
{
    /// <summary>No message is longer: injected files and environments travel in one.</summary>
    public const int MaximumLength = 64 << 20;

    /// <summary>Bytes before the payload: the length of what follows, and the kind.</summary>
    public const int HeaderLength = 5;

    /// <summary>The bytes of a message.</summary>
    public static byte[] Encode(byte kind, Action<BinaryWriter> fields)
    {
        using var buffer = new MemoryStream();
        using var writer = new BinaryWriter(buffer, Encoding.UTF8);
        writer.Write(0);
        writer.Write(kind);
        fields(writer);
        writer.Flush();
        var bytes = buffer.ToArray();
        BinaryPrimitives.WriteInt32LittleEndian(bytes, bytes.Length - sizeof(int));
        return bytes;
    }

    /// <summary>The length that a header announces, of kind and payload together.</summary>
    /// <exception cref="InvalidDataException">It is out of bounds.</exception>
    public static int ReadLength(ReadOnlySpan<byte> header)
    {
        var length = BinaryPrimitives.ReadInt32LittleEndian(header);
        return length is >= 1 and <= MaximumLength ? length : throw new InvalidDataException("A message has an impossible length.");
    }

    /// <summary>Reads the fields of this message.</summary>
    public BinaryReader Open() => new(new MemoryStream(Payload.ToArray(), writable: false), Encoding.UTF8);
}

/// <summary>Fields that <see cref="BinaryWriter"/> has no method for.</summary>
internal static class FrameFields
{
    private const int MaximumCount = 1 << 20;

    public static void Write(this BinaryWriter writer, IReadOnlyCollection<string> values)
    {
        writer.Write(values.Count);
        foreach (var value in values)
        {
            writer.Write(value);
        }
    }

    public static void WriteOptional(this BinaryWriter writer, string? value)
    {
        writer.Write(value is not null);
        writer.Write(value ?? "");
    }

    public static void WriteBytes(this BinaryWriter writer, ReadOnlySpan<byte> value)
    {
        writer.Write(value.Length);
        writer.Write(value);
    }

    public static void WriteAll<T>(this BinaryWriter writer, IReadOnlyCollection<T> values, Action<BinaryWriter, T> write)
    {
        writer.Write(values.Count);
        foreach (var value in values)
        {
            write(writer, value);
        }
    }

    public static IReadOnlyList<string> ReadStrings(this BinaryReader reader) => reader.ReadAll(static r => r.ReadString());

    public static string? ReadOptional(this BinaryReader reader)
    {
        var present = reader.ReadBoolean();
        var value = reader.ReadString();
        return present ? value : null;
    }

    public static byte[] ReadByteArray(this BinaryReader reader)
    {
        var length = reader.ReadInt32();
        if (length is < 0 or > Frame.MaximumLength)
        {
            throw new InvalidDataException("A field has an impossible length.");
        }

        var bytes = reader.ReadBytes(length);
        return bytes.Length == length ? bytes : throw new EndOfStreamException();
    }

    public static IReadOnlyList<T> ReadAll<T>(this BinaryReader reader, Func<BinaryReader, T> read)
    {
        var count = reader.ReadInt32();
        if (count is < 0 or > MaximumCount)
        {
            throw new InvalidDataException("A list has an impossible length.");
        }

        var values = new List<T>(Math.Min(count, 1024));
        for (var i = 0; i < count; i++)
        {
            values.Add(read(reader));
        }

        return values;
    }
}
