using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Storage;
using BuildRunner.Testing;
using BuildRunner.Testing.Images;
using BuildRunner.Testing.Registries;

namespace BuildRunner.Containers.Tests.Storage;

public sealed class Committing
{
    private const string Changes = """
        cd "$1"
        rm bin/vi
        rm -r tree/gone && mkdir tree/gone && echo new > tree/gone/new
        echo changed > tree/file
        chown 1000:50 tree/file && chmod 4755 tree/file
        ln -s /nowhere link && mkfifo pipe && mknod node c 1 3
        echo one > linked && ln linked again && mkdir deep && ln linked deep/third
        rm bin/wget && mkdir bin/wget && touch bin/wget/inside
        printf 'x' > "$(printf 'no\377text')"
        cp bin/busybox capable && setcap cap_net_bind_service+ep capable
        mv moved away && rm away/inner/hidden && echo more > away/inner/more && rm -r away/whole && mkdir away/whole && mv away/inner away/inside && mv away/deeper/a tree/b
        mv renamed/one renamed/two && mv renamed twice
        head -c 3000000 /dev/urandom > noise
        """;

    private static readonly TestImage Image = TestImage.Busybox.WithLayer(archive => archive
        .Directory("tree").File("tree/file", "old").Directory("tree/gone").File("tree/gone/old", "old").Directory("mnt")
        .Directory("moved").File("moved/below", "below").File("moved/gone", "gone").Directory("moved/inner", 0b111_000_000, 7, 8).File("moved/inner/kept", "kept", 0b110_100_100, 7, 8)
        .File("moved/inner/hidden").Directory("moved/whole").File("moved/whole/x").Directory("moved/deeper").Directory("moved/deeper/a").File("moved/deeper/a/leaf", "leaf")
        .Directory("renamed").Directory("renamed/one").File("renamed/one/x", "x"))
        .WithLayer(archive => archive.Directory("moved").File("moved/upper", "upper").Whiteout("moved/gone").Directory("moved/deeper").Directory("moved/deeper/a").File("moved/deeper/a/second"));

    private static CancellationToken Cancellation => StoreFixture.Cancellation;

    [Fact]
    public async Task An_image_of_a_containers_changes_shows_what_the_container_showed()
    {
        Requires.Root();
        Requires.Program("mount", "setcap");
        await using var fixture = await StoreFixture.StartAsync();
        var image = await fixture.PushAndPullAsync(Image, "tools");
        using var first = await Overlay.MountAsync(image.LayerDirectories);
        UnpackFixture.Run("sh", "-ec", Changes, "sh", first.Path);
        UnpackFixture.Run("rm", $"{first.Path}/node");
        var name = fixture.Registry.Reference("made:1");

        var made = await fixture.Store.CommitAsync(image.Reference, new ContainerChanges(first.Upper), name, "test", Cancellation);

        using var second = await Overlay.MountAsync(made.LayerDirectories);
        Assert.Equal(Listing(first.Path), Listing(second.Path));
        Assert.Equal(["sh"], made.Config.Command);
        Assert.Equal(name, (await fixture.Store.PullAsync(name, new PullOptions { Policy = PullPolicy.Never }, null, Cancellation)).Reference);
        await fixture.Store.PushAsync(name, name, new PushOptions(), null, Cancellation);
    }

    [Fact]
    public async Task Ids_of_the_host_are_undone_and_what_was_mounted_over_stays_out()
    {
        Requires.Root();
        await using var fixture = await StoreFixture.StartAsync();
        var image = await fixture.PushAndPullAsync(Image, "tools");
        using var folder = TestFolder.Create();
        UnpackFixture.Run("sh", "-ec", """
            mkdir -p "$1/upper/run/mounted" && cd "$1/upper" && touch run/mounted/x root user stranger
            chown -R 100000:100000 . && chown 101000:100050 user && chown 5:5 stranger
            """, "sh", folder.Path);

        var made = await fixture.Store.CommitAsync(
            image.Reference, new ContainerChanges(folder["upper"]) { FirstHostId = 100_000, LeftOut = ["/run/mounted"] }, fixture.Registry.Reference("made:1"), "test", Cancellation);

        var top = made.LayerDirectories[^1];
        Assert.Equal("0 0\n1000 50\n65534 65534", UnpackFixture.Run("stat", "-c", "%u %g", $"{top}/root", $"{top}/user", $"{top}/stranger"));
        Assert.True(Directory.Exists($"{top}/run"));
        Assert.False(Directory.Exists($"{top}/run/mounted"));
    }

    [Fact]
    public async Task An_image_of_a_directory_of_this_host_cannot_be_made()
    {
        await using var fixture = await StoreFixture.StartAsync();
        using var folder = TestFolder.Create();
        Assert.True(ImageReference.TryParse("rootfs:/", null, out var root, out _));

        var error = await Assert.ThrowsAsync<ContainerException>(
            () => fixture.Store.CommitAsync(root, new ContainerChanges(folder.Path), fixture.Registry.Reference("made:1"), "test", Cancellation));

        Assert.Contains("a directory of this host", error.Message, StringComparison.Ordinal);
    }

    // Everything that can be seen of a tree: kind, mode, owner, links and content.
    private static string Listing(string path) => UnpackFixture.Run("sh", "-ec", """
        cd "$1"
        find . -mindepth 1 ! -type d -printf '%P %y %m %U %G %n %l\n' -o -mindepth 1 -printf '%P %y %m %U %G\n' | LC_ALL=C sort
        find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
        getcap capable
        """, "sh", path);

    /// <summary>Layers under a writable one, as a container sees them.</summary>
    private sealed class Overlay : IDisposable
    {
        private readonly TestFolder _folder = TestFolder.Create();

        public string Path => _folder["merged"];

        public string Upper => _folder["upper"];

        public static Task<Overlay> MountAsync(IReadOnlyList<string> layers)
        {
            var overlay = new Overlay();
            foreach (var name in (string[])["merged", "upper", "work"])
            {
                Directory.CreateDirectory(overlay._folder[name]);
            }

            var lower = string.Join(':', layers.Reverse());
            UnpackFixture.Run("mount", "-t", "overlay", "overlay", "-o", $"lowerdir={lower},upperdir={overlay.Upper},workdir={overlay._folder["work"]},redirect_dir=on,metacopy=off", overlay.Path);
            return Task.FromResult(overlay);
        }

        public void Dispose()
        {
            UnpackFixture.Run("umount", "-l", Path);
            _folder.Dispose();
        }
    }
}
