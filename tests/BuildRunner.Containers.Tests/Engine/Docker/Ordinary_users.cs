using BuildRunner.Containers.Engine;
using BuildRunner.Testing.Docker;

namespace BuildRunner.Containers.Tests.Engine.Docker;

/// <summary>An engine of this host whose caller is not root: one of the group <c>docker</c>, or the owner of a rootless engine.</summary>
public abstract class OrdinaryUsers(EngineFixture fixture)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Have_everything_of_steps_of_any_user_and_nothing_of_it_is_left_on_this_host()
    {
        fixture.Required();
        await using (var run = await TreeRun.OpenAsync(fixture, o => o with { IsRoot = false }))
        {
            var builder = run.Shell("stat -c '%a %U' /.buildrunner/key; cat /.buildrunner/key; echo mine > mine; mkdir -m 700 closed; echo deep > closed/file") with
            {
                User = "builder",
                Files = [new InjectedFile("key", "secret\n"u8.ToArray(), Secret: true)],
            };
            Assert.Equal("400 builder\nsecret\n", (await run.RunAsync(builder)).Output.Out);
            Assert.Equal("mine\ndeep\n", (await run.ShellAsync("cat mine closed/file; mkdir -m 700 of-root; touch of-root/file")).Out);
            Assert.DoesNotContain(
                Directory.EnumerateFileSystemEntries(run.Folder.Path, "*", SearchOption.AllDirectories), path => path.Contains("of-root", StringComparison.Ordinal));
            Assert.Equal("mine\n", await File.ReadAllTextAsync(Path.Combine(await run.Group.OpenWorkspaceAsync(Stop) ?? "", "mine"), Stop));
        }

        using var auditor = new EngineAuditor(fixture.Service);
        Assert.Empty(await auditor.FindingsAsync());
    }
}

/// <summary>On a Docker Engine.</summary>
[Collection("docker")]
public sealed class DockerOrdinaryUsers(DockerEngineFixture docker) : OrdinaryUsers(docker);

/// <summary>On Podman's service.</summary>
[Collection("podman")]
public sealed class PodmanOrdinaryUsers(PodmanEngineFixture podman) : OrdinaryUsers(podman);
