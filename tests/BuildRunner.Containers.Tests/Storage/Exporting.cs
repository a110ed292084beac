using System.Text.Json;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Registry;
using BuildRunner.Containers.Storage;
using BuildRunner.Testing;
using BuildRunner.Testing.Images;
using BuildRunner.Testing.Registries;

namespace BuildRunner.Containers.Tests.Storage;

public sealed class Exporting
{
    private static readonly TestImage Image = TestImage.Busybox
        .WithLayer(archive => archive.Directory("etc").File("etc/motd", "hello\n", 0b110_100_000, 12, 34))
        .WithLayer(archive => archive.Whiteout("bin/vi"), TestLayer.Plain);

    private static CancellationToken Cancellation => StoreFixture.Cancellation;

    [Theory]
    [InlineData(ImageFormat.OciArchive, "oci-archive:{0}")]
    [InlineData(ImageFormat.OciLayout, "oci:{0}")]
    [InlineData(ImageFormat.DockerArchive, "docker-archive:{0}")]
    public async Task What_was_exported_is_what_skopeo_reads_and_what_we_import_again(ImageFormat format, string reference)
    {
        Requires.Root();
        Requires.Program("skopeo");
        await using var fixture = await StoreFixture.StartAsync();
        var image = await fixture.PushAndPullAsync(Image, "tools");
        using var folder = TestFolder.Create();

        await fixture.Store.ExportAsync(image.Reference, new ImageExport { Format = format, Path = folder["out"] }, Cancellation);

        var name = string.Format(reference, folder["out"]);
        using var seen = JsonDocument.Parse(UnpackFixture.Run("skopeo", "inspect", name));
        using var config = JsonDocument.Parse(UnpackFixture.Run("skopeo", "inspect", "--config", name));
        Assert.Equal(Image.Layers.Select(layer => layer.DiffId.ToString()), config.RootElement.GetProperty("rootfs").GetProperty("diff_ids").EnumerateArray().Select(id => id.GetString()));
        if (format != ImageFormat.DockerArchive)
        {
            Assert.Equal(Image.Digest.ToString(), seen.RootElement.GetProperty("Digest").GetString());
        }

        using var other = new ImageStore(folder["store"], new ImageStoreOptions(), TimeProvider.System);
        var again = Assert.Single(await other.ImportAsync(new ImageImport { Path = folder["out"] }, null, Cancellation));
        Assert.Equal(image.Reference, again.Reference);
        Assert.Equal(image.LayerDirectories.Select(Path.GetDirectoryName).Select(Path.GetFileName), again.LayerDirectories.Select(Path.GetDirectoryName).Select(Path.GetFileName));
        Assert.DoesNotContain(Directory.EnumerateFileSystemEntries(folder.Path), path => path.EndsWith(".new", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("docker.io/acme/tools:1", "acme/tools:1")]
    [InlineData("docker.io/library/tools:1", "tools:1")]
    public async Task A_name_without_its_registry_names_what_was_exported(string exported, string written)
    {
        await using var fixture = await StoreFixture.StartAsync();
        using var folder = TestFolder.Create();
        var image = await fixture.PushAndPullAsync(TestImage.Busybox, "one");
        await fixture.Store.TagAsync(image.Reference, Reference(exported), Cancellation);
        await fixture.Store.ExportAsync(Reference(exported), new ImageExport { Format = ImageFormat.OciLayout, Path = folder["layout"] }, Cancellation);

        using var other = new ImageStore(folder["store"], new ImageStoreOptions(), TimeProvider.System);
        var layout = Reference($"oci:{folder["layout"]}:{written}");
        Assert.Single(await other.ImportAsync(new ImageImport { Path = folder["layout"], Reference = layout, Name = image.Reference }, null, Cancellation));
    }

    [Fact]
    public async Task A_file_in_a_folder_that_does_not_exist_is_refused_by_its_name()
    {
        await using var fixture = await StoreFixture.StartAsync();
        using var folder = TestFolder.Create();
        var image = await fixture.PushAndPullAsync(TestImage.Busybox, "one");
        var export = new ImageExport { Format = ImageFormat.OciArchive, Path = folder["no-such/out.tar"] };
        var refused = await Assert.ThrowsAsync<ContainerException>(() => fixture.Store.ExportAsync(image.Reference, export, Cancellation));
        Assert.Equal($"The image cannot be written to {export.Path}: its folder does not exist.", refused.Message);
        var missing = await Assert.ThrowsAsync<ContainerException>(() => fixture.Store.ImportAsync(new ImageImport { Path = folder["no-such.tar"], Name = image.Reference }, null, Cancellation));
        Assert.Equal($"The file {folder["no-such.tar"]} does not exist.", missing.Message);
    }

    [Fact]
    public async Task A_folder_takes_several_images_and_the_newer_one_of_a_name()
    {
        await using var fixture = await StoreFixture.StartAsync();
        using var folder = TestFolder.Create();
        var export = new ImageExport { Format = ImageFormat.OciLayout, Path = folder["layout"] };
        var one = await fixture.PushAndPullAsync(TestImage.Busybox, "one");
        var two = await fixture.PushAndPullAsync(Image, "two");
        await fixture.Store.ExportAsync(one.Reference, export, Cancellation);
        await fixture.Store.ExportAsync(two.Reference, export, Cancellation);
        await fixture.Store.TagAsync(two.Reference, one.Reference, Cancellation);
        await fixture.Store.ExportAsync(one.Reference, export, Cancellation);

        using var other = new ImageStore(folder["store"], new ImageStoreOptions(), TimeProvider.System);
        var images = await other.ImportAsync(new ImageImport { Path = folder["layout"] }, null, Cancellation);

        Assert.Equal([one.Reference, two.Reference], images.Select(image => image.Reference).OrderBy(name => name.ToString(), StringComparer.Ordinal));
        Assert.All(images, image => Assert.Equal(Image.Digest, image.ManifestDigest));
        Directory.CreateDirectory(folder["full"]);
        File.WriteAllText(folder["full/precious"], "");
        var refused = await Assert.ThrowsAsync<ContainerException>(() => fixture.Store.ExportAsync(one.Reference, export with { Path = folder["full"] }, Cancellation));
        Assert.Contains("not empty", refused.Message, StringComparison.Ordinal);
        Assert.Equal([folder["full/precious"]], Directory.EnumerateFileSystemEntries(folder["full"]));
    }

    [Fact]
    public async Task Transfers_that_made_room_are_had_again_from_the_registry()
    {
        await using var fixture = await StoreFixture.StartAsync();
        var image = await fixture.PushAndPullAsync(Image, "tools");
        using var folder = TestFolder.Create();
        await fixture.Store.PruneAsync(new PruneOptions { MostBytes = TestImage.Busybox.Layers[0].Archive.Length + 100_000, Spared = TimeSpan.Zero }, Cancellation);
        Assert.False(File.Exists($"{fixture.Root}/blobs/{Image.Layers[0].Digest.Hex}"));
        Assert.NotNull(fixture.Store.Find(image.Reference));

        await fixture.Store.ExportAsync(image.Reference, new ImageExport { Format = ImageFormat.OciArchive, Path = folder["out"] }, Cancellation);

        Assert.True(File.Exists($"{fixture.Root}/blobs/{Image.Layers[0].Digest.Hex}"));
        await fixture.Registry.StopAsync();
    }

    [Fact]
    public async Task What_came_from_a_file_is_not_removed_to_make_room_while_its_image_is_here()
    {
        await using var fixture = await StoreFixture.StartAsync();
        using var folder = TestFolder.Create();
        TestLayout.Write(folder["layout"], (Image, "tools:1"));
        var image = Assert.Single(await fixture.Store.ImportAsync(new ImageImport { Path = folder["layout"] }, null, Cancellation));
        await fixture.Store.PruneAsync(new PruneOptions { MostBytes = 1, Spared = TimeSpan.FromHours(1) }, Cancellation);

        await fixture.Store.ExportAsync(image.Reference, new ImageExport { Format = ImageFormat.DockerArchive, Path = folder["out"] }, Cancellation);

        Assert.True(new FileInfo(folder["out"]).Length > Image.Layers[0].Archive.Length);
    }

    [Fact]
    public async Task A_disk_that_is_full_is_said_to_be_full_and_no_half_file_stays()
    {
        Requires.Root();
        await using var fixture = await StoreFixture.StartAsync();
        var image = await fixture.PushAndPullAsync(new TestImage().WithLayer(archive => archive.File("big", new byte[8 << 20])), "big");
        using var small = await SmallDisk.MountAsync(Cancellation);

        var error = await Assert.ThrowsAsync<ContainerException>(
            () => fixture.Store.ExportAsync(image.Reference, new ImageExport { Format = ImageFormat.DockerArchive, Path = $"{small.Path}/out" }, Cancellation));

        Assert.Equal(ContainerFailure.ResourceExhausted, error.Reason);
        Assert.Empty(Directory.EnumerateFileSystemEntries(small.Path));
    }

    [Fact]
    public async Task A_private_image_with_another_name_is_still_given_only_to_whoever_may_pull_it()
    {
        await using var fixture = await StoreFixture.StartAsync(new RegistryServerOptions { NeedsPassword = true });
        var reference = await fixture.Registry.PushAsync(TestImage.Busybox, "private", cancellationToken: Cancellation);
        var owner = new PullOptions { Credentials = new RegistryCredentials(RegistryServer.User, RegistryServer.Password) };
        await fixture.Store.PullAsync(reference, owner, null, Cancellation);
        var name = fixture.Registry.Reference("mine:1");

        await fixture.Store.TagAsync(reference, name, Cancellation);

        Assert.NotNull(await fixture.Store.PullAsync(name, owner, null, Cancellation));
        Assert.Equal(ContainerFailure.AccessDenied, (await Assert.ThrowsAsync<ContainerException>(() => fixture.Store.PullAsync(name, new PullOptions(), null, Cancellation))).Reason);
        await fixture.Store.RemoveAsync(reference, Cancellation);
        Assert.NotNull(fixture.Store.Find(name));
    }

    private static ImageReference Reference(string text) => ImageReference.TryParse(text, null, out var reference, out var problem) ? reference : throw new ArgumentException(problem);
}
