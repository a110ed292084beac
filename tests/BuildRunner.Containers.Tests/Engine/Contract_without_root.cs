using BuildRunner.Containers.Engine.Oci;
using BuildRunner.Containers.Tests.Engine.Docker;
using BuildRunner.Containers.Tests.Storage;
using BuildRunner.Testing;
using BuildRunner.Testing.Docker;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>The whole contract of the embedded engine by a real ordinary user, in a namespace as BuildRunner makes it. It takes minutes, so it runs on demand; the suite has runs of samples.</summary>
public sealed class Contract_without_root
{
    [Theory(Explicit = true)]
    [InlineData("runc")]
    [InlineData("direct")]
    public async Task The_embedded_engine_keeps_for_an_ordinary_user_what_every_engine_promises(string runtime)
    {
        Requires.That(Environment.GetEnvironmentVariable("BUILDRUNNER_SANDBOX") is not null, "BUILDRUNNER_SANDBOX");
        await using var session = await OrdinarySession.StartAsync(new OrdinaryUser(AppContext.BaseDirectory));
        var (home, helper) = (session.User.Home, $"{session.User.Home}/buildrunner-sandbox");
        File.Copy(EngineFixture.Sandbox, helper);
        OrdinaryUser.GiveTo(helper);
        var variables = new Dictionary<string, string>
        {
            [RootlessUser.Variable] = $"{OrdinaryUser.Id}:{session.User.Session}/engine:someone",
            ["BUILDRUNNER_SANDBOX"] = helper,
            ["BUILDRUNNER_TEST_RUNTIME"] = runtime,
            ["TESTINGPLATFORM_TELEMETRY_OPTOUT"] = "1",
        };
        var runner = $"{session.User.Programs}/{typeof(Contract_without_root).Assembly.GetName().Name}";
        var ids = $"0 {OrdinaryUser.Id} 1 1 600000 65535";
        string[] tests =
        [
            helper, "rootless", ids, ids, runner, runner, "--progress", "off", "--no-ansi", "--results-directory", $"{home}/results", "--filter-class", $"*.{nameof(OciEngineContract)}",
        ];

        await Task.Run(
            () => UnpackFixture.Run("nsenter", session.Next(home, variables, ["sh", "-c", "\"$@\" > results.txt 2>&1 || true", "contract", .. tests])), TestContext.Current.CancellationToken);

        var said = await File.ReadAllTextAsync($"{home}/results.txt", TestContext.Current.CancellationToken);
        TestContext.Current.SendDiagnosticMessage(said);
        Assert.True(said.Contains("failed: 0", StringComparison.Ordinal), said);
    }
}
