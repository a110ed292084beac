using System.Buffers.Binary;
using System.Text;

namespace BuildRunner.Server.Tests.Hosting;

/// <summary>A message of protocol buffers, read field by field. Which number is which field says the .proto file of whoever sends it.</summary>
internal sealed class Protobuf
{
    private readonly List<(int Field, object Value)> fields = [];

    public Protobuf(ReadOnlyMemory<byte> message)
    {
        var at = 0;
        while (at < message.Length)
        {
            var key = Varint(message.Span, ref at);
            fields.Add(((int)(key >> 3), (key & 7) switch
            {
                0 => Varint(message.Span, ref at),
                1 => BinaryPrimitives.ReadUInt64LittleEndian(Take(message, ref at, 8).Span),
                2 => Take(message, ref at, (int)Varint(message.Span, ref at)),
                5 => (ulong)BinaryPrimitives.ReadUInt32LittleEndian(Take(message, ref at, 4).Span),
                var type => throw new InvalidDataException($"no field has the type {type}"),
            }));
        }
    }

    /// <summary>The messages in a field, however often it comes.</summary>
    public IEnumerable<Protobuf> All(int field) => fields.Where(f => f.Field == field).Select(f => new Protobuf((ReadOnlyMemory<byte>)f.Value));

    /// <summary>Those of a path of fields.</summary>
    public IEnumerable<Protobuf> All(params int[] path) => path.Aggregate((IEnumerable<Protobuf>)[this], (from, field) => from.SelectMany(m => m.All(field)));

    /// <summary>A field of text; empty: it is not there.</summary>
    public string Text(int field) => Encoding.UTF8.GetString(Bytes(field));

    /// <summary>A field of bytes; empty: it is not there.</summary>
    public byte[] Bytes(int field) => fields.Find(f => f.Field == field).Value is ReadOnlyMemory<byte> bytes ? bytes.ToArray() : [];

    /// <summary>A field with a number; 0: it is not there.</summary>
    public ulong Number(int field) => fields.Find(f => f.Field == field).Value is ulong number ? number : 0;

    private static ReadOnlyMemory<byte> Take(ReadOnlyMemory<byte> from, ref int at, int length) => from.Slice((at += length) - length, length);

    private static ulong Varint(ReadOnlySpan<byte> from, ref int at)
    {
        ulong value = 0;
        for (var shift = 0; ; shift += 7)
        {
            var part = from[at++];
            value |= (ulong)(part & 0x7f) << shift;
            if (part < 0x80)
            {
                return value;
            }
        }
    }
}
