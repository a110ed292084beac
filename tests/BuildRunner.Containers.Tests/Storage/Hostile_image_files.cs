using System.Text;
using System.Text.Json.Nodes;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Storage;
using BuildRunner.Containers.Storage.Tar;
using BuildRunner.Testing;
using BuildRunner.Testing.Images;

namespace BuildRunner.Containers.Tests.Storage;

/// <summary>Folders and archives that were made to have something of the host read, or to keep it busy.</summary>
/// <remarks>Where one tries to be read outside of itself, what it points to is good: were it followed, the pull would succeed and the test fail.</remarks>
public sealed class Hostile_image_files : IDisposable
{
    private static readonly TestImage Image = new TestImage().WithLayer(archive => archive.File("file", "content"));

    private readonly TestFolder _folder = TestFolder.Create();
    private readonly ImageStore _store;

    public Hostile_image_files() => _store = new ImageStore(_folder["store"], new ImageStoreOptions(), TimeProvider.System);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _store.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("index.json", true)]
    [InlineData("index.json", false)]
    [InlineData("layer", true)]
    [InlineData("layer", false)]
    [InlineData("manifest", true)]
    [InlineData("config", false)]
    [InlineData("blobs", true)]
    [InlineData("blobs", false)]
    public async Task A_link_in_a_layout_that_leads_out_of_it_is_not_followed(string part, bool absolute)
    {
        TestLayout.Write(_folder["outside"], (Image, null));
        TestLayout.Write(_folder["layout"], (Image, null));
        var path = PathOf(part);
        if (Directory.Exists(_folder[$"layout/{path}"]))
        {
            Directory.Delete(_folder[$"layout/{path}"], recursive: true);
        }
        else
        {
            File.Delete(_folder[$"layout/{path}"]);
        }

        var up = string.Concat(Enumerable.Repeat("../", path.Count(c => c == '/') + 1));
        File.CreateSymbolicLink(_folder[$"layout/{path}"], absolute ? _folder[$"outside/{path}"] : $"{up}outside/{path}");

        Assert.Equal(ContainerFailure.CorruptImage, (await FailsAsync($"oci:{_folder["layout"]}")).Reason);
    }

    [Fact]
    public async Task A_pipe_in_a_files_place_does_not_keep_anybody_waiting()
    {
        TestLayout.Write(_folder["layout"], (Image, null));
        var path = _folder[$"layout/{PathOf("layer")}"];
        File.Delete(path);
        UnpackFixture.Run("mkfifo", path);
        UnpackFixture.Run("mkfifo", _folder["pipe.tar"]);

        Assert.Contains("is not a file", (await FailsAsync($"oci:{_folder["layout"]}")).Message, StringComparison.Ordinal);
        Assert.Contains("is not a file", (await FailsAsync($"oci-archive:{_folder["pipe.tar"]}")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../outside/config.json", "layer.tar")]
    [InlineData("/etc/hostname", "layer.tar")]
    [InlineData("config.json", "../outside/layer.tar")]
    [InlineData("config.json", "link")]
    [InlineData("config.json", "loop")]
    [InlineData("config.json", "hard")]
    public async Task Names_and_links_in_an_archive_lead_nowhere_else(string config, string layer)
    {
        using var archive = new TestArchive();
        archive.SymbolicLink("link", "../outside/layer.tar").SymbolicLink("loop", "loop").HardLink("hard", _folder["outside/layer.tar"]);
        archive.File(config == "config.json" ? "config.json" : "other", Image.Config);
        archive.File("manifest.json", Encoding.UTF8.GetBytes(new JsonArray(new JsonObject { ["Config"] = config, ["Layers"] = new JsonArray(layer) }).ToJsonString()));
        Directory.CreateDirectory(_folder["outside"]);
        File.WriteAllBytes(_folder["outside/layer.tar"], Image.Layers[0].Archive);
        File.WriteAllBytes(_folder["outside/config.json"], Image.Config);
        Directory.CreateDirectory(_folder["archives"]);
        File.WriteAllBytes(_folder["archives/docker.tar"], archive.ToBytes());

        var error = await FailsAsync($"docker-archive:{_folder["archives/docker.tar"]}");

        Assert.Contains("lacks", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Links_within_an_archive_are_followed()
    {
        using var archive = new TestArchive();
        archive.File("a/layer.tar", Image.Layers[0].Archive).SymbolicLink("b/layer.tar", "../a/layer.tar").HardLink("c", "b/layer.tar").File("config.json", Image.Config);
        archive.File("manifest.json", Encoding.UTF8.GetBytes("""[{"Config":"./config.json","RepoTags":null,"Layers":["c"]}]"""));
        File.WriteAllBytes(_folder["docker.tar"], archive.ToBytes());

        var resolved = await _store.PullAsync(Reference($"docker-archive:{_folder["docker.tar"]}"), new PullOptions(), null, Cancellation);

        Assert.Equal("content", File.ReadAllText($"{resolved.LayerDirectories[0]}/file"));
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("[null]")]
    [InlineData("{}")]
    [InlineData("[{}]")]
    [InlineData("""[{"Config":"config.json","Layers":[null]}]""")]
    [InlineData("""[{"Config":"config.json","Config":"x","Layers":[]}]""")]
    [InlineData("[[[[[[")]
    public async Task A_list_of_images_that_is_none_is_refused(string manifest)
    {
        using var archive = new TestArchive();
        archive.File("config.json", Image.Config).File("manifest.json", Encoding.UTF8.GetBytes(manifest));
        File.WriteAllBytes(_folder["docker.tar"], archive.ToBytes());

        Assert.Equal(ContainerFailure.CorruptImage, (await FailsAsync($"docker-archive:{_folder["docker.tar"]}")).Reason);
    }

    [Fact]
    public async Task More_entries_than_an_archive_of_images_has_are_refused()
    {
        await using (var file = File.Create(_folder["many.tar"]))
        {
            var tar = new TarOutput(file);
            for (var i = 0; i < 70_000; i++)
            {
                tar.WriteFile($"f{i}", []);
            }

            tar.Finish();
        }

        Assert.Contains("more entries", (await FailsAsync($"docker-archive:{_folder["many.tar"]}")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_packed_archive_that_grows_without_end_is_stopped()
    {
        UnpackFixture.Run("sh", "-c", $"head -c 300000000 /dev/zero | gzip -1 > {_folder["bomb.tar.gz"]}");
        using var store = new ImageStore(_folder["small"], new ImageStoreOptions { Limits = new ImageLimits { MaxUnpackedLayerBytes = 10_000_000 } }, TimeProvider.System);

        var error = await Assert.ThrowsAsync<ContainerException>(() => store.PullAsync(Reference($"oci-archive:{_folder["bomb.tar.gz"]}"), new PullOptions(), null, Cancellation));

        Assert.Contains("grows beyond", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder["small/temporary"]));
    }

    [Fact]
    public async Task An_archive_damaged_anywhere_is_refused_or_read_and_never_anything_else()
    {
        TestLayout.Write(_folder["layout"], (Image, null));
        TestLayout.Pack(_folder["layout"], _folder["good.tar"]);
        var good = await File.ReadAllBytesAsync(_folder["good.tar"], Cancellation);
        var random = new Random(7);
        for (var round = 0; round < 150; round++)
        {
            var bad = round % 3 == 0 ? good[..random.Next(good.Length)] : (byte[])good.Clone();
            for (var change = 0; change < 3 && bad.Length > 0; change++)
            {
                bad[random.Next(bad.Length)] = (byte)random.Next(256);
            }

            await File.WriteAllBytesAsync(_folder["bad.tar"], bad, Cancellation);
            try
            {
                var resolved = await _store.PullAsync(Reference($"oci-archive:{_folder["bad.tar"]}"), new PullOptions(), null, Cancellation);
                Assert.Equal(Image.Digest, resolved.ManifestDigest);
            }
            catch (ContainerException refused)
            {
                Assert.True(refused.Reason is ContainerFailure.CorruptImage or ContainerFailure.ImageNotFound or ContainerFailure.InvalidImage, refused.ToString());
            }
        }
    }

    private static ImageReference Reference(string text) => ImageReference.TryParse(text, null, out var reference, out var problem) ? reference : throw new ArgumentException(problem);

    private static string PathOf(string part) => part switch
    {
        "layer" => $"blobs/sha256/{Image.Layers[0].Digest.Hex}",
        "manifest" => $"blobs/sha256/{Image.Digest.Hex}",
        "config" => $"blobs/sha256/{TestImage.DigestOf(Image.Config).Hex}",
        _ => part,
    };

    private Task<ContainerException> FailsAsync(string text) =>
        Assert.ThrowsAsync<ContainerException>(() => _store.PullAsync(Reference(text), new PullOptions(), null, Cancellation));
}
