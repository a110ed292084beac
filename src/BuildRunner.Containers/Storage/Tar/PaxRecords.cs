namespace BuildRunner.Containers.Storage.Tar;

/// <summary>The extended header of one entry (POSIX "pax Extended Header"): values that replace those of the plain header.</summary>
internal sealed class PaxRecords
{
    private const int MostAttributes = 256;

    public byte[]? Path { get; set; }

    public byte[]? LinkPath { get; set; }

    public long? Size { get; private set; }

    public SparseRecords Sparse { get; } = new();

    private readonly List<KeyValuePair<byte[], byte[]>> _attributes = [];
    private long? _user;
    private long? _group;
    private (long Seconds, int Nanoseconds)? _time;

    /// <summary>Reads <c>LENGTH KEY=VALUE\n</c> records; a later record replaces an earlier one.</summary>
    public void Read(ReadOnlySpan<byte> text)
    {
        while (text.Length > 0)
        {
            var blank = text.IndexOf((byte)' ');
            if (blank is <= 0 or > 10)
            {
                throw new TarFormatException("a PAX record has no length");
            }

            var length = TarNumber.ParseDecimal(text[..blank], "length");
            if (length <= blank + 2 || length > text.Length || text[(int)length - 1] != '\n')
            {
                throw new TarFormatException("a PAX record has a wrong length");
            }

            var record = text[(blank + 1)..((int)length - 1)];
            var equals = record.IndexOf((byte)'=');
            if (equals <= 0)
            {
                throw new TarFormatException("a PAX record has no name");
            }

            Set(record[..equals], record[(equals + 1)..]);
            text = text[(int)length..];
        }
    }

    /// <summary>Puts the values into the entry.</summary>
    public void ApplyTo(TarEntry entry)
    {
        entry.Name = Path ?? entry.Name;
        entry.LinkName = LinkPath ?? entry.LinkName;
        entry.Size = Size ?? entry.Size;
        entry.User = _user is { } user ? OwnerId(user) : entry.User;
        entry.Group = _group is { } group ? OwnerId(group) : entry.Group;
        (entry.Seconds, entry.Nanoseconds) = _time ?? (entry.Seconds, entry.Nanoseconds);
        entry.Attributes.AddRange(_attributes);
    }

    /// <summary>A user or group id; the largest is "none" to the kernel.</summary>
    public static uint OwnerId(long id) =>
        id is >= 0 and < uint.MaxValue ? (uint)id : throw new TarFormatException("an owner's number is out of range");

    private void Set(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (key.StartsWith("SCHILY.xattr."u8))
        {
            SetAttribute(key["SCHILY.xattr.".Length..], value);
        }
        else if (key.StartsWith("GNU.sparse."u8))
        {
            Sparse.Set(key["GNU.sparse.".Length..], value);
        }
        else if (key.SequenceEqual("path"u8))
        {
            Path = Text(value, "path");
        }
        else if (key.SequenceEqual("linkpath"u8))
        {
            LinkPath = Text(value, "linkpath");
        }
        else
        {
            SetNumber(key, value);
        }
    }

    private void SetNumber(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        // An empty value takes an earlier record back.
        if (key.SequenceEqual("size"u8))
        {
            Size = value.IsEmpty ? null : TarNumber.ParseDecimal(value, "size");
        }
        else if (key.SequenceEqual("uid"u8))
        {
            _user = value.IsEmpty ? null : TarNumber.ParseDecimal(value, "uid");
        }
        else if (key.SequenceEqual("gid"u8))
        {
            _group = value.IsEmpty ? null : TarNumber.ParseDecimal(value, "gid");
        }
        else if (key.SequenceEqual("mtime"u8))
        {
            _time = value.IsEmpty ? null : TarNumber.ParseTime(value);
        }
    }

    private void SetAttribute(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        var key = name.ToArray();
        _attributes.RemoveAll(attribute => attribute.Key.AsSpan().SequenceEqual(key));
        if (name.IsEmpty || name.Contains((byte)0) || _attributes.Count >= MostAttributes)
        {
            throw new TarFormatException($"an entry has an extended attribute without a name, or more than {MostAttributes} of them");
        }

        _attributes.Add(new(key, value.ToArray()));
    }

    private static byte[]? Text(ReadOnlySpan<byte> value, string name) =>
        value.IsEmpty ? null
        : value.Contains((byte)0) ? throw new TarFormatException($"the PAX record '{name}' holds a NUL")
        : value.ToArray();
}
