using System.Text;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Registry;
using BuildRunner.Containers.Storage;
using BuildRunner.Containers.Tests.Storage;
using BuildRunner.Testing;
using BuildRunner.Testing.Images;
using BuildRunner.Testing.Registries;

namespace BuildRunner.Containers.Tests.Engine.Docker;

/// <summary>What the image verbs promise on an engine with a store of its own: the same for Docker and Podman.</summary>
public abstract class ImageVerbsContract(EngineFixture fixture) : IAsyncLifetime
{
    private readonly TestFolder _folder = TestFolder.Create();
    private static readonly Dictionary<ImageFormat, string> SkopeoNames = new()
    {
        [ImageFormat.OciLayout] = "oci",
        [ImageFormat.OciArchive] = "oci-archive",
        [ImageFormat.DockerArchive] = "docker-archive",
    };

    private readonly string _prefix = $"localhost/t{Guid.NewGuid():N}";
    private IImageLibrary _images = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        fixture.Required();
        _images = fixture.NewEngine().OpenImages();
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _images.DisposeAsync();
        _folder.Dispose();
        GC.SuppressFinalize(this);
    }

    [Theory]
    [InlineData(TestLayer.Gzip)]
    [InlineData(TestLayer.Zstd)]
    [InlineData(TestLayer.Plain)]
    public async Task An_OCI_layout_is_imported_listed_named_again_and_removed(string packing)
    {
        TestLayout.Write(_folder["layout"], (TestImage.Busybox.WithLayer(archive => archive.File("motd", packing), packing), "anything"));

        await _images.ImportAsync(new ImageImport { Path = _folder["layout"], Name = Name("tools:1") }, null, Stop);
        await _images.TagAsync(Name("tools:1"), Name("tools:2"), Stop);
        await _images.ImportAsync(new ImageImport { Path = _folder["layout"], Name = Name("tools:1") }, null, Stop);
        var listed = (await _images.ListAsync(Stop)).Select(image => image.Name).ToList();
        Assert.Contains(Name("tools:1").ToString(), listed);
        Assert.Contains(Name("tools:2").ToString(), listed);
        Assert.Contains("IMAGE=busybox", Encoding.UTF8.GetString((await _images.InspectAsync(Name("tools:2"), ImagePart.Config, Stop))!), StringComparison.Ordinal);
        Assert.Equal(packing, await InsideAsync(Name("tools:2"), "cat", "/motd"));
        Assert.Equal(ImageRemoval.Removed, await _images.RemoveAsync(Name("tools:1"), Stop));
        Assert.Equal(ImageRemoval.Removed, await _images.RemoveAsync(Name("tools:2"), Stop));
        Assert.Equal(ImageRemoval.NotFound, await _images.RemoveAsync(Name("tools:2"), Stop));
        Assert.Null(await _images.InspectAsync(Name("tools:2"), ImagePart.All, Stop));
    }

    [Fact]
    public async Task What_our_store_exports_runs_here_and_what_this_engine_exports_runs_there()
    {
        Requires.Program("skopeo");
        using var store = new ImageStore(_folder["store"], new ImageStoreOptions(), TimeProvider.System);
        TestLayout.Write(_folder["layout"], (TestImage.Busybox.WithLayer(archive => archive.File("motd", "ours").Whiteout("bin/vi")), "x/tools:1"));
        await store.ImportAsync(new ImageImport { Path = _folder["layout"], Name = Name("ours:1") }, null, Stop);
        await store.ExportAsync(Name("ours:1"), new ImageExport { Format = ImageFormat.DockerArchive, Path = _folder["ours.tar"] }, Stop);

        // By the engine's own client and words, not ours.
        Assert.Contains("ours:1", await ClientAsync("load", "-i", _folder["ours.tar"]), StringComparison.Ordinal);
        Assert.Equal("ours", await InsideAsync(Name("ours:1"), "cat", "/motd"));
        Assert.Equal("gone", await InsideAsync(Name("ours:1"), "sh", "-c", "test -e /bin/vi || echo gone"));

        foreach (var format in Enum.GetValues<ImageFormat>())
        {
            var path = _folder[$"theirs-{format}"];
            await _images.ExportAsync(Name("ours:1"), new ImageExport { Format = format, Path = path }, Stop);
            Assert.Contains("\"Layers\"", UnpackFixture.Run("skopeo", "inspect", $"{SkopeoNames[format]}:{path}"), StringComparison.Ordinal);
            var back = Assert.Single(await store.ImportAsync(new ImageImport { Path = path }, null, Stop));
            Assert.Equal(Name("ours:1"), back.Reference);
            Assert.Equal("ours", await File.ReadAllTextAsync($"{back.LayerDirectories[1]}/motd", Stop));
        }
    }

    [Fact]
    public async Task What_our_store_pushes_runs_here()
    {
        Requires.Program("skopeo");
        await using var registry = await RegistryServer.StartAsync(cancellationToken: Stop);
        using var store = new ImageStore(_folder["store"], new ImageStoreOptions { Registry = new RegistryOptions { UseCredentialFiles = false } }, TimeProvider.System);
        TestLayout.Write(_folder["layout"], (TestImage.Busybox.WithLayer(archive => archive.File("motd", "pushed"), TestLayer.Plain), "x/tools:1"));
        await store.ImportAsync(new ImageImport { Path = _folder["layout"], Name = Name("pushed:1") }, null, Stop);
        await store.PushAsync(Name("pushed:1"), registry.Reference("pushed:1"), new PushOptions(), null, Stop);

        // The engine has a network of its own, so somebody else fetches it: with other code than ours.
        UnpackFixture.Run("skopeo", "copy", "-q", "--src-tls-verify=false", $"docker://{registry.Host}/pushed:1", $"docker-archive:{_folder["pushed.tar"]}:{Name("pushed:1")}");
        await ClientAsync("load", "-i", _folder["pushed.tar"]);

        Assert.Equal("pushed", await InsideAsync(Name("pushed:1"), "cat", "/motd"));
    }

    [Fact]
    public async Task An_image_is_pushed_under_another_name_which_does_not_stay()
    {
        await ImportBaseAsync();
        await using var registry = await NearbyRegistry.StartAsync(fixture.Service.ProcessId, _folder["registry"], Stop);
        var target = Parse($"127.0.0.1:{registry.Port}/pushed/tools:1");

        await _images.PushAsync(Name("base:1"), target, new PushOptions(), null, Stop);

        Assert.Contains("\"Digest\"", registry.Inspect("pushed/tools:1"), StringComparison.Ordinal);
        Assert.DoesNotContain(target.ToString(), (await _images.ListAsync(Stop)).Select(image => image.Name));
        await registry.StopAsync();
        var error = await Assert.ThrowsAsync<ContainerException>(() => _images.PushAsync(Name("base:1"), target, new PushOptions(), null, Stop));
        Assert.Contains("127.0.0.1", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_archive_in_a_pipeline_does_not_take_a_name_over_that_others_use()
    {
        TestLayout.Write(_folder["good"], (TestImage.Busybox.WithLayer(archive => archive.File("motd", "good")), "a"));
        TestLayout.Write(_folder["bad"], (TestImage.Busybox.WithLayer(archive => archive.File("motd", "bad")), Name("base:1").ToString()));
        await _images.ImportAsync(new ImageImport { Path = _folder["good"], Name = Name("base:1") }, null, Stop);

        var step = await _images.PullAsync(EngineFixture.Parse($"oci:{_folder["bad"]}"), new PullOptions(), null, Stop);

        Assert.Equal("good", await InsideAsync(Name("base:1"), "cat", "/motd"));
        Assert.Equal("bad", await ClientAsync("run", "--rm", "--network", "none", step.StoreId!, "cat", "/motd"));
    }

    [Fact]
    public async Task A_damaged_layout_is_refused_before_the_engine_sees_it()
    {
        var image = TestImage.Busybox.WithLayer(archive => archive.File("motd", "x"));
        TestLayout.Write(_folder["layout"], (image, "a"));
        var path = TestLayout.BlobPath(_folder["layout"], image.Layers[1].Blob);
        var bytes = await File.ReadAllBytesAsync(path, Stop);
        bytes[^9] ^= 1;
        await File.WriteAllBytesAsync(path, bytes, Stop);

        var error = await Assert.ThrowsAsync<ContainerException>(() => _images.PullAsync(EngineFixture.Parse($"oci:{_folder["layout"]}"), new PullOptions(), null, Stop));

        Assert.Equal(ContainerFailure.CorruptImage, error.Reason);
    }

    [Fact]
    public async Task A_Dockerfile_is_built_by_the_engine_and_not_again_if_nothing_changed()
    {
        await ImportBaseAsync();
        Write("Dockerfile", $"""
            FROM {Name("base:1")} AS first
            ARG WHO=nobody
            RUN echo "hello $WHO" > /greeting
            FROM first
            COPY . /src
            CMD ["cat", "/greeting"]
            """);
        Write("kept.txt", "kept");
        Write("left.log", "left");
        Write("deep/left.log", "left");
        Write("deep/kept.log", "kept");
        Write(".dockerignore", "# logs\n**/*.log\n!deep/kept.log\n");
        File.CreateSymbolicLink(_folder["context/link"], "/etc/passwd");
        var build = new ImageBuild(_folder["context"]) { Name = Name("built:1"), Arguments = new Dictionary<string, string> { ["WHO"] = "you" } };
        var lines = new List<string>();

        var first = await _images.BuildAsync(build, lines.Add, Stop);
        var second = new List<string>();
        var again = await _images.BuildAsync(build, second.Add, Stop);
        var stage = await _images.BuildAsync(build with { Name = null, Target = "first" }, null, Stop);

        Assert.Contains(lines, line => line.Contains("> /greeting", StringComparison.Ordinal));
        Assert.True(first.StoreId == again.StoreId, string.Join('\n', second));
        Assert.NotEqual(first.StoreId, stage.StoreId);
        Assert.Equal("hello you", await InsideAsync(Name("built:1"), "cat", "/greeting"));
        Assert.Equal(
            ".dockerignore\nDockerfile\ndeep\ndeep/kept.log\nkept.txt\nlink", await InsideAsync(Name("built:1"), "sh", "-c", "cd /src && find . -mindepth 1 | cut -c3- | sort"));
        Assert.Equal("/etc/passwd", await InsideAsync(Name("built:1"), "readlink", "/src/link"));
    }

    [Fact]
    public async Task A_build_that_fails_says_which_command_and_what_it_printed()
    {
        await ImportBaseAsync();
        Write("other.Dockerfile", $"FROM {Name("base:1")}\nRUN echo so-it-was && exit 7\n");
        var lines = new List<string>();

        var error = await Assert.ThrowsAsync<ContainerException>(
            () => _images.BuildAsync(new ImageBuild(_folder["context"]) { File = "other.Dockerfile" }, lines.Add, Stop));

        Assert.Contains("was not built", error.Message, StringComparison.Ordinal);
        Assert.Contains("7", error.Message, StringComparison.Ordinal);
        Assert.Contains(lines, line => line.Contains("so-it-was", StringComparison.Ordinal) && !line.Contains("exit", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Neither_the_folder_nor_the_Dockerfile_may_lead_out_of_the_workspace()
    {
        Write("Dockerfile", "FROM scratch\n");
        Directory.CreateDirectory(_folder["outside"]);
        File.WriteAllText(_folder["outside/Dockerfile"], "FROM scratch\nCOPY . /\n");
        File.CreateSymbolicLink(_folder["context/link"], _folder["outside"]);
        File.CreateSymbolicLink(_folder["context/File"], _folder["outside/Dockerfile"]);

        foreach (var build in (ImageBuild[])[new(_folder["context/link"]), new(_folder["context"]) { File = "File" }, new(_folder["context"]) { File = "../outside/Dockerfile" }])
        {
            var error = await Assert.ThrowsAsync<ContainerException>(() => _images.BuildAsync(build with { Within = _folder["context"] }, null, Stop));
            Assert.Contains("outside of the workspace", error.Message, StringComparison.Ordinal);
        }
    }

    private static ImageReference Parse(string text) => EngineFixture.Parse(text);

    private ImageReference Name(string rest) => Parse($"{_prefix}/{rest}");

    private async Task ImportBaseAsync()
    {
        TestLayout.Write(_folder["base"], (TestImage.Busybox, "a"));
        await _images.ImportAsync(new ImageImport { Path = _folder["base"], Name = Name("base:1") }, null, Stop);
    }

    private void Write(string name, string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_folder[$"context/{name}"])!);
        File.WriteAllText(_folder[$"context/{name}"], content);
    }

    private Task<string> InsideAsync(ImageReference image, params string[] command) => ClientAsync(["run", "--rm", "--network", "none", image.ToString(), .. command]);

    private async Task<string> ClientAsync(params string[] arguments)
    {
        Requires.Program("docker");
        return await Task.Run(() => UnpackFixture.Run("docker", ["--host", fixture.Service.Host, .. arguments]), Stop);
    }
}

/// <summary>Docker Engine.</summary>
[Collection("docker")]
public sealed class Docker_images(DockerEngineFixture docker) : ImageVerbsContract(docker);

/// <summary>Podman.</summary>
[Collection("podman")]
public sealed class Podman_images(PodmanEngineFixture podman) : ImageVerbsContract(podman);
