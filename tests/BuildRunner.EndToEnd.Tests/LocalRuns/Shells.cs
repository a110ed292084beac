using System.Diagnostics;
using System.Text.RegularExpressions;
using BuildRunner.Testing;
using BuildRunner.Testing.Docker;
using BuildRunner.Testing.Engine;

namespace BuildRunner.EndToEnd.Tests.LocalRuns;

/// <summary><c>run --keep</c>, <c>run --debug</c>, <c>shell</c> and <c>clean</c>, with the hint that a run itself gives.</summary>
public sealed partial class Shells
{
    private static string Pipeline(string image) => $"""
        services:
          - name: db
            image: {image}
            commands: ["echo from-the-service > /tmp/answer && nc -lk -p 5000 -e cat /tmp/answer || while true; do sleep 1; done"]
        steps:
          - name: prepare
            image: {image}
            commands: [echo made-before > before.txt]
          - name: bad
            image: {image}
            environment:
              GREETING: hello
              TOKEN:
                from_secret: token
            commands:
              - echo of-the-container > /etc/left-by-the-step
              - echo made-by-bad > made.txt
              - exit 3
        """;

    private const string Look = "cat /etc/left-by-the-step before.txt made.txt; echo $GREETING $TOKEN; getent hosts db >/dev/null && echo sees the service; touch /etc/of-the-shell of-the-shell; exit 9";

    [Fact]
    public async Task A_step_that_failed_can_be_looked_into_as_the_run_says()
    {
        using var tree = new Tree(("ci.yml", Pipeline("rootfs:/")));
        using var scratch = new Tree();
        var environment = new Dictionary<string, string?>
        {
            ["token"] = "s3cret-s3cret",
            ["BUILDRUNNER_ENGINE__SCRATCHDIR"] = scratch["scratch"],
        };
        await LookIntoAsync(tree, environment, "rootfs:/", []);
    }

    [Theory]
    [InlineData("docker")]
    [InlineData("podman")]
    public async Task Docker_and_Podman_keep_a_failed_step_too(string kind)
    {
        await using ITestEngine engine = kind == "docker" ? await DockerDaemon.StartAsync() : await PodmanService.StartAsync();
        using var images = TestFolder.Create();
        BusyboxImage.Create(images["image"]);
        BusyboxImage.WriteArchive(images["image"], images["busybox.tar"], "busybox-test:1");
        using var tree = new Tree(("ci.yml", Pipeline($"docker-archive:{images["busybox.tar"]}")));
        var environment = new Dictionary<string, string?>
        {
            ["token"] = "s3cret-s3cret",
            ["BUILDRUNNER_ENGINE__DOCKER__HOST"] = engine.Host,
            ["BUILDRUNNER_ENGINE__SCRATCHDIR"] = images["scratch"],
        };
        await LookIntoAsync(tree, environment, $"docker-archive:{images["busybox.tar"]}", ["--engine", "docker"]);
    }

    [Fact]
    public async Task A_shell_on_a_terminal_has_a_terminal_of_its_own()
    {
        Requires.Program("script");
        using var tree = new Tree(("ci.yml", Pipeline("rootfs:/")));
        var (code, text) = await TypeAsync(tree, "shell bad -f ci.yml --secret token=x --no-services", "tty; echo six times seven is $((6*7)); [ -e /etc/left-by-the-step ] || echo fresh; ls; exit 4\n");
        Assert.True(code == 4, text);
        Assert.Matches(@"(?m)^/dev/pts/\d+\r?$", text);
        Assert.Contains("six times seven is 42", text);
        Assert.Contains("fresh", text);
        Assert.Contains("ci.yml", text);
        Assert.False(File.Exists(tree["before.txt"]));
    }

    [Fact]
    public async Task Debugging_opens_a_shell_in_the_failed_container_and_the_run_goes_on_after_it()
    {
        Requires.Program("script");
        using var tree = new Tree(("ci.yml", Pipeline("rootfs:/") + "\n  - name: after\n    image: rootfs:/\n    commands: [echo the run went on]\n    when: { status: [failure] }\n"));
        var (code, text) = await TypeAsync(tree, "run ci.yml --debug --secret token=x", "cat /etc/left-by-the-step made.txt; tty; exit\n");
        Assert.True(code == 1, text);
        Assert.Contains("of-the-container", text);
        Assert.Contains("made-by-bad", text);
        Assert.Contains("/dev/pts/", text);
        Assert.True(text.IndexOf("the run went on", StringComparison.Ordinal) > text.IndexOf("made-by-bad", StringComparison.Ordinal), text);
    }

    private static async Task LookIntoAsync(Tree tree, IReadOnlyDictionary<string, string?> environment, string image, string[] engine)
    {
        var run = await RunAsync(tree, environment, ["run", "ci.yml", "--keep", "--secret", "token", .. engine]);
        Assert.True(run.Code == 1, run.All);
        var hint = Hint().Match(run.Error).Groups["command"].Value;
        Assert.Equal(engine.Length == 0 ? "shell bad -f ci.yml --secret token" : "shell bad -f ci.yml --engine docker --secret token", hint);
        for (var again = 0; again < 2; again++)
        {
            var look = await RunAsync(tree, environment, [.. hint.Split(' '), "--", "sh", "-c", Look]);
            Assert.True(look.Code == 9, look.All);
            Assert.StartsWith("of-the-container\nmade-before\nmade-by-bad\nhello s3cret-s3cret\n", look.Output, StringComparison.Ordinal);
            Assert.Contains("exit 3", look.Error);
        }

        var clean = await RunAsync(tree, environment, ["shell", "bad", "-f", "ci.yml", "--secret", "token", .. engine, "--", "sh", "-c", "ls /etc/of-the-shell of-the-shell 2>/dev/null | wc -l"]);
        Assert.True(clean.Output.Trim() == "0", clean.All);
        var fresh = await RunAsync(tree, environment, ["shell", "bad", "-f", "ci.yml", "--secret", "token", "--fresh", .. engine, "--", "sh", "-c", "ls /etc/left-by-the-step made.txt 2>/dev/null | wc -l"]);
        Assert.True(fresh.Output.Trim() == "0", fresh.All);

        var list = await RunAsync(tree, environment, ["clean", "--dry-run", .. engine]);
        Assert.Contains($"ci/bad  exit 3", list.Output);
        Assert.Contains(image, list.Output);
        if (engine.Length > 0)
        {
            await CommitAsync(tree, environment, list.Output.Split(' ')[0], engine);
        }

        var cleaned = await RunAsync(tree, environment, ["clean", .. engine]);
        Assert.Contains("1 kept container removed", cleaned.Output);
        Assert.Equal("", (await RunAsync(tree, environment, ["clean", "--dry-run", .. engine])).Output);
    }

    /// <summary>Makes an image of a kept container, and runs a step on it.</summary>
    private static async Task CommitAsync(Tree tree, IReadOnlyDictionary<string, string?> environment, string kept, string[] engine)
    {
        var commit = await RunAsync(tree, environment, ["image", "commit", kept, "example.com/of/bad:1", .. engine]);
        Assert.True(commit.Code == 0, commit.All);
        Assert.Contains("example.com/of/bad:1", (await RunAsync(tree, environment, ["image", "list", .. engine])).Output);
        File.WriteAllText(tree["next.yml"], "steps:\n  - name: next\n    image: example.com/of/bad:1\n    commands: [cat /etc/left-by-the-step]\n");
        var next = await RunAsync(tree, environment, ["run", "next.yml", .. engine]);
        Assert.True(next.Code == 0, next.All);
        Assert.Contains("│ of-the-container", next.Error);
        File.Delete(tree["next.yml"]);
    }

    private static async Task<Finished> RunAsync(Tree tree, IReadOnlyDictionary<string, string?> environment, string[] arguments)
    {
        await using var running = Release.Start(tree.Path, environment, arguments);
        return await running.EndAsync(TimeSpan.FromMinutes(2));
    }

    /// <summary>Runs a command on a terminal at which somebody types.</summary>
    private static async Task<(int Code, string Text)> TypeAsync(Tree tree, string command, string typed)
    {
        using var scratch = new Tree();
        var info = new ProcessStartInfo("script", ["-qec", $"{Release.Executable} {command}", "/dev/null"])
        {
            WorkingDirectory = tree.Path,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        info.Environment["TERM"] = "dumb";
        info.Environment["BUILDRUNNER_ENGINE__SCRATCHDIR"] = scratch["scratch"];
        using var process = Process.Start(info)!;
        var output = process.StandardOutput.ReadToEndAsync();
        await process.StandardInput.WriteAsync(typed);
        await process.StandardInput.FlushAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"it did not end: {await output}");
        }

        Assert.False(Directory.Exists(scratch["scratch/.kept"]), "nothing is kept that nobody asked for");
        return (process.ExitCode, await output);
    }

    [GeneratedRegex(@"shell into it +buildrunner (?<command>.+)")]
    private static partial Regex Hint();
}
