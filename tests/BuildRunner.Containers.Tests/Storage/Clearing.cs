using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Registry;
using BuildRunner.Containers.Storage;
using BuildRunner.Testing;
using BuildRunner.Testing.Images;
using BuildRunner.Testing.Registries;

namespace BuildRunner.Containers.Tests.Storage;

/// <summary>Removing what is not needed: by age, by size, by free disk, and while others go on.</summary>
public sealed class Clearing
{
    private static CancellationToken Cancellation => StoreFixture.Cancellation;

    [Fact]
    public async Task Images_not_used_for_long_go_and_used_ones_stay()
    {
        await using var fixture = await StoreFixture.StartAsync();
        var old = await fixture.PushAndPullAsync(TestImage.Busybox.WithLayer(archive => archive.File("old")), "old");
        var fresh = await fixture.PushAndPullAsync(TestImage.Busybox, "fresh");
        foreach (var notes in Directory.EnumerateFiles($"{fixture.Root}/images"))
        {
            File.SetLastWriteTimeUtc(notes, TimeProvider.System.GetUtcNow().UtcDateTime.AddDays(-8));
        }

        await fixture.Store.PullAsync(fresh.Reference, new PullOptions(), null, Cancellation);

        var result = await fixture.Store.PruneAsync(new PruneOptions { UnusedFor = TimeSpan.FromDays(7) }, Cancellation);

        Assert.Equal([old.Reference.ToString()], result.Images);
        Assert.NotNull(fixture.Store.Find(fresh.Reference));
    }

    [Fact]
    public async Task The_longest_unused_go_until_enough_of_the_disk_is_free_and_no_more()
    {
        Requires.Root();
        await using var fixture = await StoreFixture.StartAsync();
        using var small = await SmallDisk.MountAsync(Cancellation);
        using var store = new ImageStore(small.Path, new ImageStoreOptions { Registry = new RegistryOptions { UseCredentialFiles = false } }, TimeProvider.System);
        var images = new List<ResolvedImage>();
        foreach (var name in (string[])["a", "b", "c"])
        {
            var image = new TestImage().WithLayer(archive => archive.File(name, new byte[400_000]));
            images.Add(await store.PullAsync(await fixture.Registry.PushAsync(image, name, cancellationToken: Cancellation), new PullOptions(), null, Cancellation));
        }

        var free = new DriveInfo(small.Path).AvailableFreeSpace;
        var result = await store.PruneAsync(new PruneOptions { LeastFreeBytes = free + 300_000, Spared = TimeSpan.Zero }, Cancellation);

        Assert.Equal([images[0].Reference.ToString()], result.Images);
        Assert.InRange(new DriveInfo(small.Path).AvailableFreeSpace, free + 300_000, long.MaxValue);
        Assert.NotNull(store.Find(images[2].Reference));
    }

    [Fact]
    public async Task A_pull_clears_up_by_itself_where_images_take_more_than_they_may()
    {
        await using var fixture = await StoreFixture.StartAsync();
        var options = new ImageStoreOptions
        {
            Registry = new RegistryOptions { UseCredentialFiles = false },
            PruneAfterPull = new PruneOptions { MostBytes = 1_000_000, Spared = TimeSpan.Zero },
        };
        using var store = new ImageStore(fixture.Root, options, TimeProvider.System);
        var images = new List<ResolvedImage>();
        foreach (var name in (string[])["a", "b", "c"])
        {
            var image = new TestImage().WithLayer(archive => archive.File(name, new byte[400_000]));
            images.Add(await store.PullAsync(await fixture.Registry.PushAsync(image, name, cancellationToken: Cancellation), new PullOptions(), null, Cancellation));
        }

        // Off the path of who pulls: it is waited for.
        for (var tries = 0; tries < 600 && store.Find(images[0].Reference) is not null; tries++)
        {
            await Task.Delay(50, Cancellation);
        }

        Assert.Null(store.Find(images[0].Reference));
        Assert.NotNull(store.Find(images[1].Reference));
        Assert.NotNull(store.Find(images[2].Reference));
    }

    [Fact]
    public async Task While_everything_is_being_removed_whoever_has_an_image_has_all_of_it()
    {
        await using var fixture = await StoreFixture.StartAsync();
        var references = new List<ImageReference>();
        foreach (var name in (string[])["a", "b", "c"])
        {
            references.Add(await fixture.Registry.PushAsync(TestImage.Busybox.WithLayer(archive => archive.File(name, name)), name, cancellationToken: Cancellation));
        }

        using var done = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var removed = 0;
        var removing = Task.Run(
            async () =>
            {
                using var other = fixture.Open();
                while (!done.IsCancellationRequested)
                {
                    removed += (await other.PruneAsync(new PruneOptions { UnusedFor = TimeSpan.Zero }, CancellationToken.None)).Images.Count;
                }
            },
            Cancellation);
        await Task.WhenAll(Enumerable.Range(0, 3).Select(user => Task.Run(() => UseAsync(fixture, references, user), Cancellation)));
        await done.CancelAsync();
        await removing;

        Assert.InRange(removed, 1, int.MaxValue);
    }

    [Fact]
    public async Task Pulls_killed_at_any_moment_leave_an_image_whole_or_not_at_all()
    {
        await using var fixture = await StoreFixture.StartAsync();
        var image = TestImage.Busybox.WithLayer(archive => Fill(archive, "a")).WithLayer(archive => Fill(archive, "b"));
        var reference = await fixture.Registry.PushAsync(image, "image", cancellationToken: Cancellation);
        for (var round = 0; round < 8; round++)
        {
            using (var child = PullingChild.Start(fixture.Root, reference))
            {
                // From before it has begun until after it is done.
                await Task.Delay(60 * round, Cancellation);
                child.Kill();
                await child.WaitForExitAsync(Cancellation);
            }

            if (fixture.Store.Find(reference) is { } found)
            {
                AssertWhole(found);
                await fixture.Store.RemoveAsync(reference, Cancellation);
            }
        }

        AssertWhole(await fixture.Store.PullAsync(reference, new PullOptions(), null, Cancellation));
        Assert.Empty(Directory.EnumerateFileSystemEntries($"{fixture.Root}/temporary"));
    }

    private static async Task UseAsync(StoreFixture fixture, List<ImageReference> references, int user)
    {
        using var store = fixture.Open();
        for (var round = 0; round < 15; round++)
        {
            var reference = references[(round + user) % references.Count];
            try
            {
                var image = await store.PullAsync(reference, new PullOptions(), null, Cancellation);
                using var lease = await store.LeaseAsync(image, Cancellation);
                Assert.Equal(reference.Repository, await File.ReadAllTextAsync($"{image.LayerDirectories[1]}/{reference.Repository}", Cancellation));
                Assert.True(File.Exists($"{image.LayerDirectories[0]}/bin/busybox"));
            }
            catch (ContainerException gone) when (gone.Reason == ContainerFailure.Lost)
            {
                // Removed between pull and lease: said so, and to be tried again.
            }
        }
    }

    private static void Fill(TestArchive archive, string name)
    {
        for (var i = 0; i < 400; i++)
        {
            archive.File($"{name}{i}", $"{name}{i}");
        }
    }

    private static void AssertWhole(ResolvedImage image)
    {
        foreach (var (name, layer) in ((string, string)[])[("a", image.LayerDirectories[1]), ("b", image.LayerDirectories[2])])
        {
            Assert.All(Enumerable.Range(0, 400), i => Assert.Equal($"{name}{i}", File.ReadAllText($"{layer}/{name}{i}")));
        }
    }
}
