using BuildRunner.Testing;

namespace BuildRunner.EndToEnd.Tests.LocalRuns;

/// <summary>What reaches beyond a container is refused, unless the person at this machine allows it by a setting that the refusal names.</summary>
public sealed class Trust
{
    // The capability to mount, in the set that the process could use.
    private const string Privileged = """
        steps:
          - name: a
            image: rootfs:/
            privileged: true
            commands: [mkdir /mnt/x, mount -t tmpfs none /mnt/x && echo it could mount]
        """;

    private static string Volumes(string volume) => $"""
        steps:
          - name: a
            image: rootfs:/
            volumes: ["{volume}"]
            commands: [cat /data/file, "echo changed > /data/file || echo it is read-only"]
        """;

    [Fact]
    public async Task Privileged_steps_need_a_switch()
    {
        var refused = await RunAsync(Privileged);
        Assert.Equal(5, refused.Code);
        Assert.Contains("Engine:AllowPrivileged", refused.Error);
        Assert.Contains("ci.yml(2,", refused.Error);
        Assert.DoesNotContain("it could mount", refused.Error.Replace("mount -t tmpfs none /mnt/x && echo it could mount", ""));

        var allowed = await RunAsync(Privileged, ("BUILDRUNNER_ENGINE__ALLOWPRIVILEGED", "true"));
        Assert.True(allowed.Code == 0, allowed.All);
        Assert.Matches("(?m)│ it could mount$", allowed.Error);

        var ordinary = await RunAsync(Privileged.Replace("    privileged: true\n", "", StringComparison.Ordinal), ("BUILDRUNNER_ENGINE__ALLOWPRIVILEGED", "true"));
        Assert.Equal(1, ordinary.Code);
    }

    [Fact]
    public async Task Folders_of_the_machine_need_a_switch_that_names_them()
    {
        using var machine = new Tree(("data/file", "of the machine\n"), ("other/file", "of somebody else\n"));
        File.CreateSymbolicLink(machine["data/out"], machine["other"]);
        var allowed = ("BUILDRUNNER_ENGINE__ALLOWEDVOLUMES", machine["data"]);

        var refused = await RunAsync(Volumes($"{machine["data"]}:/data"));
        Assert.Equal(5, refused.Code);
        Assert.Contains("Engine:AllowedVolumes", refused.Error);
        foreach (var outside in new[] { machine["other"], machine["data/../other"], machine["data/out"] })
        {
            var run = await RunAsync(Volumes($"{outside}:/data"), allowed);
            Assert.True(run.Code == 5, run.All);
            Assert.DoesNotContain("of somebody else", run.Error);
        }

        var reading = await RunAsync(Volumes($"{machine["data"]}:/data:ro"), allowed);
        Assert.True(reading.Code == 0, reading.All);
        Assert.Contains("of the machine", reading.Error);
        Assert.Contains("it is read-only", reading.Error);
        Assert.Equal("of the machine\n", await File.ReadAllTextAsync(machine["data/file"], TestContext.Current.CancellationToken));
        var writing = await RunAsync(Volumes($"{machine["data"]}:/data"), allowed);
        Assert.True(writing.Code == 0, writing.All);
        Assert.Equal("changed\n", await File.ReadAllTextAsync(machine["data/file"], TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Devices_of_the_machine_need_a_switch_that_names_them()
    {
        const string pipeline = """
            steps:
              - name: a
                image: rootfs:/
                devices: /dev/fuse:/dev/given
                commands: [exec 3<>/dev/given, echo it was $((6 * 7)), test ! -e /dev/fuse]
              - name: b
                image: rootfs:/
                commands: [test ! -e /dev/given]
            """;
        Requires.That(File.Exists("/dev/fuse"), "/dev/fuse");
        var refused = await RunAsync(pipeline, ("BUILDRUNNER_ENGINE__ALLOWEDDEVICES", "/dev/kvm"));
        Assert.Equal(5, refused.Code);
        Assert.Contains("the device '/dev/fuse:/dev/given'", refused.Error);
        Assert.Contains("Engine:AllowedDevices", refused.Error);
        Assert.DoesNotContain("it was 42", refused.Error);
        var allowed = await RunAsync(pipeline, ("BUILDRUNNER_ENGINE__ALLOWEDDEVICES", "/dev/kvm,/dev/fu*"));
        Assert.True(allowed.Code == 0, allowed.All);
        Assert.Contains("it was 42", allowed.Error);
    }

    [Fact]
    public async Task The_machines_own_file_system_can_be_refused_as_an_image()
    {
        const string pipeline = "steps:\n  - name: a\n    image: rootfs:/\n    commands: [echo it ran]\n";
        var refused = await RunAsync(pipeline, ("BUILDRUNNER_ENGINE__ALLOWEDROOTFILESYSTEMS", "/srv/images/debian"));
        Assert.Equal(5, refused.Code);
        Assert.Contains("Engine:AllowedRootFileSystems", refused.Error);
        var allowed = await RunAsync(pipeline, ("BUILDRUNNER_ENGINE__ALLOWEDROOTFILESYSTEMS", "/"));
        Assert.True(allowed.Code == 0, allowed.All);
    }

    private static async Task<Finished> RunAsync(string pipeline, params (string Name, string Value)[] settings)
    {
        using var tree = new Tree(("ci.yml", pipeline));
        await using var running = Release.Start(tree.Path, settings.ToDictionary(s => s.Name, s => (string?)s.Value), "run", "ci.yml", "--progress", "plain");
        return await running.EndAsync(TimeSpan.FromMinutes(2));
    }
}
