namespace BuildRunner.Containers.Storage.Tar;

/// <summary>The 512 bytes before an entry (POSIX "ustar Interchange Format", and GNU's older one).</summary>
internal static class TarHeader
{
    /// <summary>Reads a header into <paramref name="entry"/>, which it clears first.</summary>
    /// <returns>The type flag: a file's, or of an extended header. For the latter only the entry's size has a meaning.</returns>
    public static char Read(ReadOnlySpan<byte> header, TarEntry entry)
    {
        if (!HasChecksum(header))
        {
            throw new TarFormatException("a header's checksum is wrong");
        }

        entry.Attributes.Clear();
        entry.Pieces = null;
        entry.Name = FullName(header);
        entry.LinkName = Text(header.Slice(157, 100)).ToArray();
        entry.Mode = (uint)TarNumber.Parse(header.Slice(100, 8), "mode") & 0xFFF;
        entry.Size = TarNumber.Parse(header.Slice(124, 12), "size");
        var kind = (char)header[156];
        if (kind is 'x' or 'g' or 'L' or 'K')
        {
            return kind;
        }

        entry.User = PaxRecords.OwnerId(TarNumber.Parse(header.Slice(108, 8), "uid"));
        entry.Group = PaxRecords.OwnerId(TarNumber.Parse(header.Slice(116, 8), "gid"));
        entry.Seconds = TarNumber.Parse(header.Slice(136, 12), "mtime");
        entry.Nanoseconds = 0;
        entry.Type = TypeOf(kind);
        return kind;
    }

    private static TarEntryType TypeOf(char kind) => kind switch
    {
        '\0' or '0' or '7' or 'S' or 'V' => TarEntryType.File,
        '1' => TarEntryType.HardLink,
        '2' => TarEntryType.SymbolicLink,
        '3' => TarEntryType.CharacterDevice,
        '4' => TarEntryType.BlockDevice,
        '5' => TarEntryType.Directory,
        '6' => TarEntryType.Fifo,
        _ => throw new TarFormatException($"an entry has the unknown type {(int)kind}"),
    };

    // GNU's header has other things where the prefix of a POSIX one is.
    private static byte[] FullName(ReadOnlySpan<byte> header)
    {
        var name = Text(header[..100]);
        var prefix = header.Slice(257, 6).SequenceEqual("ustar\0"u8) ? Text(header.Slice(345, 155)) : [];
        return prefix.IsEmpty ? name.ToArray() : [.. prefix, (byte)'/', .. name];
    }

    private static ReadOnlySpan<byte> Text(ReadOnlySpan<byte> field) => field.IndexOf((byte)0) is var end and >= 0 ? field[..end] : field;

    // The checksum counts its own field as blanks. Some old programs added the bytes as signed numbers.
    private static bool HasChecksum(ReadOnlySpan<byte> header)
    {
        long unsigned = 8 * ' ';
        long signed = 8 * ' ';
        for (var i = 0; i < header.Length; i++)
        {
            if (i is < 148 or >= 156)
            {
                unsigned += header[i];
                signed += (sbyte)header[i];
            }
        }

        var written = TarNumber.Parse(header.Slice(148, 8), "checksum");
        return written == unsigned || written == signed;
    }
}
