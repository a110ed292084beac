using BuildRunner.Testing.Images;

namespace BuildRunner.Containers.Tests.Storage;

public sealed class Unpacking
{
    [Fact]
    public void Owners_modes_times_and_capabilities_are_kept()
    {
        using var fixture = new UnpackFixture();
        // Version 2, effective, cap_net_raw.
        var capability = "\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

        fixture.Unpack(archive => archive
            .Directory("dir", 0b1_111_111_111, 5, 6)
            .File("dir/tool", [1, 2, 3], 0b100_111_101_101, 1000, 2000, new Dictionary<string, string> { ["SCHILY.xattr.security.capability"] = capability, ["SCHILY.xattr.user.note"] = "kept" })
            .SymbolicLink("dir/link", "tool")
            .HardLink("dir/same", "dir/tool"));

        Assert.Equal("1777 5:6 directory", Status(fixture, "dir"));
        Assert.Equal("4755 1000:2000 regular file", Status(fixture, "dir/tool"));
        Assert.Equal("777 0:0 symbolic link", Status(fixture, "dir/link"));
        Assert.Equal(UnpackFixture.Run("stat", "-c", "%i", $"{fixture.Tree}/dir/tool"), UnpackFixture.Run("stat", "-c", "%i", $"{fixture.Tree}/dir/same"));
        Assert.Equal([$"security.capability={capability}", "user.note=kept"], ExtendedAttributes.Of($"{fixture.Tree}/dir/tool"));
        Assert.All(["dir", "dir/tool", "dir/link"], name =>
            Assert.Equal(TestArchive.Time.ToUnixTimeSeconds().ToString(), UnpackFixture.Run("stat", "-c", "%Y", $"{fixture.Tree}/{name}")));
    }

    [Fact]
    public void The_layers_root_takes_the_mode_that_the_archive_gives_it()
    {
        using var fixture = new UnpackFixture();

        fixture.Unpack(archive => archive.Directory("./", 0b111_101_000, 7, 8).File("file"));

        Assert.Equal("750 7:8 directory", Status(fixture, "."));
    }

    [Fact]
    public void A_whiteout_is_a_character_device_of_zero_and_an_opaque_directory_is_marked_twice()
    {
        using var fixture = new UnpackFixture();

        fixture.Unpack(archive => archive.Directory("dir").Whiteout("dir/gone").Directory("fresh").Opaque("fresh").File("fresh/file"));

        Assert.Equal("character special file 0:0", UnpackFixture.Run("stat", "-c", "%F %t:%T", $"{fixture.Tree}/dir/gone"));
        Assert.Equal(["trusted.overlay.opaque=y", "user.overlay.opaque=y"], ExtendedAttributes.Of($"{fixture.Tree}/fresh"));
        Assert.True(File.Exists($"{fixture.Tree}/fresh/file"));
        Assert.False(Path.Exists($"{fixture.Tree}/fresh/.wh..wh..opq"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_directory_that_the_layer_removes_and_makes_anew_hides_the_lower_one(bool whiteoutFirst)
    {
        using var fixture = new UnpackFixture();

        fixture.Unpack(archive => _ = whiteoutFirst ? archive.Whiteout("dir").Directory("dir").File("dir/new") : archive.Directory("dir").File("dir/new").Whiteout("dir"));

        Assert.True(File.Exists($"{fixture.Tree}/dir/new"));
        Assert.Contains("trusted.overlay.opaque=y", ExtendedAttributes.Of($"{fixture.Tree}/dir"));
    }

    [Fact]
    public void Later_entries_replace_earlier_ones_whatever_their_kind()
    {
        using var fixture = new UnpackFixture();

        fixture.Unpack(archive => archive
            .File("a", "file").Directory("a").File("a/inside")
            .Directory("b").File("b/inside").File("b", "file")
            .Directory("c").File("c/inside").SymbolicLink("c", "a").File("c/through", "link")
            .SymbolicLink("d", "a").Directory("d").File("d/own")
            .File("e", "first").HardLink("f", "e").File("e", "second"));

        Assert.True(File.Exists($"{fixture.Tree}/a/inside"));
        Assert.Equal("file", File.ReadAllText($"{fixture.Tree}/b"));
        Assert.Equal("a", new FileInfo($"{fixture.Tree}/c").LinkTarget);
        Assert.Equal("link", File.ReadAllText($"{fixture.Tree}/a/through"));
        Assert.False(File.Exists($"{fixture.Tree}/a/own"));
        Assert.True(File.Exists($"{fixture.Tree}/d/own"));
        Assert.Equal("first", File.ReadAllText($"{fixture.Tree}/f"));
        Assert.Equal("second", File.ReadAllText($"{fixture.Tree}/e"));
    }

    [Fact]
    public void Parents_that_the_archive_does_not_name_are_made()
    {
        using var fixture = new UnpackFixture();

        fixture.Unpack(archive => archive.File("usr/share/doc/readme", "text"));

        Assert.Equal("755 0:0 directory", Status(fixture, "usr/share/doc"));
    }

    private static string Status(UnpackFixture fixture, string name) => UnpackFixture.Run("stat", "-c", "%a %u:%g %F", $"{fixture.Tree}/{name}");
}
