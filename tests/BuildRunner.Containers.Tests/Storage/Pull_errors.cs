using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Registry;
using BuildRunner.Testing;
using BuildRunner.Testing.Images;
using BuildRunner.Testing.Registries;

namespace BuildRunner.Containers.Tests.Storage;

public sealed class Pull_errors
{
    private static CancellationToken Cancellation => StoreFixture.Cancellation;

    [Fact]
    public async Task An_unknown_image_is_named_with_its_registry()
    {
        await using var fixture = await StoreFixture.StartAsync();

        var error = await Assert.ThrowsAsync<ContainerException>(
            () => fixture.Store.PullAsync(fixture.Registry.Reference("no/such:tag"), new PullOptions(), null, Cancellation));

        Assert.Equal(ContainerFailure.ImageNotFound, error.Reason);
        Assert.Contains($"{fixture.Registry.Host}/no/such:tag", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_registry_that_refuses_connections_is_a_passing_error()
    {
        await using var fixture = await StoreFixture.StartAsync();
        await fixture.Registry.StopAsync();

        var error = await Assert.ThrowsAsync<ContainerException>(
            () => fixture.Store.PullAsync(fixture.Registry.Reference("image"), new PullOptions(), null, Cancellation));

        Assert.Equal(ContainerFailure.RegistryUnavailable, error.Reason);
        Assert.True(error.IsTransient);
        Assert.Contains("refuses connections", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_host_that_does_not_exist_is_said_to_be_unknown()
    {
        await using var fixture = await StoreFixture.StartAsync();
        Assert.True(ImageReference.TryParse("no-such-host.invalid/image", null, out var reference, out _));

        var error = await Assert.ThrowsAsync<ContainerException>(() => fixture.Store.PullAsync(reference, new PullOptions(), null, Cancellation));

        Assert.Equal(ContainerFailure.RegistryUnavailable, error.Reason);
        Assert.Contains("no-such-host.invalid", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_private_image_is_denied_to_a_stranger_and_to_a_wrong_password()
    {
        await using var fixture = await StoreFixture.StartAsync(new RegistryServerOptions { NeedsPassword = true });
        var reference = await fixture.Registry.PushAsync(TestImage.Busybox, "secret", cancellationToken: Cancellation);

        var stranger = await Assert.ThrowsAsync<ContainerException>(() => fixture.Store.PullAsync(reference, new PullOptions(), null, Cancellation));
        var wrong = await Assert.ThrowsAsync<ContainerException>(() => fixture.Store.PullAsync(
            reference, new PullOptions { Credentials = new RegistryCredentials(RegistryServer.User, "guess") }, null, Cancellation));

        Assert.Equal(ContainerFailure.AccessDenied, stranger.Reason);
        Assert.Contains($"docker login {fixture.Registry.Host}", stranger.Message, StringComparison.Ordinal);
        Assert.Equal(ContainerFailure.AccessDenied, wrong.Reason);
        Assert.Contains(RegistryServer.User, wrong.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("guess", wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_layer_that_was_changed_on_the_registry_leaves_nothing_behind()
    {
        await using var fixture = await StoreFixture.StartAsync();
        var image = TestImage.Busybox.WithLayer(archive => archive.File("file", new string('x', 10_000)));
        var reference = await fixture.Registry.PushAsync(image, "image", cancellationToken: Cancellation);
        var hex = image.Layers[1].Digest.Hex;
        var stored = $"{fixture.Registry.DataFolder}/docker/registry/v2/blobs/sha256/{hex[..2]}/{hex}/data";
        var bytes = await File.ReadAllBytesAsync(stored, Cancellation);
        bytes[^6] ^= 1;
        await File.WriteAllBytesAsync(stored, bytes, Cancellation);

        var error = await Assert.ThrowsAsync<ContainerException>(() => fixture.Store.PullAsync(reference, new PullOptions(), null, Cancellation));

        Assert.Equal(ContainerFailure.CorruptImage, error.Reason);
        Assert.Empty(fixture.Store.List());
        Assert.Empty(Directory.EnumerateDirectories($"{fixture.Root}/temporary"));
        Assert.False(Directory.Exists($"{fixture.Root}/layers/{image.Layers[1].DiffId.Hex}"));
    }

    [Fact]
    public async Task An_image_of_another_platform_is_refused()
    {
        await using var fixture = await StoreFixture.StartAsync();
        var image = new TestImage { Architecture = "mips64le" }.WithLayer(archive => archive.File("file"));

        var error = await Assert.ThrowsAsync<ContainerException>(() => fixture.PushAndPullAsync(image));

        Assert.Equal(ContainerFailure.ImageNotFound, error.Reason);
        Assert.Contains("linux/mips64le", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_full_disk_is_said_to_be_full()
    {
        Requires.Root();
        await using var fixture = await StoreFixture.StartAsync();
        using var small = await SmallDisk.MountAsync(Cancellation);
        using var store = new Containers.Storage.ImageStore(small.Path, new(), TimeProvider.System);
        var image = new TestImage().WithLayer(archive => archive.File("big", new byte[8 << 20]));
        var reference = await fixture.Registry.PushAsync(image, "image", cancellationToken: Cancellation);

        var error = await Assert.ThrowsAsync<ContainerException>(() => store.PullAsync(reference, new PullOptions(), null, Cancellation));

        Assert.Equal(ContainerFailure.ResourceExhausted, error.Reason);
        Assert.Empty(store.List());
        Assert.Empty(Directory.EnumerateDirectories($"{small.Path}/temporary"));
        Assert.Empty(Directory.EnumerateDirectories($"{small.Path}/layers"));
    }
}
