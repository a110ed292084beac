using BuildRunner.Containers.Tests.Storage;
using BuildRunner.Testing;
using BuildRunner.Testing.Docker;

namespace BuildRunner.Containers.Tests.Engine.Docker;

/// <summary>The whole contract by a real ordinary user, on an engine that they have started for themselves. It takes minutes, so it runs on demand; the suite has a sample's run.</summary>
public sealed class Rootless_contract
{
    [Theory(Explicit = true)]
    [InlineData("docker", nameof(DockerEngineContract))]
    [InlineData("podman", nameof(PodmanEngineContract))]
    public async Task An_ordinary_users_own_engine_keeps_what_every_engine_promises(string kind, string contract)
    {
        await using var engine = await (kind == "docker" ? RootlessEngine.StartDockerAsync(AppContext.BaseDirectory) : RootlessEngine.StartPodmanAsync(AppContext.BaseDirectory));
        Requires.That(Environment.GetEnvironmentVariable("BUILDRUNNER_SANDBOX") is not null, "BUILDRUNNER_SANDBOX");
        var (home, helper) = (engine.User.Home, $"{engine.User.Home}/buildrunner-sandbox");
        File.Copy(EngineFixture.Sandbox, helper);
        OrdinaryUser.GiveTo(helper);
        var variables = new Dictionary<string, string>
        {
            [$"BUILDRUNNER_TEST_{kind.ToUpperInvariant()}_SOCKET"] = engine.Socket,
            ["BUILDRUNNER_SANDBOX"] = helper,
            ["TESTINGPLATFORM_TELEMETRY_OPTOUT"] = "1",
        };
        string[] tests =
        [
            $"{engine.User.Programs}/{typeof(Rootless_contract).Assembly.GetName().Name}", "--progress", "off", "--no-ansi", "--results-directory", $"{home}/results", "--filter-class", $"*.{contract}",
        ];

        await Task.Run(
            () => UnpackFixture.Run("nsenter", engine.Next(home, variables, ["sh", "-c", "\"$@\" > results.txt 2>&1 || true", "contract", .. tests])), TestContext.Current.CancellationToken);

        var said = await File.ReadAllTextAsync($"{home}/results.txt", TestContext.Current.CancellationToken);
        TestContext.Current.SendDiagnosticMessage(said);
        Assert.True(said.Contains("failed: 0", StringComparison.Ordinal), said);
    }
}
