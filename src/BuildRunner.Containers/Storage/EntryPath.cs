using BuildRunner.Containers.Storage.Tar;

namespace BuildRunner.Containers.Storage;

/// <summary>The path of an entry within its layer: relative, without empty, <c>.</c> or <c>..</c> parts, ended by NUL. Reused for the next entry.</summary>
internal sealed class EntryPath
{
    // PATH_MAX counts the final NUL.
    private const int Longest = 4096;
    private const int LongestPart = 255;

    private readonly byte[] _bytes = new byte[Longest];
    private int _nameStart;

    /// <summary>True for the layer's root itself.</summary>
    public bool IsRoot => Length == 0;

    /// <summary>Length without the NUL.</summary>
    public int Length { get; private set; }

    /// <summary>The whole path.</summary>
    public ReadOnlySpan<byte> Full => _bytes.AsSpan(0, Length);

    /// <summary>The directory that holds it; empty for the root.</summary>
    public ReadOnlySpan<byte> Parent => _bytes.AsSpan(0, Math.Max(0, _nameStart - 1));

    /// <summary>The last part.</summary>
    public ReadOnlySpan<byte> Name => _bytes.AsSpan(_nameStart, Length - _nameStart);

    /// <summary>The last part with its NUL, for a system call.</summary>
    public ReadOnlySpan<byte> NameForCall => _bytes.AsSpan(_nameStart, Length - _nameStart + 1);

    /// <summary>Takes a path as an archive has it. A leading slash means the layer's root, as everywhere.</summary>
    /// <exception cref="TarFormatException">It holds <c>..</c> or a NUL, or is too long.</exception>
    public void Set(ReadOnlySpan<byte> path)
    {
        if (path.Contains((byte)0))
        {
            throw new TarFormatException($"the name '{StorageErrors.Show(path)}' holds a NUL");
        }

        (Length, _nameStart) = (0, 0);
        foreach (var range in path.Split((byte)'/'))
        {
            var part = path[range];
            if (part.IsEmpty || part.SequenceEqual("."u8))
            {
                continue;
            }

            if (part.SequenceEqual(".."u8))
            {
                throw new TarFormatException($"the name '{StorageErrors.Show(path)}' holds '..', which could lead out of the image");
            }

            Append(part, path);
        }

        _bytes[Length] = 0;
    }

    /// <summary>Replaces the last part.</summary>
    public void SetName(ReadOnlySpan<byte> name)
    {
        name.CopyTo(_bytes.AsSpan(_nameStart));
        Length = _nameStart + name.Length;
        _bytes[Length] = 0;
    }

    private void Append(ReadOnlySpan<byte> part, ReadOnlySpan<byte> path)
    {
        var start = Length == 0 ? 0 : Length + 1;
        if (part.Length > LongestPart || start + part.Length >= Longest)
        {
            throw new TarFormatException($"the name '{StorageErrors.Show(path)}' is too long");
        }

        if (start > 0)
        {
            _bytes[Length] = (byte)'/';
        }

        part.CopyTo(_bytes.AsSpan(start));
        (_nameStart, Length) = (start, start + part.Length);
    }
}
