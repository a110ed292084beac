using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Registry;
using BuildRunner.Containers.Storage;
using BuildRunner.Testing;
using BuildRunner.Testing.Docker;
using BuildRunner.Testing.Images;
using BuildRunner.Testing.Registries;

namespace BuildRunner.Containers.Tests.Storage;

public sealed class Images_in_files : IDisposable
{
    private static readonly TestImage Image = TestImage.Busybox
        .WithLayer(archive => archive.Directory("etc").File("etc/motd", "hello\n", 0b110_100_000, 12, 34), TestLayer.Zstd)
        .WithLayer(archive => archive.Whiteout("bin/vi").File("plain", "x"), TestLayer.Plain);

    private readonly TestFolder _folder = TestFolder.Create();
    private readonly ImageStore _store;

    public Images_in_files() => _store = new ImageStore(_folder["store"], new ImageStoreOptions { Registry = new RegistryOptions { UseCredentialFiles = false } }, TimeProvider.System);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _store.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("oci:{0}/layout:tools")]
    [InlineData("oci-archive:{0}/layout.tar:tools")]
    [InlineData("oci-archive:{0}/layout.tar")]
    [InlineData("docker-archive:{0}/docker.tar")]
    [InlineData("docker-archive:{0}/docker.tar:docker.io/library/tools:1")]
    public async Task What_skopeo_writes_is_read(string reference)
    {
        Requires.Root();
        Requires.Program("skopeo");
        await using var registry = await RegistryServer.StartAsync(cancellationToken: Cancellation);
        var source = await registry.PushAsync(TestImage.Busybox.WithLayer(archive => archive.Directory("etc").File("etc/motd", "hello\n", 0b110_100_000, 12, 34)), "tools", cancellationToken: Cancellation);
        var name = string.Format(reference, _folder.Path);
        var target = reference.StartsWith("docker-archive:", StringComparison.Ordinal) ? $"docker-archive:{_folder["docker.tar"]}:docker.io/library/tools:1" : name;
        UnpackFixture.Run("skopeo", "copy", "--src-tls-verify=false", $"docker://{source}", target);

        var resolved = await PullAsync(name);

        Assert.Equal("hello\n", File.ReadAllText($"{resolved.LayerDirectories[1]}/etc/motd"));
        Assert.Equal("12 34 640", UnpackFixture.Run("stat", "-c", "%u %g %a", $"{resolved.LayerDirectories[1]}/etc/motd"));
        Assert.Equal(["sh"], resolved.Config.Command);
    }

    [Fact]
    public async Task Layers_of_every_packing_are_read_and_digests_stay_what_they_are()
    {
        Requires.Root();
        TestLayout.Write(_folder["layout"], (Image, null));
        TestLayout.Pack(_folder["layout"], _folder["layout.tar"]);
        UnpackFixture.Run("gzip", "-k", _folder["layout.tar"]);

        foreach (var name in (string[])[$"oci:{_folder["layout"]}", $"oci-archive:{_folder["layout.tar"]}", $"oci-archive:{_folder["layout.tar.gz"]}"])
        {
            var resolved = await PullAsync(name);
            Assert.Equal(Image.Digest, resolved.ManifestDigest);
            Assert.Equal("x", File.ReadAllText($"{resolved.LayerDirectories[2]}/plain"));
        }

        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder["store/temporary"]));
    }

    [Fact]
    public async Task Of_several_images_the_named_one_is_taken_and_of_several_platforms_this_hosts()
    {
        var other = new TestImage { Architecture = "mips64le" }.WithLayer(archive => archive.File("other"));
        var own = new TestImage().WithLayer(archive => archive.File("own"));
        var named = new TestImage().WithLayer(archive => archive.File("named"));
        TestLayout.Write(_folder["platforms"], (other, "a"), (own, "a"));
        TestLayout.Write(_folder["names"], (own, "a"), (named, "registry.example/x/b:2"));

        Assert.Equal(own.Digest, (await PullAsync($"oci:{_folder["platforms"]}")).ManifestDigest);
        Assert.Equal(named.Digest, (await PullAsync($"oci:{_folder["names"]}:2")).ManifestDigest);
        Assert.Equal(named.Digest, (await PullAsync($"oci:{_folder["names"]}:registry.example/x/b:2")).ManifestDigest);
        Assert.Contains("registry.example/x/b:2", (await FailsAsync($"oci:{_folder["names"]}")).Message, StringComparison.Ordinal);
        Assert.Equal(ContainerFailure.ImageNotFound, (await FailsAsync($"oci:{_folder["names"]}:c")).Reason);
        TestLayout.Write(_folder["foreign"], (other, null));
        Assert.Contains("mips64le", (await FailsAsync($"oci:{_folder["foreign"]}")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_the_file_holds_now_is_what_counts()
    {
        var first = new TestImage().WithLayer(archive => archive.File("first"));
        var second = new TestImage().WithLayer(archive => archive.File("second"));
        TestLayout.Write(_folder["layout"], (first, null));
        await PullAsync($"oci:{_folder["layout"]}");
        TestLayout.Write(_folder["layout"], (second, null));

        Assert.Equal(second.Digest, (await PullAsync($"oci:{_folder["layout"]}")).ManifestDigest);
    }

    [Fact]
    public async Task An_archive_of_docker_save_is_imported_under_its_own_names_and_from_a_pipe()
    {
        DockerArchive.Write(_folder["docker.tar"], TestImage.Busybox, "registry.example/tools:7");
        await using var input = File.OpenRead(_folder["docker.tar"]);

        var images = await _store.ImportAsync(new ImageImport { Input = input }, null, Cancellation);

        Assert.Equal("registry.example/tools:7", Assert.Single(images).Reference.ToString());
        Assert.NotNull(_store.Find(Reference("registry.example/tools:7")));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder["store/temporary"]));
    }

    [Theory]
    [InlineData("")]
    [InlineData("gzip")]
    [InlineData("zstd")]
    public async Task An_archive_of_a_file_system_becomes_an_image(string packing)
    {
        Requires.Root();
        Directory.CreateDirectory(_folder["root/etc"]);
        File.WriteAllText(_folder["root/etc/hostname"], "tools");
        File.WriteAllText(_folder["root/manifest.json"], """{ "name": "a file of somebody's own" }""");
        UnpackFixture.Run("tar", "-C", _folder["root"], "-cf", _folder["root.tar"], ".");
        if (packing.Length > 0)
        {
            UnpackFixture.Run("sh", "-ec", $"{packing} -c {_folder["root.tar"]} > {_folder["packed"]}");
        }

        var file = packing.Length > 0 ? _folder["packed"] : _folder["root.tar"];
        var image = Assert.Single(await _store.ImportAsync(new ImageImport { Path = file, Name = Reference("tools:1") }, null, Cancellation));

        Assert.Equal("tools", File.ReadAllText($"{image.LayerDirectories[0]}/etc/hostname"));
        Assert.True(File.Exists($"{image.LayerDirectories[0]}/manifest.json"));
        Assert.NotNull(_store.Find(Reference("tools:1")));
        var nameless = await Assert.ThrowsAsync<ContainerException>(() => _store.ImportAsync(new ImageImport { Path = file }, null, Cancellation));
        Assert.Contains("Give it a name", nameless.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_damaged_part_is_an_error_and_leaves_nothing_to_be_seen()
    {
        foreach (var part in (byte[][])[Image.Layers[1].Blob, Image.Config, Image.Manifest])
        {
            TestLayout.Write(_folder["layout"], (Image, null));
            var damaged = (byte[])part.Clone();
            damaged[damaged.Length / 2] ^= 1;
            File.WriteAllBytes(TestLayout.BlobPath(_folder["layout"], part), damaged);

            Assert.Equal(ContainerFailure.CorruptImage, (await FailsAsync($"oci:{_folder["layout"]}")).Reason);
            File.Delete(TestLayout.BlobPath(_folder["layout"], part));
            Assert.Contains("lacks", (await FailsAsync($"oci:{_folder["layout"]}")).Message, StringComparison.Ordinal);
        }

        Assert.Empty(_store.List());
        Assert.False(Directory.Exists(_folder[$"store/layers/{Image.Layers[1].DiffId.Hex}"]));
    }

    [Fact]
    public async Task Naming_the_digests_of_a_private_layer_in_a_file_does_not_give_it_away()
    {
        await using var registry = await RegistryServer.StartAsync(new RegistryServerOptions { NeedsPassword = true }, Cancellation);
        var secret = new TestImage().WithLayer(archive => archive.File("secret"));
        var credentials = new RegistryCredentials(RegistryServer.User, RegistryServer.Password);
        await _store.PullAsync(await registry.PushAsync(secret, "private", cancellationToken: Cancellation), new PullOptions { Credentials = credentials }, null, Cancellation);

        TestLayout.Write(_folder["layout"], (secret, null));
        var blob = TestLayout.BlobPath(_folder["layout"], secret.Layers[0].Blob);
        var length = new FileInfo(blob).Length;
        File.WriteAllBytes(blob, new byte[length]);
        Assert.Equal(ContainerFailure.CorruptImage, (await FailsAsync($"oci:{_folder["layout"]}")).Reason);
        File.Delete(blob);
        Assert.Equal(ContainerFailure.CorruptImage, (await FailsAsync($"oci:{_folder["layout"]}")).Reason);
        // Whoever has the layer himself may use it.
        File.WriteAllBytes(blob, secret.Layers[0].Blob);
        Assert.NotNull(await PullAsync($"oci:{_folder["layout"]}"));
    }

    [Theory]
    [InlineData("oci:{0}/nothing", "does not exist")]
    [InlineData("oci-archive:{0}/nothing.tar", "does not exist")]
    [InlineData("oci-archive:{0}", "is a folder")]
    [InlineData("oci:{0}/file", "is a file")]
    [InlineData("docker-archive:{0}/file", "cannot be read")]
    public async Task What_is_not_there_or_something_else_is_named(string reference, string words)
    {
        File.WriteAllText(_folder["file"], "no archive");

        Assert.Contains(words, (await FailsAsync(string.Format(reference, _folder.Path))).Message, StringComparison.Ordinal);
    }

    private static ImageReference Reference(string text) => ImageReference.TryParse(text, null, out var reference, out var problem) ? reference : throw new ArgumentException(problem);

    private Task<ResolvedImage> PullAsync(string text) => _store.PullAsync(Reference(text), new PullOptions(), null, Cancellation);

    private Task<ContainerException> FailsAsync(string text) => Assert.ThrowsAsync<ContainerException>(() => PullAsync(text));
}
