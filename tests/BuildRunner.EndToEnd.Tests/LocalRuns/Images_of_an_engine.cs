using System.Text.RegularExpressions;
using BuildRunner.Testing.Docker;
using BuildRunner.Testing.Images;
using BuildRunner.Testing.Registries;

namespace BuildRunner.EndToEnd.Tests.LocalRuns;

/// <summary>What runs pull onto a Docker engine goes again when it takes more than it may; what others have there stays.</summary>
public sealed partial class Images_of_an_engine
{
    private const int MegaBytes = 6;

    [Fact]
    public async Task That_runs_have_pulled_make_room_for_each_other_and_for_nobody_else()
    {
        await using var docker = await DockerDaemon.StartAsync();
        await using var registry = await RegistryServer.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        await using var bridge = LoopbackBridge.OutOf(docker.ProcessId, ITestEngine.RegistryPort, int.Parse(registry.Host.Split(':')[1]));
        using var home = new Tree();
        foreach (var name in new[] { "one", "two", "other" })
        {
            await registry.PushAsync(TestImage.Busybox.WithLayer(layer => layer.File("ballast", name + new string('x', MegaBytes << 20))), name, "1", TestContext.Current.CancellationToken);
        }

        var host = $"127.0.0.1:{ITestEngine.RegistryPort}";
        var environment = new Dictionary<string, string?>
        {
            ["DOCKER_HOST"] = docker.Host,
            ["BUILDRUNNER_IMAGES__DIR"] = home["images"],
            ["BUILDRUNNER_IMAGES__CACHESIZE"] = $"{MegaBytes * 3 / 2}MiB",
            ["BUILDRUNNER_ENGINE__SCRATCHDIR"] = home["scratch"],
        };

        // Somebody else's, of an engine that many use.
        using (var http = EngineHttp.At(docker.Socket))
        {
            (await http.PostAsync($"images/create?fromImage={host}/other&tag=1", null, TestContext.Current.CancellationToken)).EnsureSuccessStatusCode();
        }

        await UseAsync("one");
        Assert.Contains($"{host}/one", await ListAsync());

        // What was wanted in the last hour stays: it was longer ago.
        var record = home["images"] + ".pulled";
        await File.WriteAllTextAsync(record, Time().Replace(await File.ReadAllTextAsync(record, TestContext.Current.CancellationToken), "1577934245000"), TestContext.Current.CancellationToken);
        await UseAsync("two");

        var left = await ListAsync();
        Assert.DoesNotContain($"{host}/one", left);
        Assert.Contains($"{host}/two", left);
        Assert.Contains($"{host}/other", left);

        async Task UseAsync(string image)
        {
            using var tree = new Tree(("ci.yml", $"steps:\n  - name: use\n    image: {host}/{image}:1\n    commands: [\"true\"]\n"));
            await using var running = Release.Start(tree.Path, environment, "run", "ci.yml", "--engine", "docker");
            var run = await running.EndAsync(TimeSpan.FromMinutes(2));
            Assert.True(run.Code == 0, run.All);
        }

        async Task<string> ListAsync()
        {
            await using var running = Release.Start(home.Path, environment, "image", "list", "--engine", "docker");
            return (await running.EndAsync(TimeSpan.FromMinutes(2))).Output;
        }
    }

    [GeneratedRegex(@"^\d{13}", RegexOptions.Multiline)]
    private static partial Regex Time();
}
