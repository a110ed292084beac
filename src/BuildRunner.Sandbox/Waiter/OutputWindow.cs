using System.Buffers.Binary;
using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Sandbox.Waiter;

/// <summary>The output as it is sent, message after message. Without a record it is gone when it was sent; with one it stays until the caller has stored it, and while this is full nothing more is read.</summary>
internal sealed class OutputWindow
{
    /// <summary>What comes before the bytes of a piece: the message's header, then the record's.</summary>
    private const int Before = Frame.HeaderLength + SpoolRecord.HeaderLength;

    /// <summary>With less room than this another block is begun.</summary>
    private const int Smallest = 4096;

    private const int MostBlocks = 8;

    private readonly Queue<Block> _blocks = new();
    private readonly Stack<Block> _free = new();
    private Block? _last;
    private long _sent;

    /// <summary>True: what was sent is kept until it is <see cref="Release"/>d.</summary>
    public bool IsKept { get; set; }

    public bool HasRoom => _last?.HasRoom == true || _blocks.Count < MostBlocks;

    public bool IsEmpty => _blocks.Count == 0;

    /// <summary>Reads what a pipe holds; what reading returned. The message of it has no bytes if there was nothing.</summary>
    public int Take(byte stream, Descriptor pipe, out ReadOnlyMemory<byte> message)
    {
        var block = Current();
        var count = pipe.Read(block.Bytes.AsSpan(block.End + Before));
        if (count <= 0)
        {
            message = default;
            return count;
        }

        var header = block.Bytes.AsSpan(block.End);
        BinaryPrimitives.WriteInt32LittleEndian(header, 1 + SpoolRecord.HeaderLength + count);
        header[sizeof(int)] = (byte)WaiterMessage.Output;
        new SpoolRecord(stream, count, Clock.UnixMicroseconds()).WriteHeader(header[Frame.HeaderLength..]);
        message = block.Bytes.AsMemory(block.End, Before + count);
        block.End += Before + count;
        _sent += SpoolRecord.HeaderLength + count;
        block.SentAtEnd = _sent;
        return count;
    }

    /// <summary>Lets go of what the caller has stored.</summary>
    /// <param name="taken">All payloads from the first one on.</param>
    /// <param name="counted">Goes on to where what stays begins.</param>
    public void Release(long taken, SpoolCount counted)
    {
        while (_blocks.TryPeek(out var first) && first.SentAtEnd <= taken)
        {
            foreach (var record in first.Records())
            {
                _ = counted.Take(record.Span[0], record.Length - SpoolRecord.HeaderLength);
            }

            Free(_blocks.Dequeue());
        }
    }

    /// <summary>Lets go of everything: it was sent, and nobody comes back for it.</summary>
    public void Clear()
    {
        while (_blocks.TryDequeue(out var block))
        {
            Free(block);
        }
    }

    /// <summary>All records that were not let go of, the first one first; they may be changed in place.</summary>
    public IEnumerable<Memory<byte>> Records() => _blocks.SelectMany(static b => b.Records());

    private Block Current()
    {
        if (_last is not { HasRoom: true })
        {
            _last = _free.TryPop(out var free) ? free : new Block();
            _blocks.Enqueue(_last);
        }

        return _last;
    }

    private void Free(Block block)
    {
        block.End = 0;
        _free.Push(block);
        if (block == _last)
        {
            _last = null;
        }
    }

    private sealed class Block
    {
        public byte[] Bytes { get; } = new byte[Before + OutputChunk.MaximumLength];

        public int End { get; set; }

        /// <summary>All payloads up to the end of this block.</summary>
        public long SentAtEnd { get; set; }

        public bool HasRoom => Bytes.Length - End >= Before + Smallest;

        public IEnumerable<Memory<byte>> Records()
        {
            for (var at = 0; at < End;)
            {
                var length = BinaryPrimitives.ReadInt32LittleEndian(Bytes.AsSpan(at)) - 1;
                yield return Bytes.AsMemory(at + Frame.HeaderLength, length);
                at += Frame.HeaderLength + length;
            }
        }
    }
}
