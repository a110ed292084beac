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
    private readonly Tree _home = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _tree.Dispose();
        _home.Dispose();
    }

    [Fact]
    public async Task The_scripts_for_our_own_engine_work()
    {
        Requires.Root();
        Requires.Program("skopeo");
        await using var registry = await RegistryServer.StartAsync(cancellationToken: Stop);
        await registry.PushAsync(TestImage.Busybox, "base/tools", "1", Stop);

        var output = await RunAsync(registry.Host, "", []);

        Assert.Contains($"{registry.Host}/mine/root:1@sha256:", output, StringComparison.Ordinal);
        Assert.Matches("[0-9]+ images?, [0-9]+ layers? removed", output);
        Assert.Contains($"{registry.Host}/mine/failed:1@sha256:", output, StringComparison.Ordinal);
        UnpackFailed(registry);
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

    // What the step wrote, as somebody else finds it in the registry.
    private void UnpackFailed(RegistryServer registry)
    {
        using var copy = Process.Start(new ProcessStartInfo("skopeo") { ArgumentList = { "copy", "-q", "--src-tls-verify=false", $"docker://{registry.Host}/mine/failed:1", $"dir:{_home["failed"]}" } })!;
        copy.WaitForExit();
        Assert.Equal(0, copy.ExitCode);
        using var manifest = System.Text.Json.JsonDocument.Parse(File.ReadAllBytes(_home["failed/manifest.json"]));
        var top = manifest.RootElement.GetProperty("layers").EnumerateArray().Last().GetProperty("digest").GetString()!["sha256:".Length..];
        using var packed = new System.IO.Compression.GZipStream(File.OpenRead(_home[$"failed/{top}"]), System.IO.Compression.CompressionMode.Decompress);
        using var tar = new System.Formats.Tar.TarReader(packed);
        var names = new Dictionary<string, int>();
        while (tar.GetNextEntry() is { } entry)
        {
            names[entry.Name.TrimEnd('/')] = entry.Uid;
        }

        Assert.Equal(0, names["tmp/result"]);
        Assert.DoesNotContain(names.Keys, name => name.StartsWith("proc/", StringComparison.Ordinal) || name.Contains(".buildrunner", StringComparison.Ordinal));
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
        Directory.CreateDirectory(_home["bin"]);
        if (!File.Exists(_home["bin/buildrunner"]))
        {
            await File.WriteAllTextAsync(_home["bin/buildrunner"], $"#!/bin/sh\nexec {Release.Executable} \"$@\"\n", Stop);
            File.SetUnixFileMode(_home["bin/buildrunner"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        var start = new ProcessStartInfo("bash") { ArgumentList = { "-exc", "set -o pipefail\n" + script }, WorkingDirectory = _tree.Path, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["PATH"] = $"{_home["bin"]}:{Environment.GetEnvironmentVariable("PATH")}";
        start.Environment["BUILDRUNNER_IMAGES__DIR"] = _home["images"];
        start.Environment["BUILDRUNNER_ENGINE__SCRATCHDIR"] = _home["scratch"];
        start.Environment["DOCKER_CONFIG"] = _home.Path;
        start.Environment["XDG_RUNTIME_DIR"] = _home.Path;
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
