using System.IO.Compression;
using System.Text;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Storage;
using BuildRunner.Containers.Storage.Tar;
using BuildRunner.Testing;
using BuildRunner.Testing.Images;

namespace BuildRunner.Containers.Tests.Storage;

public sealed class Hostile_layers
{
    [Theory]
    [InlineData("../outside/file")]
    [InlineData("dir/../../outside/file")]
    [InlineData("/../outside/file")]
    [InlineData("..")]
    public void A_name_with_dots_that_lead_out_is_refused(string name)
    {
        using var fixture = new UnpackFixture();

        Assert.Contains("'..'", fixture.Refuses(archive => archive.Directory("dir").File(name, "changed")), StringComparison.Ordinal);
    }

    [Fact]
    public void An_absolute_name_lands_in_the_layer()
    {
        using var fixture = new UnpackFixture();

        fixture.Unpack(archive => archive.File("/etc/buildrunner-hostile", "x"));

        Assert.True(File.Exists($"{fixture.Tree}/etc/buildrunner-hostile"));
        Assert.False(File.Exists("/etc/buildrunner-hostile"));
    }

    [Theory]
    [InlineData("../outside")]
    [InlineData("../../../../../../..")]
    [InlineData("/proc/self/root")]
    [InlineData("/proc/self/cwd")]
    [InlineData("/dev/fd/3")]
    [InlineData("/tmp")]
    public void A_file_below_a_symbolic_link_is_not_written_where_the_link_points_on_this_host(string target)
    {
        using var fixture = new UnpackFixture();

        try
        {
            fixture.Unpack(archive => archive.SymbolicLink("link", target).File("link/file", "changed").File("link/buildrunner-hostile", "changed"));
        }
        catch (TarFormatException)
        {
            // The link dangles within the layer: refused. A link to the layer's own root is followed there.
        }

        fixture.AssertOutsideIsUntouched();
        Assert.False(File.Exists("/tmp/buildrunner-hostile"));
        Assert.False(File.Exists("/buildrunner-hostile"));
    }

    [Fact]
    public void A_file_below_a_link_within_the_layer_is_written_there()
    {
        using var fixture = new UnpackFixture();

        fixture.Unpack(archive => archive.Directory("usr").Directory("usr/lib").SymbolicLink("lib", "usr/lib").File("lib/a", "1").SymbolicLink("lib64", "/usr/lib").File("lib64/b", "2"));

        Assert.Equal("1", File.ReadAllText($"{fixture.Tree}/usr/lib/a"));
        Assert.Equal("2", File.ReadAllText($"{fixture.Tree}/usr/lib/b"));
    }

    [Fact]
    public void A_file_replaces_a_link_of_its_name_and_does_not_follow_it()
    {
        using var fixture = new UnpackFixture();

        fixture.Unpack(archive => archive.SymbolicLink("etc/passwd", "../../outside/file").File("etc/passwd", "root"));

        Assert.Equal("root", File.ReadAllText($"{fixture.Tree}/etc/passwd"));
        Assert.Null(new FileInfo($"{fixture.Tree}/etc/passwd").LinkTarget);
        fixture.AssertOutsideIsUntouched();
    }

    [Fact]
    public async Task A_link_of_one_layer_does_not_steer_what_the_next_one_writes_and_removes()
    {
        Requires.Root();
        using var folder = TestFolder.Create();
        Directory.CreateDirectory(folder["outside"]);
        File.WriteAllText(folder["outside/file"], "untouched");
        File.WriteAllText(folder["outside/gone"], "untouched");
        var image = new TestImage()
            .WithLayer(archive => archive.SymbolicLink("absolute", folder["outside"]).SymbolicLink("up", "../../../../outside").SymbolicLink("file", folder["outside/file"]))
            .WithLayer(archive => archive.File("absolute/file", "changed").File("absolute/made").Whiteout("absolute/gone").File("up/file", "changed").File("up/made").Opaque("up").File("file", "changed"));
        TestLayout.Write(folder["layout"], (image, (string?)null));
        using var store = new ImageStore(folder["store"], new ImageStoreOptions(), TimeProvider.System);
        Assert.True(ImageReference.TryParse($"oci:{folder["layout"]}", null, out var reference, out _));

        var resolved = await store.PullAsync(reference!, new PullOptions(), null, TestContext.Current.CancellationToken);

        Assert.Equal(folder["outside"], new FileInfo($"{resolved.LayerDirectories[0]}/absolute").LinkTarget);
        Assert.All(["absolute/file", "up/file", "file"], name => Assert.Equal("changed", File.ReadAllText($"{resolved.LayerDirectories[1]}/{name}")));
        Assert.All(["absolute", "up", "file"], name => Assert.Null(new FileInfo($"{resolved.LayerDirectories[1]}/{name}").LinkTarget));
        Assert.Equal([folder["outside/file"], folder["outside/gone"]], Directory.EnumerateFileSystemEntries(folder["outside"]).Order(StringComparer.Ordinal));
        Assert.All(Directory.EnumerateFiles(folder["outside"]), file => Assert.Equal("untouched", File.ReadAllText(file)));
    }

    [Fact]
    public void A_file_with_holes_counts_as_long_as_it_says_that_it_is()
    {
        using var fixture = new UnpackFixture();
        using var folder = TestFolder.Create();
        Directory.CreateDirectory(folder["in"]);
        UnpackFixture.Run("truncate", "-s", "64G", folder["in/holes"]);
        UnpackFixture.Run("tar", "-C", folder["in"], "--format=posix", "--sparse", "-cf", folder["archive"], "holes");
        var error = Assert.Throws<TarFormatException>(() => fixture.Unpack(File.ReadAllBytes(folder["archive"]), new ImageLimits { MaxUnpackedLayerBytes = 1 << 30 }));
        Assert.Contains("1073741824", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(fixture.Tree));
    }

    [Theory]
    [InlineData("proc", "/proc")]
    [InlineData("dev", "/dev")]
    [InlineData("etc/passwd", "/etc/passwd")]
    [InlineData("workspace", "/")]
    public void Links_where_a_container_expects_directories_are_only_links(string name, string target)
    {
        using var fixture = new UnpackFixture();

        fixture.Unpack(archive => archive.SymbolicLink(name, target));

        Assert.Equal(target, new FileInfo($"{fixture.Tree}/{name}").LinkTarget);
    }

    [Theory]
    [InlineData("../outside/file")]
    [InlineData("/outside/file")]
    [InlineData("/etc/passwd")]
    [InlineData("link/file")]
    [InlineData("missing")]
    [InlineData("dir")]
    [InlineData(".")]
    [InlineData("hard")]
    public void A_hard_link_to_what_is_no_file_of_the_layer_is_refused(string target)
    {
        using var fixture = new UnpackFixture();

        fixture.Refuses(archive => archive.Directory("dir").SymbolicLink("link", "../outside").HardLink("hard", target));
    }

    [Fact]
    public void A_hard_link_to_a_symbolic_link_links_the_link()
    {
        using var fixture = new UnpackFixture();

        fixture.Unpack(archive => archive.SymbolicLink("link", "../outside/file").HardLink("hard", "link").File("hard", "changed"));

        Assert.Equal("changed", File.ReadAllText($"{fixture.Tree}/hard"));
        fixture.AssertOutsideIsUntouched();
    }

    [Fact]
    public void Device_nodes_are_left_out_and_pipes_are_kept()
    {
        using var fixture = new UnpackFixture();

        fixture.Unpack(archive => archive.CharacterDevice("dev/mem", 1, 1).CharacterDevice("dev/zero-zero", 0, 0).Fifo("pipe"));

        Assert.False(Path.Exists($"{fixture.Tree}/dev/mem"));
        Assert.False(Path.Exists($"{fixture.Tree}/dev/zero-zero"));
        Assert.Equal("fifo", UnpackFixture.Run("stat", "-c", "%F", $"{fixture.Tree}/pipe"));
    }

    [Fact]
    public void Attributes_that_would_steer_overlayfs_are_dropped()
    {
        using var fixture = new UnpackFixture();

        fixture.Unpack(archive => archive.File("file", [1], attributes: new Dictionary<string, string>
        {
            ["SCHILY.xattr.trusted.overlay.redirect"] = "/etc",
            ["SCHILY.xattr.user.overlay.redirect"] = "/etc",
            ["SCHILY.xattr.trusted.overlay.metacopy"] = "",
            ["SCHILY.xattr.security.selinux"] = "label",
        }));

        Assert.Empty(ExtendedAttributes.Of($"{fixture.Tree}/file"));
    }

    [Theory]
    [InlineData(".wh..")]
    [InlineData(".wh...")]
    [InlineData("dir/.wh.")]
    public void A_whiteout_of_nothing_or_of_the_directory_itself_is_refused(string name)
    {
        using var fixture = new UnpackFixture();

        fixture.Refuses(archive => archive.Directory("dir").File(name));
    }

    [Fact]
    public void Whiteouts_below_a_link_stay_in_the_layer()
    {
        using var fixture = new UnpackFixture();

        Assert.ThrowsAny<TarFormatException>(() => fixture.Unpack(archive => archive.SymbolicLink("link", "../outside").File("link/.wh.file").File("link/.wh..wh..opq")));

        fixture.AssertOutsideIsUntouched();
    }

    [Fact]
    public void More_entries_than_allowed_are_refused()
    {
        using var fixture = new UnpackFixture();

        var message = fixture.Refuses(
            archive =>
            {
                for (var i = 0; i <= 1000; i++)
                {
                    archive.File($"file{i}");
                }
            },
            new ImageLimits { MaxEntries = 1000 });

        Assert.Contains("1000 entries", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_hundred_thousand_entries_are_fine()
    {
        using var fixture = new UnpackFixture();

        var unpacked = fixture.Unpack(archive =>
        {
            for (var i = 0; i < 100_000; i++)
            {
                archive.File($"dir{i % 100}/file{i}");
            }
        });

        Assert.Equal(100_000, unpacked.Entries);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_bomb_is_stopped_at_its_bound(bool zstd)
    {
        using var fixture = new UnpackFixture();
        using var archive = new TestArchive();
        var plain = archive.File("big", new byte[8 << 20]).ToBytes();
        using var packed = new MemoryStream();
        using (Stream packer = zstd ? new ZstdSharp.CompressionStream(packed, leaveOpen: true) : new GZipStream(packed, CompressionLevel.Optimal, leaveOpen: true))
        {
            packer.Write(plain);
        }

        var error = Assert.Throws<TarFormatException>(() => fixture.Unpack(packed.ToArray(), new ImageLimits { MaxUnpackedLayerBytes = 1 << 20 }));

        Assert.Contains("1048576", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Very_deep_paths_are_unpacked_and_removed_again()
    {
        using var fixture = new UnpackFixture();
        var deep = string.Join('/', Enumerable.Repeat("d", 1500));

        fixture.Unpack(archive => archive.File($"{deep}/file", "x"));
        TreeRemoval.Remove(fixture.Tree);

        Assert.False(Path.Exists(fixture.Tree));
        Directory.CreateDirectory(fixture.Tree);
        Assert.Contains("too long", fixture.Refuses(archive => archive.File(string.Join('/', Enumerable.Repeat("d", 3000)))), StringComparison.Ordinal);
        Assert.Contains("too long", fixture.Refuses(archive => archive.File(new string('n', 256))), StringComparison.Ordinal);
    }

    [Fact]
    public void Names_that_are_no_text_are_kept_and_can_be_removed()
    {
        using var fixture = new UnpackFixture();
        using var archive = new TestArchive();
        var bytes = archive.File("nameXY").File("line\nbreak").ToBytes();
        var at = bytes.AsSpan().IndexOf("nameXY"u8);
        while (at >= 0)
        {
            (bytes[at + 4], bytes[at + 5]) = (0xFF, 0xFE);
            var next = bytes.AsSpan(at + 6).IndexOf("nameXY"u8);
            at = next < 0 ? -1 : at + 6 + next;
        }

        fixture.Unpack(WithChecksums(bytes));

        Assert.Equal(2, UnpackFixture.Run("find", fixture.Tree, "-type", "f", "-printf", "x").Length);
        TreeRemoval.Remove(fixture.Tree);
        Assert.False(Path.Exists(fixture.Tree));
    }

    [Fact]
    public void Too_many_extended_attributes_are_refused()
    {
        using var fixture = new UnpackFixture();

        fixture.Refuses(archive => archive.File("file", [1], attributes: Enumerable.Range(0, 300).ToDictionary(i => $"SCHILY.xattr.user.a{i}", _ => "value")));
    }

    [Fact]
    public void An_attribute_that_the_file_system_cannot_hold_is_an_error_of_the_image()
    {
        using var fixture = new UnpackFixture();

        var message = fixture.Refuses(archive => archive.File("file", [1], attributes: new Dictionary<string, string> { ["SCHILY.xattr.user.big"] = new string('x', 100_000) }));

        Assert.Contains("user.big", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_link_that_somebody_swaps_in_while_unpacking_leads_nowhere()
    {
        using var fixture = new UnpackFixture();
        using var stop = new CancellationTokenSource();
        var directory = $"{fixture.Tree}/dir";
        var swapping = Task.Run(Swap, TestContext.Current.CancellationToken);
        for (var round = 0; round < 20; round++)
        {
            try
            {
                fixture.Unpack(archive =>
                {
                    archive.Directory("dir");
                    for (var i = 0; i < 50; i++)
                    {
                        archive.File($"dir/other{i % 3}/file", "changed").File($"dir/file{i}", "changed");
                    }
                });
            }
            catch (Exception exception) when (exception is TarFormatException or ContainerException)
            {
                // Whoever tampers with the store may break a pull; nothing more.
            }
        }

        await stop.CancelAsync();
        await swapping;
        Assert.Equal([Path.GetFullPath($"{fixture.Tree}/../outside/file")], Directory.EnumerateFileSystemEntries(Path.GetFullPath($"{fixture.Tree}/../outside")));

        void Swap()
        {
            while (!stop.IsCancellationRequested)
            {
                try
                {
                    Directory.Move(directory, directory + "-aside");
                    File.CreateSymbolicLink(directory, "../outside");
                    File.Delete(directory);
                    Directory.Move(directory + "-aside", directory);
                }
                catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
                {
                    // The other side was faster: it may also have made a directory where the link was, which is not deleted as a file.
                }
            }
        }
    }

    // The name was changed behind the writer's back.
    private static byte[] WithChecksums(byte[] archive)
    {
        for (var at = 0; at + 512 <= archive.Length; at += 512)
        {
            var header = archive.AsSpan(at, 512);
            if (header.Slice(257, 5).SequenceEqual("ustar"u8))
            {
                header.Slice(148, 8).Fill((byte)' ');
                var sum = 0;
                foreach (var value in header)
                {
                    sum += value;
                }

                Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ").CopyTo(header.Slice(148, 8));
            }
        }

        return archive;
    }
}
