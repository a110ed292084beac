using System.Diagnostics;
using System.Text.RegularExpressions;
using BuildRunner.Testing;
using BuildRunner.Testing.Docker;
using BuildRunner.Testing.Images;
using BuildRunner.Testing.Registries;

namespace BuildRunner.EndToEnd.Tests.LocalRuns;

/// <summary>Every script in docs/images.md does what it says, in its order.</summary>
public sealed partial class Image_documentation : IDisposable
{
    private readonly Tree _tree = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _tree.Dispose();

    [Fact]
    public async Task The_scripts_for_our_own_engine_work()
    {
        Requires.Root();
        Requires.Program("skopeo");
        await using var registry = await RegistryServer.StartAsync(cancellationToken: Stop);
        await registry.PushAsync(TestImage.Busybox, "base/tools", "1", Stop);

        var output = await RunAsync(registry.Host, "", []);

        Assert.Contains($"{registry.Host}/mine/root:1@sha256:", output, StringComparison.Ordinal);
        Assert.Contains("images, ", output, StringComparison.Ordinal);
        Assert.Contains("latest", await registry.Http.GetStringAsync("/v2/elsewhere/root/tags/list", Stop), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_scripts_for_a_Docker_engine_work()
    {
        Requires.Program("docker");
        await using var docker = await DockerDaemon.StartAsync();
        TestLayout.Write(_tree["base"], (TestImage.Busybox, "a"));
        var environment = new Dictionary<string, string> { ["DOCKER_HOST"] = docker.Host };
        var prepared = await ShellAsync("buildrunner image import base example.com/base/tools:1 --engine docker", environment);
        Assert.Contains("example.com/base/tools:1", prepared, StringComparison.Ordinal);

        var output = await RunAsync("example.com", " docker", environment);

        Assert.Contains("example.com/mine/app:1@sha256:", output, StringComparison.Ordinal);
    }

    private async Task<string> RunAsync(string registry, string kind, Dictionary<string, string> environment)
    {
        var page = await File.ReadAllTextAsync(Path.Combine(Release.Root, "docs", "images.md"), Stop);
        var scripts = ScriptPattern().Matches(page).Where(match => match.Groups[1].Value == kind).Select(match => match.Groups[2].Value).ToList();
        Assert.NotEmpty(scripts);
        return await ShellAsync(string.Concat(scripts).Replace("registry.example.com", registry, StringComparison.Ordinal), environment);
    }

    private async Task<string> ShellAsync(string script, Dictionary<string, string> environment)
    {
        Directory.CreateDirectory(_tree["bin"]);
        if (!File.Exists(_tree["bin/buildrunner"]))
        {
            await File.WriteAllTextAsync(_tree["bin/buildrunner"], $"#!/bin/sh\nexec {Release.Executable} \"$@\"\n", Stop);
            File.SetUnixFileMode(_tree["bin/buildrunner"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        var start = new ProcessStartInfo("bash") { ArgumentList = { "-exc", "set -o pipefail\n" + script }, WorkingDirectory = _tree.Path, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["PATH"] = $"{_tree["bin"]}:{Environment.GetEnvironmentVariable("PATH")}";
        start.Environment["BUILDRUNNER_IMAGES__DIR"] = _tree["images"];
        start.Environment["DOCKER_CONFIG"] = _tree.Path;
        start.Environment["XDG_RUNTIME_DIR"] = _tree.Path;
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync(Stop);
        var output = await process.StandardOutput.ReadToEndAsync(Stop);
        await process.WaitForExitAsync(Stop);
        Assert.True(process.ExitCode == 0, $"{await errors}\n{output}");
        return output;
    }

    [GeneratedRegex(@"^```sh([^\n]*)\n(.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex ScriptPattern();
}
