using System.Text;

namespace BuildRunner.Containers.Storage.Tar;

/// <summary>Writes a tar archive: plain headers, and PAX records for what does not fit into them. The same entries always give the same bytes.</summary>
internal sealed class TarOutput(Stream archive)
{
    private const int Block = 512;
    private const long LargestOctal = 0x1FFFFF;
    private const long LargestSize = 0x1FFFFFFFF;

    private readonly byte[] _header = new byte[Block];
    private int _padding;

    /// <summary>Writes an entry's header; a file's content follows by <see cref="WriteContent"/>, exactly <see cref="TarEntry.Size"/> bytes.</summary>
    public void Begin(TarEntry entry)
    {
        FinishEntry();
        var records = RecordsOf(entry);
        if (records.Length > 0)
        {
            WriteHeader("PaxHeaders/entry"u8, [], 'x', 0x1A4, 0, 0, records.Length, 0);
            archive.Write(records);
            Pad(records.Length);
        }

        var size = entry.Type == TarEntryType.File ? entry.Size : 0;
        var name = entry.Type == TarEntryType.Directory && entry.Name is not [.., (byte)'/'] ? [.. entry.Name, (byte)'/'] : entry.Name;
        WriteHeader(name, entry.LinkName, KindOf(entry.Type), entry.Mode, entry.User, entry.Group, size, entry.Seconds);
        _padding = (int)(-size & (Block - 1));
    }

    /// <summary>Writes the next piece of a file.</summary>
    public void WriteContent(ReadOnlySpan<byte> piece) => archive.Write(piece);

    /// <summary>Writes a small file whole.</summary>
    public void WriteFile(string name, ReadOnlySpan<byte> content)
    {
        Begin(new TarEntry { Type = TarEntryType.File, Name = Encoding.UTF8.GetBytes(name), Mode = 0x1A4, Size = content.Length });
        WriteContent(content);
    }

    /// <summary>Writes the end mark.</summary>
    public void Finish()
    {
        FinishEntry();
        archive.Write(new byte[2 * Block]);
    }

    private void FinishEntry()
    {
        archive.Write(new byte[_padding]);
        _padding = 0;
    }

    private void Pad(long length) => archive.Write(new byte[(int)(-length & (Block - 1))]);

    private static byte[] RecordsOf(TarEntry entry)
    {
        using var records = new MemoryStream();
        var isDirectory = entry.Type == TarEntryType.Directory;
        AddIf(entry.Name.Length + (isDirectory ? 1 : 0) > 100, records, "path"u8, isDirectory && entry.Name is not [.., (byte)'/'] ? [.. entry.Name, (byte)'/'] : entry.Name);
        AddIf(entry.LinkName.Length > 100, records, "linkpath"u8, entry.LinkName);
        AddIf(entry.User > LargestOctal, records, "uid"u8, Number(entry.User));
        AddIf(entry.Group > LargestOctal, records, "gid"u8, Number(entry.Group));
        AddIf(entry.Type == TarEntryType.File && entry.Size > LargestSize, records, "size"u8, Number(entry.Size));
        AddIf(entry.Seconds is < 0 or > LargestSize, records, "mtime"u8, Number(entry.Seconds));
        foreach (var (name, value) in entry.Attributes)
        {
            Add(records, [.. "SCHILY.xattr."u8, .. name], value);
        }

        return records.ToArray();
    }

    private static void AddIf(bool needed, MemoryStream records, ReadOnlySpan<byte> key, byte[] value)
    {
        if (needed)
        {
            Add(records, key, value);
        }
    }

    // LENGTH KEY=VALUE\n, where the length counts its own digits.
    private static void Add(MemoryStream records, ReadOnlySpan<byte> key, byte[] value)
    {
        var rest = key.Length + value.Length + 3;
        var length = rest + 1;
        while (length != rest + length.ToString().Length)
        {
            length = rest + length.ToString().Length;
        }

        records.Write(Encoding.ASCII.GetBytes($"{length} "));
        records.Write(key);
        records.WriteByte((byte)'=');
        records.Write(value);
        records.WriteByte((byte)'\n');
    }

    private void WriteHeader(ReadOnlySpan<byte> name, ReadOnlySpan<byte> link, char kind, uint mode, uint user, uint group, long size, long seconds)
    {
        var header = _header.AsSpan();
        header.Clear();
        name[..Math.Min(100, name.Length)].CopyTo(header);
        Octal(header.Slice(100, 8), mode & 0xFFF);
        Octal(header.Slice(108, 8), user > LargestOctal ? 0 : user);
        Octal(header.Slice(116, 8), group > LargestOctal ? 0 : group);
        Octal(header.Slice(124, 12), size > LargestSize ? 0 : size);
        Octal(header.Slice(136, 12), seconds is < 0 or > LargestSize ? 0 : seconds);
        header[156] = (byte)kind;
        link[..Math.Min(100, link.Length)].CopyTo(header[157..]);
        "ustar\000"u8.CopyTo(header[257..]);
        header.Slice(148, 8).Fill((byte)' ');
        var sum = 0;
        foreach (var value in header)
        {
            sum += value;
        }

        Octal(header.Slice(148, 7), sum);
        archive.Write(header);
    }

    private static void Octal(Span<byte> field, long value)
    {
        for (var at = field.Length - 2; at >= 0; at--, value >>= 3)
        {
            field[at] = (byte)('0' + (value & 7));
        }

        field[^1] = 0;
    }

    private static byte[] Number(long value) => Encoding.ASCII.GetBytes(value.ToString());

    private static char KindOf(TarEntryType type) => type switch
    {
        TarEntryType.File => '0',
        TarEntryType.HardLink => '1',
        TarEntryType.SymbolicLink => '2',
        TarEntryType.CharacterDevice => '3',
        TarEntryType.BlockDevice => '4',
        TarEntryType.Directory => '5',
        _ => '6',
    };
}
