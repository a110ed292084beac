using System.Formats.Tar;
using System.Text;

namespace BuildRunner.Testing.Images;

/// <summary>Writes the tar archive of a layer. Names are written as given: wrong ones too.</summary>
public sealed class TestArchive : IDisposable
{
    private readonly MemoryStream _bytes = new();
    private readonly TarWriter _writer;

    public TestArchive() => _writer = new TarWriter(_bytes, TarEntryFormat.Pax, leaveOpen: true);

    /// <summary>When every entry was changed.</summary>
    public static DateTimeOffset Time { get; } = new(2024, 2, 3, 4, 5, 6, TimeSpan.Zero);

    public TestArchive Directory(string path, int mode = 0b111_101_101, int user = 0, int group = 0) =>
        Add(TarEntryType.Directory, path.TrimEnd('/') + "/", mode, user, group);

    public TestArchive File(string path, string content = "", int mode = 0b110_100_100, int user = 0, int group = 0) =>
        File(path, Encoding.UTF8.GetBytes(content), mode, user, group);

    public TestArchive File(string path, byte[] content, int mode = 0b110_100_100, int user = 0, int group = 0, IReadOnlyDictionary<string, string>? attributes = null)
    {
        using var data = new MemoryStream(content);
        return Add(TarEntryType.RegularFile, path, mode, user, group, entry => entry.DataStream = data, attributes);
    }

    public TestArchive SymbolicLink(string path, string target) => Add(TarEntryType.SymbolicLink, path, 0b111_111_111, 0, 0, entry => entry.LinkName = target);

    public TestArchive HardLink(string path, string target) => Add(TarEntryType.HardLink, path, 0b110_100_100, 0, 0, entry => entry.LinkName = target);

    public TestArchive Fifo(string path) => Add(TarEntryType.Fifo, path, 0b110_100_100, 0, 0);

    public TestArchive CharacterDevice(string path, int major, int minor) => Add(TarEntryType.CharacterDevice, path, 0b110_110_110, 0, 0, entry =>
    {
        ((PosixTarEntry)entry).DeviceMajor = major;
        ((PosixTarEntry)entry).DeviceMinor = minor;
    });

    /// <summary>The lower layers' <paramref name="path"/> is not there any more.</summary>
    public TestArchive Whiteout(string path)
    {
        var slash = path.LastIndexOf('/') + 1;
        return File($"{path[..slash]}.wh.{path[slash..]}");
    }

    /// <summary>Of the lower layers, nothing in <paramref name="directory"/> is visible.</summary>
    public TestArchive Opaque(string directory) => File($"{directory.TrimEnd('/')}/.wh..wh..opq");

    /// <summary>The archive with its end mark.</summary>
    public byte[] ToBytes()
    {
        _writer.Dispose();
        return _bytes.ToArray();
    }

    public void Dispose()
    {
        _writer.Dispose();
        _bytes.Dispose();
    }

    private TestArchive Add(
        TarEntryType type,
        string path,
        int mode,
        int user,
        int group,
        Action<TarEntry>? complete = null,
        IReadOnlyDictionary<string, string>? attributes = null)
    {
        var entry = new PaxTarEntry(type, path, attributes ?? new Dictionary<string, string>())
        {
            Mode = (UnixFileMode)mode,
            Uid = user,
            Gid = group,
            ModificationTime = Time,
        };
        complete?.Invoke(entry);
        _writer.WriteEntry(entry);
        return this;
    }
}
