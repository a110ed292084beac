using BuildRunner.Testing;
using BuildRunner.Testing.Docker;
using BuildRunner.Testing.Images;

namespace BuildRunner.EndToEnd.Tests.LocalRuns;

/// <summary>Images out of files and Dockerfiles, in a pipeline.</summary>
public sealed class Built_images : IDisposable
{
    private const string Pipeline = """
        steps:
          - name: write
            image: oci-archive:base.tar
            commands: [echo "from the step before" > app/made]
          - name: use
            image: {build: app, args: {GREETING: hello}}
            commands: [cat /greeting /app/made]
        """;

    private const string Dockerfile = """
        FROM example.com/base/tools:1
        ARG GREETING
        RUN echo "$GREETING, built" > /greeting
        COPY . /app
        """;

    private readonly Tree _home = new();
    private readonly Tree _tree = new(("ci.yml", Pipeline), ("app/Dockerfile", Dockerfile));

    public void Dispose()
    {
        _tree.Dispose();
        _home.Dispose();
    }

    [Fact]
    public async Task With_a_Docker_engine_an_image_is_built_from_the_workspace_and_used()
    {
        Requires.Program("docker");
        await using var docker = await DockerDaemon.StartAsync();
        WriteBase();
        var environment = new Dictionary<string, string?> { ["DOCKER_HOST"] = docker.Host };
        await using (var import = Release.Start(_tree.Path, environment, "image", "import", "base.tar", "example.com/base/tools:1", "--engine", "docker"))
        {
            var imported = await import.EndAsync(TimeSpan.FromMinutes(1));
            Assert.True(imported.Code == 0, imported.All);
        }

        await using var running = Release.Start(_tree.Path, environment, "run", "ci.yml", "--engine", "docker");
        var run = await running.EndAsync(TimeSpan.FromMinutes(2));

        Assert.True(run.Code == 0, run.All);
        Assert.Contains("hello, built", run.Error, StringComparison.Ordinal);
        Assert.Contains("from the step before", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Our_own_engine_runs_an_archive_and_says_which_engine_can_build()
    {
        Requires.Root();
        WriteBase();
        await using var running = Release.Start(_tree.Path, new Dictionary<string, string?> { ["BUILDRUNNER_IMAGES__DIR"] = _home["images"] }, "run", "ci.yml");

        var run = await running.EndAsync(TimeSpan.FromMinutes(2));

        Assert.Equal(5, run.Code);
        Assert.Contains("write │ done", run.Error, StringComparison.Ordinal);
        Assert.Contains("the image of 'app' can be built by a Docker or Podman engine", run.Error, StringComparison.Ordinal);
    }

    private void WriteBase()
    {
        TestLayout.Write(_tree["layout"], (TestImage.Busybox, "a"));
        TestLayout.Pack(_tree["layout"], _tree["base.tar"]);
    }
}
