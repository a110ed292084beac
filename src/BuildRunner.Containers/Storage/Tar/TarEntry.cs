namespace BuildRunner.Containers.Storage.Tar;

/// <summary>What an entry of an archive is.</summary>
internal enum TarEntryType
{
    File,
    HardLink,
    SymbolicLink,
    CharacterDevice,
    BlockDevice,
    Directory,
    Fifo,
}

/// <summary>One entry of an archive as it stands there: nothing in it has been judged. Reused for the next entry.</summary>
internal sealed class TarEntry
{
    public TarEntryType Type { get; set; }

    /// <summary>The path: bytes, never empty; may be absolute or hold <c>..</c>.</summary>
    public byte[] Name { get; set; } = [];

    /// <summary>Where a link points.</summary>
    public byte[] LinkName { get; set; } = [];

    /// <summary>Permission bits, set-id bits and the sticky bit.</summary>
    public uint Mode { get; set; }

    public uint User { get; set; }

    public uint Group { get; set; }

    /// <summary>How many bytes of content the archive holds; 0 for everything but files.</summary>
    public long Size { get; set; }

    /// <summary>The time of the last change: seconds since 1970.</summary>
    public long Seconds { get; set; }

    /// <summary>And the part of a second: 0 to 999,999,999.</summary>
    public int Nanoseconds { get; set; }

    /// <summary>Extended attributes: name without a prefix of the archive's own, and value.</summary>
    public List<KeyValuePair<byte[], byte[]>> Attributes { get; } = [];

    /// <summary>The pieces of a sparse file in ascending order; null for an ordinary one. Their lengths add up to <see cref="Size"/>.</summary>
    public IReadOnlyList<SparsePiece>? Pieces { get; set; }

    /// <summary>How long a file is: <see cref="Size"/>, or more if it has holes.</summary>
    public long FullSize { get; set; }
}

/// <summary>A run of bytes of a sparse file that the archive holds.</summary>
internal readonly record struct SparsePiece(long Offset, long Length);

/// <summary>The archive does not follow the format, or goes beyond a limit. The message is a clause about the archive.</summary>
internal sealed class TarFormatException(string message) : Exception(message);
