using System.Security.Cryptography;
using System.Text.Json.Nodes;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Testing.Engine;
using BuildRunner.Testing.Images;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>Images whose configurations name what they should not: nothing outside of the container is read, written or made, and what cannot be done is said.</summary>
public sealed class Hostile_image_configs
{
    private const string Secret = "of-the-host-alone";

    /// <summary>Writes where the step is and in the folder of the host, and shows what it finds there.</summary>
    private const string Look = "echo at $(pwd) as $(id -u) with $A; cat OUTSIDE/file ./file 2>/dev/null; for d in . OUTSIDE; do echo written > $d/written; mkdir $d/made; done 2>/dev/null; true";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>A member of the configuration as JSON, and what comes of it: a beginning of what the step prints, or, after <c>!</c>, a part of the message. OUTSIDE is a folder of the host.</summary>
    private static readonly (string Member, string Value, string Expected)[] Cases =
    [
        ("WorkingDir", "\"OUTSIDE\"", "at OUTSIDE as 0"),
        ("WorkingDir", "\"../../../../../../..OUTSIDE/deep\"", "at OUTSIDE/deep as 0"),
        ("WorkingDir", "\"/leads/deep/er\"", "!/leads/deep/er"),
        ("WorkingDir", "\"/proc/1/root/OUTSIDE\"", "!Permission denied"),
        ("WorkingDir", "\"/proc/self/fd/0\"", "!/proc/self/fd/0"),
        ("WorkingDir", "\"/proc/self/cwd/../..OUTSIDE\"", "!/proc/self/cwd/../..OUTSIDE"),
        ("WorkingDir", "\"relative\"", "at /relative as 0"),
        ("WorkingDir", "\"/line\\nfeed\\u001b[31m\"", "at /line"),
        ("WorkingDir", $"\"/{new string('l', 5000)}\"", "!WorkingDir"),
        ("WorkingDir", "\"/zero\\u0000/OUTSIDE\"", "!NUL"),
        ("WorkingDir", "\"/etc/passwd\"", "!/etc/passwd"),
        ("User", "\"65535\"", "at / as 65535"),
        ("User", "\"65536\"", "!65536"),
        ("User", "\"-1\"", "!-1"),
        ("User", "\"4294967295\"", "!4294967295"),
        ("User", "\"4294967296\"", "!4294967296"),
        ("User", "\"99999999999999999999999\"", "!99999999999999999999999"),
        ("User", "\"0:4294967295\"", "!4294967295"),
        ("User", "\"0:0:0\"", "!0:0"),
        ("User", "\" 0\"", "! 0"),
        ("User", "\"0x0\"", "!0x0"),
        ("User", "\"../../../../../../..OUTSIDE/file\"", "!OUTSIDE/file"),
        ("User", "\"root\\nroot\"", "!root"),
        ("User", "\"zero\\u0000\"", "!NUL"),
        ("User", $"\"{new string('u', 1 << 20)}\"", "!User"),
        ("Env", """["A=one\nB=two"]""", "at / as 0 with one B=two"),
        ("Env", """["A"]""", "at / as 0 with"),
        ("Env", """["=A"]""", "!''"),
        ("Env", """["A=\u0000"]""", "!NUL"),
        ("Env", """["PATH=OUTSIDE", "LD_PRELOAD=OUTSIDE/file", "HOME=OUTSIDE", "IFS=/", "A=b"]""", ""),
        ("Env", $"""["A={new string('a', 200_000)}"]""", "!/bin/sh"),
        ("Env", $"""[{string.Join(',', Enumerable.Range(0, 200_000).Select(i => $"\"V{i}=v\""))}]""", "!/bin/sh"),
        ("Volumes", """{"/": {}, "/proc": {}, "OUTSIDE": {}, "../..": {}, "/etc/passwd:/x": {}}""", "at / as 0"),
        ("Volumes", """{"\u0000": {}}""", "!NUL"),
        ("ExposedPorts", """{"-1/tcp": {}, "99999999999/sctp": {}, "OUTSIDE": {}, "": {}}""", "at / as 0"),
        ("Labels", """{"io.buildrunner.run": "1", "": "", "OUTSIDE": "\u0000", "none": null}""", "at / as 0"),
        ("Labels", $"{{\"huge\": \"{new string('h', 4 << 20)}\"}}", "at / as 0"),
        ("StopSignal", "\"SIGNONSENSE\"", "at / as 0"),
        ("StopSignal", "\"-9\"", "at / as 0"),
        ("StopSignal", $"\"{new string('9', 1 << 20)}\"", "!StopSignal"),
        ("StopSignal", "\"99999999999999\"", "at / as 0"),
        ("StopSignal", "\"SIGRTMIN+2147483647\"", "at / as 0"),
        ("StopSignal", "\"SIGRTMIN-2147483648\"", "at / as 0"),
        ("Healthcheck", """{"Test": ["CMD", "OUTSIDE/file"], "Interval": 9223372036854775807, "Timeout": 9223372036854775807, "StartPeriod": -9223372036854775808, "Retries": 2147483647}""", "at / as 0"),
    ];

    [Theory]
    [InlineData("runc")]
    [InlineData("direct")]
    public async Task Reach_nothing_outside(string runtime)
    {
        await using var host = OciHost.Create(o => o.RuntimePath = runtime);
        var outside = await OutsideAsync(host);
        var before = Snapshot(outside);
        await using var group = await host.CreateGroupAsync();
        Assert.All(Cases, c =>
        {
            var value = c.Value.Replace("OUTSIDE", outside, StringComparison.Ordinal);
            var expected = c.Expected.Replace("OUTSIDE", outside, StringComparison.Ordinal);
            var (said, printed) = RunAsync(group, host, c.Member, value, spec => spec with { Entrypoint = ["/bin/sh", "-c", Look.Replace("OUTSIDE", outside, StringComparison.Ordinal)] }).GetAwaiter().GetResult();
            var what = $"{c.Member} {value[..Math.Min(value.Length, 100)]}: {said} {printed}";
            Assert.True(expected.StartsWith('!') ? said?.Contains(expected[1..], StringComparison.Ordinal) == true : said is null && printed.StartsWith(expected, StringComparison.Ordinal), what);
            Assert.False(said?.Length > 4096, what);
            Assert.DoesNotContain(Secret, printed + said, StringComparison.Ordinal);
        });
        Assert.Equal(before, Snapshot(outside));
    }

    /// <summary>The command is the image's own. What stands for this program's own file is no way to change it.</summary>
    [Theory]
    [InlineData("runc")]
    [InlineData("direct")]
    public async Task Execute_nothing_outside(string runtime)
    {
        await using var host = OciHost.Create(o => o.RuntimePath = runtime);
        var outside = await OutsideAsync(host);
        var before = Snapshot(outside);
        var sandbox = HashOf(host.Options.SandboxPath!);
        await using var group = await host.CreateGroupAsync();
        foreach (var command in (string[])
        [
            "\"OUTSIDE/tool\"", "\"../../../../../../..OUTSIDE/tool\"", "\"/leads/tool\"", "\"/proc/1/root/OUTSIDE/tool\"", "\"/proc/self/cwd/OUTSIDE/tool\"", "\"/proc/self/fd/3\"", "\"/proc/1/exe\", \"shim\"",
            "\"/proc/self/exe\", \"group\"", "\"/.buildrunner/buildrunner-init\", \"shim\"", "\"\"", "\"/bin/sh\\u0000OUTSIDE/tool\"", "\"/bin/sh\", \"-c\", \"\\u0000\"",
            "\"/bin/sh\", \"-c\", \"for f in /.buildrunner/buildrunner-init /proc/1/exe /proc/$PPID/exe; do echo overwritten > $f; done; cat OUTSIDE/tool\"",
        ])
        {
            var (said, printed) = await RunAsync(group, host, "Entrypoint", $"[{command.Replace("OUTSIDE", outside, StringComparison.Ordinal)}]", spec => spec);
            Assert.DoesNotContain(Secret, printed + said, StringComparison.Ordinal);
        }

        Assert.Equal(before, Snapshot(outside));
        Assert.Equal(sandbox, HashOf(host.Options.SandboxPath!));
    }

    [Fact]
    public async Task Ask_for_no_health_that_nobody_waits_for()
    {
        await using var host = OciHost.Create();
        await using var group = await host.CreateGroupAsync();
        const string check = """{"Test": ["CMD", "false"], "Interval": 9223372036854775807, "Timeout": 9223372036854775807, "Retries": 2147483647}""";
        var config = ImageConfigDocument.Parse(TestImage.Busybox.WithSetting("Healthcheck", JsonNode.Parse(check)).Config, "the configuration").Config;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        await using var service = await group.StartServiceAsync(host.Shell("sleep 600", "ill") with { Image = host.Image with { Config = config } }, new OutputRecorder(), Cancellation);
        var waiting = service.WaitUntilHealthyAsync(limit.Token);
        await Task.WhenAny(waiting, Task.Delay(TimeSpan.FromSeconds(2), Cancellation));
        Assert.False(waiting.IsCompleted, waiting.Exception?.ToString());
        await limit.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    private static async Task<(string? Said, string Printed)> RunAsync(IContainerGroup group, OciHost host, string member, string value, Func<ContainerSpec, ContainerSpec> complete)
    {
        var output = new OutputRecorder();
        try
        {
            var image = TestImage.Busybox.WithSetting(member, JsonNode.Parse(value));
            var config = ImageConfigDocument.Parse(image.Config, "the configuration").Config;
            var container = await group.PrepareAsync(complete(new ContainerSpec { Name = "step", Image = host.Image with { Config = config } }), Cancellation);
            await group.RunAsync(container, StartSpec.AsPrepared, output, Cancellation);
            return (null, output.Out);
        }
        catch (ContainerException refused)
        {
            return (refused.Message, output.Out);
        }
    }

    private static string HashOf(string file) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file)));

    private static async Task<string> OutsideAsync(OciHost host)
    {
        var outside = host.Folder["outside"];
        Directory.CreateDirectory(outside);
        File.SetUnixFileMode(outside, (UnixFileMode)0x1FF);
        await File.WriteAllTextAsync(outside + "/file", Secret, Cancellation);
        await File.WriteAllTextAsync(outside + "/tool", $"#!/bin/sh\necho {Secret}\n", Cancellation);
        File.SetUnixFileMode(outside + "/tool", (UnixFileMode)0x1FF);
        File.CreateSymbolicLink(host.Folder["image/leads"], outside);
        return outside;
    }

    private static string Snapshot(string folder) =>
        string.Join('\n', Directory.EnumerateFileSystemEntries(folder, "*", SearchOption.AllDirectories).Order().Select(f => $"{f} {(File.Exists(f) ? File.ReadAllText(f) : "")}"));
}
