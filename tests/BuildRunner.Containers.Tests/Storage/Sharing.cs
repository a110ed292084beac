using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Registry;
using BuildRunner.Containers.Storage;
using BuildRunner.Testing.Images;
using BuildRunner.Testing.Registries;

namespace BuildRunner.Containers.Tests.Storage;

public sealed class Sharing
{
    private static readonly TestImage Image = TestImage.Busybox.WithLayer(archive => archive.File("file", new byte[500_000]), TestLayer.Plain);

    private static CancellationToken Cancellation => StoreFixture.Cancellation;

    [Fact]
    public async Task Many_processes_that_pull_one_image_load_it_once()
    {
        await using var fixture = await StoreFixture.StartAsync();
        await using var registry = FakeRegistry.Start();
        var reference = registry.Serve(Image);
        var children = Enumerable.Range(0, 3).Select(_ => PullingChild.Start(fixture.Root, reference)).ToList();

        var here = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => fixture.Store.PullAsync(reference, new PullOptions(), null, Cancellation)));
        foreach (var child in children)
        {
            Assert.Equal("pulled", await child.StandardOutput.ReadLineAsync(Cancellation));
            child.StandardInput.Close();
            await child.WaitForExitAsync(Cancellation);
            child.Dispose();
        }

        Assert.All(here, image => Assert.Equal(Image.Digest, image.ManifestDigest));
        Assert.All(Image.Layers, layer => Assert.Single(registry.Requests, request => request.Path.EndsWith(layer.Digest.ToString(), StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_pull_that_was_killed_leaves_no_image_and_the_next_one_goes_on_where_it_was()
    {
        await using var fixture = await StoreFixture.StartAsync();
        var half = new TaskCompletionSource();
        var layer = Image.Layers[1];
        await using var registry = FakeRegistry.Start(async (request, answer) =>
        {
            if (!request.Path.EndsWith(layer.Digest.ToString(), StringComparison.Ordinal) || half.Task.IsCompleted)
            {
                return false;
            }

            await answer.SendHeadAsync(200, layer.Blob.Length);
            await answer.SendBytesAsync(layer.Blob.AsMemory(0, 250_000));
            half.SetResult();
            await answer.StallAsync();
            return true;
        });
        var reference = registry.Serve(Image);
        using (var child = PullingChild.Start(fixture.Root, reference))
        {
            await half.Task.WaitAsync(Cancellation);
            await ReceivedAsync(fixture, layer, 250_000);
            child.Kill();
            await child.WaitForExitAsync(Cancellation);
        }

        Assert.Null(fixture.Store.Find(reference));
        Assert.Empty(fixture.Store.List());
        Assert.False(Directory.Exists($"{fixture.Root}/layers/{layer.DiffId.Hex}"));
        var resolved = await fixture.Store.PullAsync(reference, new PullOptions(), null, Cancellation);

        Assert.Equal(500_000, new FileInfo($"{resolved.LayerDirectories[1]}/file").Length);
        Assert.Equal("bytes=250000-", registry.Requests.Last(request => request.Path.EndsWith(layer.Digest.ToString(), StringComparison.Ordinal)).Headers["Range"]);
        Assert.Empty(Directory.EnumerateFileSystemEntries($"{fixture.Root}/temporary"));
    }

    [Fact]
    public async Task An_image_that_another_process_uses_stays_until_that_process_is_gone()
    {
        await using var fixture = await StoreFixture.StartAsync();
        var reference = await fixture.Registry.PushAsync(Image, "image", cancellationToken: Cancellation);
        using var child = PullingChild.Start(fixture.Root, reference);
        Assert.Equal("pulled", await child.StandardOutput.ReadLineAsync(Cancellation));

        var pruned = await fixture.Store.PruneAsync(new PruneOptions { UnusedFor = TimeSpan.Zero, MostBytes = 0, Spared = TimeSpan.Zero }, Cancellation);
        var removal = await fixture.Store.RemoveAsync(reference, Cancellation);
        Assert.Empty(pruned.Images);
        Assert.Equal(ImageRemoval.InUse, removal);
        Assert.NotNull(fixture.Store.Find(reference));
        child.Kill();
        await child.WaitForExitAsync(Cancellation);

        Assert.Equal(ImageRemoval.Removed, await fixture.Store.RemoveAsync(reference, Cancellation));
        Assert.Empty(Directory.EnumerateFileSystemEntries($"{fixture.Root}/layers"));
        Assert.Empty(Directory.EnumerateFileSystemEntries($"{fixture.Root}/blobs"));
        Assert.Empty(Directory.EnumerateFileSystemEntries($"{fixture.Root}/leases"));
    }

    [Fact]
    public async Task Layers_that_another_image_needs_stay()
    {
        await using var fixture = await StoreFixture.StartAsync();
        var small = await fixture.PushAndPullAsync(TestImage.Busybox, "small");
        var large = await fixture.PushAndPullAsync(Image, "large");

        await fixture.Store.RemoveAsync(large.Reference, Cancellation);

        Assert.NotNull(fixture.Store.Find(small.Reference));
        Assert.Null(fixture.Store.Find(large.Reference));
        Assert.Equal([$"{fixture.Root}/layers/{Image.Layers[0].DiffId.Hex}"], Directory.EnumerateDirectories($"{fixture.Root}/layers"));
    }

    [Fact]
    public async Task For_want_of_space_transfers_go_first_and_then_the_longest_unused_image()
    {
        await using var fixture = await StoreFixture.StartAsync();
        var old = await fixture.PushAndPullAsync(new TestImage().WithLayer(archive => archive.File("old", new byte[300_000])), "old");
        var fresh = await fixture.PushAndPullAsync(new TestImage().WithLayer(archive => archive.File("fresh", new byte[300_000])), "fresh");

        var result = await fixture.Store.PruneAsync(new PruneOptions { MostBytes = 400_000, Spared = TimeSpan.Zero }, Cancellation);

        Assert.Equal([old.Reference.ToString()], result.Images);
        Assert.NotNull(fixture.Store.Find(fresh.Reference));
    }

    [Fact]
    public async Task A_lease_on_an_image_that_was_removed_meanwhile_says_so()
    {
        await using var fixture = await StoreFixture.StartAsync();
        var resolved = await fixture.PushAndPullAsync(TestImage.Busybox);
        await fixture.Store.RemoveAsync(resolved.Reference, Cancellation);

        var error = await Assert.ThrowsAsync<ContainerException>(() => fixture.Store.LeaseAsync(resolved, Cancellation));

        Assert.Equal(ContainerFailure.Lost, error.Reason);
        Assert.True(error.IsTransient);
    }

    [Theory]
    [InlineData(PullPolicy.Missing)]
    [InlineData(PullPolicy.Never)]
    public async Task A_private_image_that_is_here_is_given_to_whoever_could_pull_it_and_to_nobody_else(PullPolicy policy)
    {
        await using var fixture = await StoreFixture.StartAsync(new RegistryServerOptions { NeedsPassword = true });
        var reference = await fixture.Registry.PushAsync(TestImage.Busybox, "private", cancellationToken: Cancellation);
        var owner = new PullOptions { Policy = policy, Credentials = new RegistryCredentials(RegistryServer.User, RegistryServer.Password) };
        await fixture.Store.PullAsync(reference, owner with { Policy = PullPolicy.Always }, null, Cancellation);

        var stranger = await Assert.ThrowsAsync<ContainerException>(() => fixture.Store.PullAsync(reference, new PullOptions { Policy = policy }, null, Cancellation));
        var guesser = await Assert.ThrowsAsync<ContainerException>(
            () => fixture.Store.PullAsync(reference, owner with { Credentials = new RegistryCredentials(RegistryServer.User, "guess") }, null, Cancellation));
        await fixture.Registry.StopAsync();

        Assert.Equal(ContainerFailure.AccessDenied, stranger.Reason);
        Assert.Equal(ContainerFailure.AccessDenied, guesser.Reason);
        Assert.NotNull(await fixture.Store.PullAsync(reference, owner, null, Cancellation));
    }

    [Fact]
    public async Task Naming_the_digests_of_a_private_layer_does_not_give_it_away()
    {
        await using var fixture = await StoreFixture.StartAsync(new RegistryServerOptions { NeedsPassword = true });
        var secret = new TestImage().WithLayer(archive => archive.File("secret"));
        var reference = await fixture.Registry.PushAsync(secret, "private", cancellationToken: Cancellation);
        await fixture.Store.PullAsync(reference, new PullOptions { Credentials = new RegistryCredentials(RegistryServer.User, RegistryServer.Password) }, null, Cancellation);
        await using var thief = FakeRegistry.Start(async (request, answer) =>
        {
            if (!request.Path.EndsWith(secret.Layers[0].Digest.ToString(), StringComparison.Ordinal))
            {
                return false;
            }

            await answer.SendAsync(404, []);
            return true;
        });

        await Assert.ThrowsAsync<ContainerException>(() => fixture.Store.PullAsync(thief.Serve(secret), new PullOptions(), null, Cancellation));
        // And with a blob of the thief's own that claims to be the secret layer.
        var fake = TestLayer.Of(archive => archive.File("other")) with { DiffId = secret.Layers[0].DiffId };
        var error = await Assert.ThrowsAsync<ContainerException>(() => fixture.Store.PullAsync(thief.Serve(new TestImage { Layers = [fake] }, "fake"), new PullOptions(), null, Cancellation));

        Assert.Equal(ContainerFailure.CorruptImage, error.Reason);
    }

    private static async Task ReceivedAsync(StoreFixture fixture, TestLayer layer, long bytes)
    {
        var partial = new FileInfo($"{fixture.Root}/temporary/transfer-{layer.DiffId.Hex}.{layer.Digest.Hex}");
        while (!partial.Exists || partial.Length < bytes)
        {
            await Task.Delay(5, Cancellation);
            partial.Refresh();
        }
    }
}
