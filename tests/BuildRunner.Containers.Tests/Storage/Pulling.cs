using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Testing;
using BuildRunner.Testing.Images;
using BuildRunner.Testing.Registries;

namespace BuildRunner.Containers.Tests.Storage;

public sealed class Pulling
{
    private static CancellationToken Cancellation => StoreFixture.Cancellation;

    [Theory]
    [InlineData(TestLayer.Plain)]
    [InlineData(TestLayer.Gzip)]
    [InlineData(TestLayer.Zstd)]
    public async Task A_pulled_image_has_its_files_whatever_its_compression(string mediaType)
    {
        Requires.Root();
        await using var fixture = await StoreFixture.StartAsync();
        var image = TestImage.Busybox.WithLayer(archive => archive.Directory("etc").File("etc/motd", "hello\n", 0b110_100_000, 12, 34), mediaType);

        var resolved = await fixture.PushAndPullAsync(image);

        Assert.Equal(image.Digest, resolved.ManifestDigest);
        Assert.Equal(2, resolved.LayerDirectories.Count);
        Assert.Equal("hello\n", File.ReadAllText($"{resolved.LayerDirectories[1]}/etc/motd"));
        Assert.Equal("busybox", new FileInfo($"{resolved.LayerDirectories[0]}/bin/sh").LinkTarget);
        Assert.Equal(["sh"], resolved.Config.Command);
        Assert.Contains(new("IMAGE", "busybox"), resolved.Config.Environment);
    }

    [Theory]
    [InlineData(TestImage.OciIndex, TestImage.OciManifest)]
    [InlineData(TestImage.DockerList, TestImage.DockerManifest)]
    public async Task From_an_index_the_image_of_this_platform_is_taken(string indexType, string manifestType)
    {
        await using var fixture = await StoreFixture.StartAsync();
        var other = new TestImage { Architecture = "mips64le", MediaType = manifestType }.WithLayer(archive => archive.File("other"));
        var own = new TestImage { MediaType = manifestType }.WithLayer(archive => archive.File("own"));
        var reference = await fixture.Registry.PushIndexAsync([other, own], "many", mediaType: indexType, cancellationToken: Cancellation);

        var resolved = await fixture.Store.PullAsync(reference, new PullOptions(), null, Cancellation);

        Assert.Equal(own.Digest, resolved.ManifestDigest);
        Assert.True(File.Exists($"{resolved.LayerDirectories[0]}/own"));
    }

    [Fact]
    public async Task An_index_without_this_platform_is_an_error_that_names_the_platforms_it_has()
    {
        await using var fixture = await StoreFixture.StartAsync();
        var reference = await fixture.Registry.PushIndexAsync(
            [new TestImage { Architecture = "mips64le" }.WithLayer(archive => archive.File("other"))], "many", cancellationToken: Cancellation);

        var error = await Assert.ThrowsAsync<ContainerException>(() => fixture.Store.PullAsync(reference, new PullOptions(), null, Cancellation));

        Assert.Equal(ContainerFailure.ImageNotFound, error.Reason);
        Assert.Contains("linux/mips64le", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_image_that_is_here_needs_no_registry()
    {
        await using var fixture = await StoreFixture.StartAsync();
        var first = await fixture.PushAndPullAsync(TestImage.Busybox);
        await fixture.Registry.StopAsync();

        var again = await fixture.Store.PullAsync(first.Reference, new PullOptions(), null, Cancellation);
        var byDigest = await fixture.Store.PullAsync(first.Reference.WithDigest(first.ManifestDigest!.Value), new PullOptions { Policy = PullPolicy.Never }, null, Cancellation);

        Assert.Equal(first.LayerDirectories, again.LayerDirectories);
        Assert.Equal(first.LayerDirectories, byDigest.LayerDirectories);
        Assert.Equal(first.ManifestDigest, Assert.Single(fixture.Store.List()).Manifest);
    }

    [Fact]
    public async Task A_tag_that_moved_is_followed_only_if_the_registry_is_asked()
    {
        await using var fixture = await StoreFixture.StartAsync();
        var old = await fixture.PushAndPullAsync(TestImage.Busybox);
        var moved = TestImage.Busybox.WithLayer(archive => archive.File("new"));
        await fixture.Registry.PushAsync(moved, "image", cancellationToken: Cancellation);

        var missing = await fixture.Store.PullAsync(old.Reference, new PullOptions { Policy = PullPolicy.Missing }, null, Cancellation);
        var always = await fixture.Store.PullAsync(old.Reference, new PullOptions { Policy = PullPolicy.Always }, null, Cancellation);

        Assert.Equal(old.ManifestDigest, missing.ManifestDigest);
        Assert.Equal(moved.Digest, always.ManifestDigest);
        Assert.Equal(old.LayerDirectories[0], always.LayerDirectories[0]);
    }

    [Fact]
    public async Task Progress_ends_with_all_layers_and_bytes()
    {
        await using var fixture = await StoreFixture.StartAsync();
        var reference = await fixture.Registry.PushAsync(TestImage.Busybox, "image", cancellationToken: Cancellation);
        var seen = new List<PullProgress>();

        await fixture.Store.PullAsync(reference, new PullOptions(), new Collect(seen), Cancellation);

        Assert.Equal(PullPhase.Resolving, seen[0].Phase);
        Assert.Equal(new PullProgress(PullPhase.Done, 1, 1, TestImage.Busybox.Layers[0].Blob.Length, TestImage.Busybox.Layers[0].Blob.Length), seen[^1]);
    }

    [Fact]
    public async Task A_directory_of_this_host_is_an_image_of_one_layer()
    {
        using var folder = TestFolder.Create();
        using var store = new Containers.Storage.ImageStore(folder["store"], new(), TimeProvider.System);
        Assert.True(ImageReference.TryParse($"rootfs:{folder.Path}", null, out var reference, out _));

        var resolved = await store.PullAsync(reference, new PullOptions(), null, Cancellation);

        Assert.Equal([folder.Path], resolved.LayerDirectories);
        Assert.Null(resolved.ManifestDigest);
    }

    private sealed class Collect(List<PullProgress> seen) : IProgress<PullProgress>
    {
        public void Report(PullProgress value)
        {
            lock (seen)
            {
                seen.Add(value);
            }
        }
    }
}
