using System.Text.Json;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Registry;
using BuildRunner.Containers.Storage;
using BuildRunner.Containers.Tests.Storage;
using BuildRunner.Testing;
using BuildRunner.Testing.Images;
using BuildRunner.Testing.Registries;

namespace BuildRunner.Containers.Tests.Registry;

public sealed class Pushing : IDisposable
{
    private const int Size = 6_000_000;

    private static readonly TestImage Large = TestImage.Busybox.WithLayer(archive => archive.File("noise", Noise(Size)), TestLayer.Plain);

    private readonly TestFolder _folder = TestFolder.Create();
    private readonly ImageStore _store;

    public Pushing() => _store = new ImageStore(
        _folder["store"],
        new ImageStoreOptions { Registry = new RegistryOptions { UseCredentialFiles = false, FirstPause = TimeSpan.FromMilliseconds(20), UploadChunk = 1 << 20 } },
        TimeProvider.System);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _store.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task What_was_pushed_is_what_skopeo_and_others_find()
    {
        Requires.Program("skopeo");
        await using var registry = await RegistryServer.StartAsync(cancellationToken: Cancellation);
        var image = await LoadAsync(Large);
        var seen = new List<PushProgress>();

        var digest = await _store.PushAsync(image, registry.Reference("some/tools:1"), new PushOptions(), new Collect(seen), Cancellation);

        using var found = JsonDocument.Parse(UnpackFixture.Run("skopeo", "inspect", "--tls-verify=false", $"docker://{registry.Host}/some/tools:1"));
        Assert.Equal(Large.Digest, digest);
        Assert.Equal(digest.ToString(), found.RootElement.GetProperty("Digest").GetString());
        Assert.Equal(seen[^1].TotalBytes, seen[^1].Bytes);
        Assert.Equal(3, seen[^1].BlobsDone);
        using var other = new ImageStore(_folder["other"], new ImageStoreOptions { Registry = new RegistryOptions { UseCredentialFiles = false } }, TimeProvider.System);
        var pulled = await other.PullAsync(registry.Reference("some/tools:1"), new PullOptions(), null, Cancellation);
        Assert.Equal(Size, new FileInfo($"{pulled.LayerDirectories[1]}/noise").Length);
    }

    [Fact]
    public async Task A_push_that_is_cut_between_two_pieces_goes_on_where_it_was()
    {
        await using var registry = await RegistryServer.StartAsync(cancellationToken: Cancellation);
        await using var proxy = CuttingProxy.Start(registry.Host, cutAt: Size / 2, cutBefore: "PATCH ");
        var image = await LoadAsync(Large);

        var digest = await _store.PushAsync(image, Reference($"{proxy.Host}/tools:1"), new PushOptions(), null, Cancellation);

        Assert.True(proxy.HasCut);
        Assert.Equal(Large.Digest, digest);
        // Every layer once, beside what requests say of themselves: less than a piece.
        Assert.InRange(proxy.Sent, Size, Large.Layers.Sum(layer => layer.Blob.Length) + (1 << 19));
        Assert.Equal(Large.Manifest, await ManifestAsync(registry, $"/v2/tools/manifests/{digest}"));
    }

    // This registry gives up an upload that was cut inside a piece (its account of the session is then another than its file's), so it is begun anew.
    [Fact]
    public async Task A_push_that_is_cut_inside_a_piece_is_whole_all_the_same()
    {
        await using var registry = await RegistryServer.StartAsync(cancellationToken: Cancellation);
        await using var proxy = CuttingProxy.Start(registry.Host, cutAt: Size / 2);
        var image = await LoadAsync(Large);

        var digest = await _store.PushAsync(image, Reference($"{proxy.Host}/tools:1"), new PushOptions(), null, Cancellation);

        Assert.True(proxy.HasCut);
        Assert.Equal(Large.Digest, digest);
        Assert.InRange(proxy.Sent, Size, 2 * Large.Layers.Sum(layer => layer.Blob.Length));
        Assert.Equal(Large.Manifest, await ManifestAsync(registry, $"/v2/tools/manifests/{digest}"));
    }

    [Theory]
    [InlineData(500)]
    [InlineData(416)]
    public async Task Of_a_piece_that_came_in_part_only_the_rest_is_sent(int refusal)
    {
        const int kept = 300_000;
        await using var registry = new KeepingRegistry(kept, refusal);
        var image = await LoadAsync(TestImage.Busybox);

        await _store.PushAsync(image, Reference($"{registry.Host}/tools:1"), new PushOptions(), null, Cancellation);

        var layer = TestImage.Busybox.Layers.Single().Blob;
        var upload = Assert.Single(registry.Uploads, upload => upload.Bytes.Length == layer.Length);
        Assert.Equal(layer, upload.Bytes.ToArray());
        Assert.Equal(["0", $"{kept}"], upload.Starts.Take(2));
        Assert.Equal(upload.Starts.Distinct(), upload.Starts);
    }

    [Fact]
    public async Task What_the_registry_has_is_not_sent_and_what_another_repository_has_is_mounted()
    {
        await using var registry = await RegistryServer.StartAsync(cancellationToken: Cancellation);
        await using var proxy = CuttingProxy.Start(registry.Host);
        var image = await LoadAsync(Large);
        await _store.PushAsync(image, Reference($"{proxy.Host}/first:1"), new PushOptions(), null, Cancellation);
        var once = proxy.Sent;

        await _store.PushAsync(image, Reference($"{proxy.Host}/first:2"), new PushOptions(), null, Cancellation);
        await _store.PushAsync(image, Reference($"{proxy.Host}/second:1"), new PushOptions(), null, Cancellation);

        Assert.InRange(once, Size, long.MaxValue);
        Assert.InRange(proxy.Sent - once, 0, 100_000);
        Assert.Equal(Large.Manifest, await ManifestAsync(registry, "/v2/second/manifests/1"));
    }

    [Fact]
    public async Task A_registry_with_passwords_takes_the_right_one_and_names_the_wrong_one()
    {
        await using var registry = await RegistryServer.StartAsync(new RegistryServerOptions { NeedsPassword = true }, Cancellation);
        var image = await LoadAsync(TestImage.Busybox);
        var target = registry.Reference("private:1");

        var stranger = await Assert.ThrowsAsync<ContainerException>(() => _store.PushAsync(image, target, new PushOptions(), null, Cancellation));
        var wrong = await Assert.ThrowsAsync<ContainerException>(
            () => _store.PushAsync(image, target, new PushOptions { Credentials = new RegistryCredentials(RegistryServer.User, "guess") }, null, Cancellation));
        await _store.PushAsync(image, target, new PushOptions { Credentials = new RegistryCredentials(RegistryServer.User, RegistryServer.Password) }, null, Cancellation);

        Assert.Equal(ContainerFailure.AccessDenied, stranger.Reason);
        Assert.Contains($"docker login {registry.Host}", stranger.Message, StringComparison.Ordinal);
        Assert.Equal(ContainerFailure.AccessDenied, wrong.Reason);
        Assert.DoesNotContain("guess", wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Credentials_do_not_follow_an_upload_to_another_host()
    {
        await using var other = FakeRegistry.Start(async (_, answer) =>
        {
            await answer.SendAsync(400, []);
            return true;
        });
        await using var registry = FakeRegistry.Start(async (request, answer) =>
        {
            if (!request.Headers.ContainsKey("Authorization"))
            {
                await answer.SendAsync(401, [], ("WWW-Authenticate", "Basic realm=\"test\""));
                return true;
            }

            if (request.Method != "POST")
            {
                return false;
            }

            await answer.SendAsync(202, [], ("Location", $"http://{other.Host}/upload"));
            return true;
        });
        var image = await LoadAsync(TestImage.Busybox);

        await Assert.ThrowsAsync<ContainerException>(() => _store.PushAsync(
            image, Reference($"{registry.Host}/tools:1"), new PushOptions { Credentials = new RegistryCredentials("user", "password") }, null, Cancellation));

        Assert.NotEmpty(other.Requests);
        Assert.All(other.Requests, request => Assert.False(request.Headers.ContainsKey("Authorization")));
    }

    [Theory]
    [InlineData("ftp://127.0.0.1/upload")]
    [InlineData("http://example.com/upload")]
    [InlineData("http://user:password@127.0.0.1/upload")]
    public async Task An_upload_is_not_sent_where_nobody_should_be_sent(string location)
    {
        await using var registry = FakeRegistry.Start(async (request, answer) =>
        {
            if (request.Method != "POST")
            {
                return false;
            }

            await answer.SendAsync(202, [], ("Location", location));
            return true;
        });
        var image = await LoadAsync(TestImage.Busybox);

        var error = await Assert.ThrowsAsync<ContainerException>(() => _store.PushAsync(image, Reference($"{registry.Host}/tools:1"), new PushOptions(), null, Cancellation));

        Assert.Contains("broke the rules", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_registry_that_never_takes_the_bytes_is_given_up()
    {
        await using var registry = FakeRegistry.Start(async (request, answer) =>
        {
            switch (request.Method)
            {
                case "POST":
                    await answer.SendAsync(202, [], ("Location", "/upload"));
                    return true;
                case "PATCH":
                    await answer.SendAsync(500, """{"errors":[{"code":"UNKNOWN","message":"disk on fire"}]}"""u8.ToArray());
                    return true;
                default:
                    return false;
            }
        });
        var image = await LoadAsync(TestImage.Busybox);

        var error = await Assert.ThrowsAsync<ContainerException>(() => _store.PushAsync(image, Reference($"{registry.Host}/tools:1"), new PushOptions(), null, Cancellation));

        Assert.Equal(ContainerFailure.RegistryUnavailable, error.Reason);
        Assert.Contains("disk on fire", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(registry.Requests, request => request.Path.Contains("/manifests/", StringComparison.Ordinal) && request.Method == "PUT");
    }

    private static async Task<byte[]> ManifestAsync(RegistryServer registry, string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Accept.ParseAdd(TestImage.OciManifest);
        using var answer = await registry.Http.SendAsync(request, Cancellation);
        answer.EnsureSuccessStatusCode();
        return await answer.Content.ReadAsByteArrayAsync(Cancellation);
    }

    private static byte[] Noise(int length)
    {
        var bytes = new byte[length];
        new Random(3).NextBytes(bytes);
        return bytes;
    }

    private static ImageReference Reference(string text) => ImageReference.TryParse(text, null, out var reference, out var problem) ? reference : throw new ArgumentException(problem);

    private async Task<ImageReference> LoadAsync(TestImage image)
    {
        TestLayout.Write(_folder["layout"], (image, "example.com/tools:1"));
        var loaded = await _store.ImportAsync(new ImageImport { Path = _folder["layout"] }, null, Cancellation);
        return loaded[0].Reference;
    }

    private sealed class Collect(List<PushProgress> seen) : IProgress<PushProgress>
    {
        public void Report(PushProgress value)
        {
            lock (seen)
            {
                seen.Add(value);
            }
        }
    }
}
