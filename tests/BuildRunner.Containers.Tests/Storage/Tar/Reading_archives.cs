using System.Formats.Tar;
using System.Text;
using BuildRunner.Containers.Storage.Tar;
using BuildRunner.Testing;
using BuildRunner.Testing.Images;
using CsCheck;
using TarEntry = BuildRunner.Containers.Storage.Tar.TarEntry;
using TarEntryType = BuildRunner.Containers.Storage.Tar.TarEntryType;
using TarReader = BuildRunner.Containers.Storage.Tar.TarReader;

namespace BuildRunner.Containers.Tests.Storage.Tar;

public sealed class Reading_archives
{
    private const string Long = "a-directory-with-a-name-that-is-rather-long/and-another-one-that-is-not-much-shorter/and-a-file-whose-name-makes-it-longer-than-one-hundred";

    [Theory]
    [InlineData(TarEntryFormat.V7)]
    [InlineData(TarEntryFormat.Ustar)]
    [InlineData(TarEntryFormat.Gnu)]
    [InlineData(TarEntryFormat.Pax)]
    public void What_the_class_library_writes_is_read_in_every_format(TarEntryFormat format)
    {
        var name = format == TarEntryFormat.V7 ? "short" : Long;
        using var bytes = new MemoryStream();
        using (var writer = new TarWriter(bytes, format, leaveOpen: true))
        {
            writer.WriteEntry(Complete(New(format, System.Formats.Tar.TarEntryType.Directory, "dir/")));
            var file = Complete(New(format, format == TarEntryFormat.V7 ? System.Formats.Tar.TarEntryType.V7RegularFile : System.Formats.Tar.TarEntryType.RegularFile, name));
            file.DataStream = new MemoryStream(Encoding.UTF8.GetBytes("content"));
            writer.WriteEntry(file);
            var link = Complete(New(format, System.Formats.Tar.TarEntryType.SymbolicLink, "link"));
            link.LinkName = format == TarEntryFormat.Ustar ? "short" : name;
            writer.WriteEntry(link);
        }

        var entries = ReadAll(bytes.ToArray());

        Assert.Equal([TarEntryType.Directory, TarEntryType.File, TarEntryType.SymbolicLink], entries.Select(entry => entry.Type));
        Assert.Equal(["dir/", name, "link"], entries.Select(entry => entry.Name));
        Assert.Equal("content", entries[1].Content);
        Assert.Equal(format == TarEntryFormat.Ustar ? "short" : name, entries[2].Link);
        Assert.All(entries, entry => Assert.Equal((0b110_100_000u, 1234u, 5678u, TestArchive.Time.ToUnixTimeSeconds()), (entry.Mode, entry.User, entry.Group, entry.Seconds)));
    }

    [Theory]
    [InlineData("v7")]
    [InlineData("oldgnu")]
    [InlineData("gnu")]
    [InlineData("ustar")]
    [InlineData("posix")]
    public void What_GNU_tar_writes_is_read_in_every_format(string format)
    {
        Requires.Program("tar");
        using var folder = TestFolder.Create();
        var name = format == "v7" ? "short" : Long;
        Directory.CreateDirectory(Path.GetDirectoryName(folder[$"in/{name}"])!);
        File.WriteAllText(folder[$"in/{name}"], new string('z', 100_000));
        UnpackFixture.Run("tar", "-C", folder["in"], $"--format={format}", "-cf", folder["archive"], name);

        var entry = Assert.Single(ReadAll(File.ReadAllBytes(folder["archive"])));

        Assert.Equal(name, entry.Name);
        Assert.Equal(new string('z', 100_000), entry.Content);
    }

    [Theory]
    [InlineData("gnu", "0.0")]
    [InlineData("posix", "0.0")]
    [InlineData("posix", "0.1")]
    [InlineData("posix", "1.0")]
    public void Files_with_holes_are_read_with_their_pieces(string format, string version)
    {
        Requires.Program("tar");
        using var folder = TestFolder.Create();
        Directory.CreateDirectory(folder["in"]);
        using (var file = File.Create(folder["in/sparse"]))
        {
            for (var piece = 0; piece < 30; piece++)
            {
                file.Position = piece * 1_000_000;
                file.Write("here"u8);
            }

            file.SetLength(40_000_000);
        }

        string[] sparse = format == "posix" ? [$"--sparse-version={version}"] : [];
        UnpackFixture.Run("tar", ["-C", folder["in"], $"--format={format}", "--sparse", .. sparse, "-cf", folder["archive"], "sparse"]);

        var entry = Assert.Single(ReadAll(File.ReadAllBytes(folder["archive"])));

        Assert.Equal("sparse", entry.Name);
        Assert.Equal(40_000_000, entry.FullSize);
        Assert.True(entry.Content.Length < 1_000_000);
        Assert.Equal(30, entry.Content.Split("here").Length - 1);
    }

    [Fact]
    public void An_archive_without_its_last_padding_and_end_mark_is_whole()
    {
        using var archive = new TestArchive();
        var bytes = archive.File("file", "content").ToBytes();
        var end = bytes.AsSpan().LastIndexOf("content"u8) + "content".Length;

        Assert.Equal("content", Assert.Single(ReadAll(bytes[..end])).Content);
        Assert.Throws<TarFormatException>(() => ReadAll(bytes[..(end - 1)]));
    }

    [Fact]
    public void Numbers_beyond_octal_and_times_before_1970_are_read()
    {
        Assert.Equal(0x1234_5678_9ABC, TarNumber.Parse([0x80, 0, 0, 0, 0, 0, 0x12, 0x34, 0x56, 0x78, 0x9A, 0xBC], "size"));
        Assert.Equal(-2, TarNumber.Parse([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE], "mtime"));
        Assert.Equal((-2, 750_000_000), TarNumber.ParseTime("-1.25"u8));
        Assert.Equal((5, 1), TarNumber.ParseTime("5.000000001999"u8));
        Assert.Throws<TarFormatException>(() => TarNumber.Parse([0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "size"));
    }

    [Theory]
    [InlineData("5 a=b\n")]
    [InlineData("99999999999 path=x\n")]
    [InlineData("6 path\n")]
    [InlineData("path=x\n")]
    [InlineData("-7 a=bc\n")]
    [InlineData("0 \n")]
    [InlineData("11 size=-x\n")]
    [InlineData("14 uid=4294967295\n")]
    [InlineData("11 path=a\0b\n")]
    public void Wrong_PAX_records_are_refused(string record) => Assert.Throws<TarFormatException>(() =>
    {
        var records = new PaxRecords();
        records.Read(Encoding.UTF8.GetBytes(record));
        records.ApplyTo(new TarEntry());
    });

    [Fact]
    public void A_huge_extended_header_is_refused_without_being_read()
    {
        using var archive = new TestArchive();
        var bytes = archive.File("file", new byte[10], attributes: new Dictionary<string, string> { ["SCHILY.xattr.user.big"] = new string('x', 2 << 20) }).ToBytes();

        Assert.Contains("extended header", Assert.Throws<TarFormatException>(() => ReadAll(bytes)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Damage_anywhere_is_refused_or_read_but_never_anything_else()
    {
        using var archive = new TestArchive();
        var whole = archive.Directory("dir").File(Long, new string('c', 700)).SymbolicLink("link", Long).HardLink("hard", Long).ToBytes();

        Gen.Int[0, whole.Length - 1].Select(Gen.Byte, Gen.Int[1, whole.Length]).Sample((at, value, length) =>
        {
            var damaged = whole[..length];
            if (at < length)
            {
                damaged[at] = value;
            }

            try
            {
                ReadAll(damaged);
            }
            catch (TarFormatException)
            {
                // The only way to refuse.
            }
        });
    }

    private static System.Formats.Tar.TarEntry New(TarEntryFormat format, System.Formats.Tar.TarEntryType type, string name) => format switch
    {
        TarEntryFormat.V7 => new V7TarEntry(type, name),
        TarEntryFormat.Ustar => new UstarTarEntry(type, name),
        TarEntryFormat.Gnu => new GnuTarEntry(type, name),
        _ => new PaxTarEntry(type, name),
    };

    private static System.Formats.Tar.TarEntry Complete(System.Formats.Tar.TarEntry entry)
    {
        (entry.Mode, entry.Uid, entry.Gid, entry.ModificationTime) = ((UnixFileMode)0b110_100_000, 1234, 5678, TestArchive.Time);
        return entry;
    }

    private static List<ReadEntry> ReadAll(byte[] archive)
    {
        var reader = new TarReader(new MemoryStream(archive));
        var entries = new List<ReadEntry>();
        while (reader.Next() is { } entry)
        {
            var content = new byte[Math.Min(entry.Size, archive.Length)];
            if (entry.Size <= archive.Length)
            {
                reader.ReadExactly(content);
            }

            entries.Add(new ReadEntry(
                entry.Type, Encoding.UTF8.GetString(entry.Name), Encoding.UTF8.GetString(entry.LinkName), entry.Mode, entry.User, entry.Group, entry.Seconds, entry.FullSize, Encoding.UTF8.GetString(content)));
        }

        return entries;
    }

    private sealed record ReadEntry(TarEntryType Type, string Name, string Link, uint Mode, uint User, uint Group, long Seconds, long FullSize, string Content);
}
