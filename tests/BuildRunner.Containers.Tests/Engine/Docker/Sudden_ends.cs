using BuildRunner.Testing;
using BuildRunner.Testing.Docker;
using BuildRunner.Testing.Engine;

namespace BuildRunner.Containers.Tests.Engine.Docker;

/// <summary>kill -9 of the caller at every phase: nothing runs on, and after the next start nothing is left on the engine or on this host.</summary>
public abstract class SuddenEnds(EngineFixture fixture)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData("group")]
    [InlineData("preparing")]
    [InlineData("prepared")]
    [InlineData("running")]
    [InlineData("stopping")]
    public async Task When_the_caller_is_killed_nothing_runs_on_and_the_next_start_removes_the_rest(string phase)
    {
        fixture.Required();
        using var folder = TestFolder.Create();
        Directory.CreateDirectory(folder["image"]);
        await File.WriteAllTextAsync(folder["image/file"], "file\n", TestContext.Current.CancellationToken);
        using (var child = await CrashingChild.StartAsync(folder, phase, new()
        {
            [CrashingProcess.DockerVariable] = fixture.Service.Host,
            [CrashingProcess.SandboxVariable] = EngineFixture.Sandbox,
        }))
        {
            child.Kill();
            await child.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        using var auditor = new EngineAuditor(fixture.Service);
        Assert.Empty(await auditor.RunningAfterAsync(Limit));
        await using var engine = fixture.NewEngine(o => o with { ScratchDirectory = folder["scratch"] });
        Assert.Empty(await auditor.FindingsAfterAsync(Limit, () => engine.ReapAsync("tests", TestContext.Current.CancellationToken)));
        Assert.Empty(Directory.Exists(folder["scratch"]) ? Directory.EnumerateFileSystemEntries(folder["scratch"]) : []);
        Assert.DoesNotContain(folder.Path, await File.ReadAllTextAsync("/proc/self/mountinfo", TestContext.Current.CancellationToken));
    }
}

/// <summary>On a Docker Engine.</summary>
[Collection("docker")]
public sealed class DockerSuddenEnds(DockerEngineFixture docker) : SuddenEnds(docker);

/// <summary>On Podman's service.</summary>
[Collection("podman")]
public sealed class PodmanSuddenEnds(PodmanEngineFixture podman) : SuddenEnds(podman);
