using BuildRunner.Testing;
using BuildRunner.Testing.Docker;
using BuildRunner.Testing.Images;

namespace BuildRunner.EndToEnd.Tests.LocalRuns;

/// <summary>A real ordinary user, without any right of root, with an engine that they have started for themselves.</summary>
public sealed class Rootless_engines
{
    private const string Name = "containers.yml";

    [Theory]
    [InlineData("docker", "Engine")]
    [InlineData("podman", "Podman Engine")]
    public async Task An_ordinary_user_runs_a_sample_on_their_own_engine_and_nothing_is_left(string kind, string product)
    {
        var programs = Path.GetDirectoryName(Release.Executable)!;
        await using var engine = await (kind == "docker" ? RootlessEngine.StartDockerAsync(programs) : RootlessEngine.StartPodmanAsync(programs));
        DockerArchive.Write($"{engine.User.Home}/image.tar", TestImage.Busybox, "docker.io/library/busybox:1.36");
        await engine.LoadAsync($"{engine.User.Home}/image.tar");
        var tree = Directory.CreateDirectory($"{engine.User.Home}/tree").FullName;
        File.Copy(Path.Combine(Release.Root, "pipelines", Name), Path.Combine(tree, Name));
        OrdinaryUser.GiveTo(tree);

        // Nobody told them where it is: it is found in the user's session.
        var doctor = await RunAsync(engine, tree, "doctor");
        Assert.True(doctor.Code == 0, doctor.All);
        Assert.Matches($"version +.*{product}.*API 1\\..*{engine.Host}", doctor.Output);
        Assert.Contains("a container was started, with a network of its own and the security profile", doctor.Output);
        Assert.Contains("workspaces are copied to it", doctor.Output);

        var run = await RunAsync(engine, tree, "run", Name, "--out", "made");
        Assert.True(run.Code == 0, run.All);
        Assert.Contains("hello from the service", run.Error);
        Assert.Contains("user 1000 may write", run.Error);
        Assert.Equal("user 1000 may write\n", await File.ReadAllTextAsync(Path.Combine(tree, "made/mine.txt"), TestContext.Current.CancellationToken));
        Assert.Equal(["containers.yml", "made"], Directory.EnumerateFileSystemEntries(tree).Select(Path.GetFileName).Order());
        using var auditor = new EngineAuditor(engine);
        Assert.Empty(await auditor.FindingsAsync());
    }

    private static async Task<Finished> RunAsync(RootlessEngine engine, string directory, params string[] arguments)
    {
        var command = engine.Next(directory, new Dictionary<string, string> { ["BUILDRUNNER_ENGINE__KIND"] = "docker" }, [$"{engine.User.Programs}/buildrunner", .. arguments]);
        await using var running = Release.StartProgram(Requires.Find("nsenter")!, Release.Root, new Dictionary<string, string?>(), command);
        return await running.EndAsync(TimeSpan.FromMinutes(4));
    }
}
