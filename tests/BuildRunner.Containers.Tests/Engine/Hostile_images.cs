using BuildRunner.Containers.Engine;
using BuildRunner.Testing.Engine;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>Images whose links stand where containers get something mounted, whoever makes the container: nothing outside of it is read, written or made.</summary>
public sealed class Hostile_images
{
    private const string Secret = "of-the-host-alone";

    /// <summary>Says what a step finds in all places where something is mounted, and tries to write there.</summary>
    private const string Look =
        """
        cd /; for d in /etc /woodpecker /woodpecker/src /dev /dev/shm /sys /.buildrunner; do for f in $d/*; do [ -f $f ] && cat $f 2>/dev/null; done; echo written > $d/written 2>/dev/null; done
        echo end
        """;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string, string, string> Links()
    {
        var links = new TheoryData<string, string, string>();
        foreach (var runtime in new[] { "runc", "direct" })
        {
            foreach (var (path, target) in new[]
            {
                ("proc", "OUTSIDE"), ("dev", "OUTSIDE"), ("sys", "OUTSIDE"), ("etc", "OUTSIDE"), ("etc", "/proc/self/root/OUTSIDE"), ("woodpecker", "OUTSIDE"), ("woodpecker", "/proc"),
                ("woodpecker", "/proc/1/root"), (".buildrunner", "OUTSIDE"), (".buildrunner", "/proc/self/fd/3"), (".buildrunner", ".buildrunner"), (".buildrunner", "/dev"),
                ("etc/hosts", "OUTSIDE/file"), ("etc/resolv.conf", "../../../../../../../..OUTSIDE/file"), ("etc/hostname", "/proc/self/cwd/OUTSIDE/new"), ("woodpecker", "/sys/kernel"),
            })
            {
                links.Add(runtime, path, target);
            }
        }

        return links;
    }

    [Theory]
    [MemberData(nameof(Links))]
    public async Task Reach_nothing_outside(string runtime, string path, string target)
    {
        await using var host = OciHost.Create(o => o.RuntimePath = runtime);
        var outside = host.Folder["outside"];
        Directory.CreateDirectory(outside);
        File.SetUnixFileMode(outside, (UnixFileMode)0x1FF);
        await File.WriteAllTextAsync(outside + "/file", Secret, Cancellation);
        File.SetUnixFileMode(outside + "/file", (UnixFileMode)0x1B6);
        Replace(host, path, target.Replace("OUTSIDE", outside, StringComparison.Ordinal));
        Directory.CreateDirectory(host.Folder["tree"]);
        await File.WriteAllTextAsync(host.Folder["tree/mine"], "mine\n", Cancellation);
        var before = Snapshot(outside);

        var output = new OutputRecorder();
        var problem = await Record.ExceptionAsync(async () =>
        {
            await using var group = await host.CreateGroupAsync(new WorkspaceSpec { SourceDirectory = host.Folder["tree"], BasePath = "/woodpecker", TreePath = "/woodpecker/src", CopyOnWrite = true });
            var container = await group.PrepareAsync(host.Shell(Look) with { WorkingDirectory = "/" }, Cancellation);
            Assert.Equal(new ContainerExit.Exited(0), await group.RunAsync(container, StartSpec.AsPrepared, output, Cancellation));
        });

        Assert.True(problem is null or ContainerException, problem?.ToString());
        Assert.DoesNotContain(Secret, output.Out, StringComparison.Ordinal);
        Assert.Equal(before, Snapshot(outside));
        Assert.Empty(await host.FindLeftOversAsync());
    }

    /// <summary>As images of distributions have them, for programs that are not there.</summary>
    [Theory]
    [InlineData("runc", "etc/resolv.conf", "../run/systemd/resolve/stub-resolv.conf")]
    [InlineData("direct", "etc/resolv.conf", "../run/systemd/resolve/stub-resolv.conf")]
    [InlineData("runc", "woodpecker", "/srv/not/there")]
    [InlineData("direct", "woodpecker", "/srv/not/there")]
    [InlineData("direct", "etc/hosts", "/woodpecker/../run/./a//hosts")]
    public async Task A_link_that_leads_nowhere_gets_what_it_leads_to(string runtime, string path, string target)
    {
        await using var host = OciHost.Create(o => o.RuntimePath = runtime);
        Replace(host, path, target);
        Directory.CreateDirectory(host.Folder["tree"]);
        await File.WriteAllTextAsync(host.Folder["tree/mine"], "mine\n", Cancellation);
        await using var group = await host.CreateGroupAsync(new WorkspaceSpec { SourceDirectory = host.Folder["tree"], BasePath = "/woodpecker", TreePath = "/woodpecker/src", CopyOnWrite = true });
        var output = new OutputRecorder();
        var container = await group.PrepareAsync(host.Shell("cat mine; grep -c localhost /etc/hosts; test -f /etc/resolv.conf && echo there"), Cancellation);
        Assert.Equal(new ContainerExit.Exited(0), await group.RunAsync(container, StartSpec.AsPrepared, output, Cancellation));
        Assert.Matches("^mine\n[12]\nthere\n$", output.Out);
    }

    [Theory]
    [InlineData("etc/hosts")]
    [InlineData("woodpecker")]
    public async Task What_is_in_the_way_is_named(string path)
    {
        await using var host = OciHost.Create(o => o.RuntimePath = "direct");
        File.Delete(host.Folder["image/" + path]);
        if (path == "woodpecker")
        {
            await File.WriteAllTextAsync(host.Folder["image/" + path], "", Cancellation);
        }
        else
        {
            Directory.CreateDirectory(host.Folder["image/" + path]);
        }

        Directory.CreateDirectory(host.Folder["tree"]);
        await using var group = await host.CreateGroupAsync(new WorkspaceSpec { SourceDirectory = host.Folder["tree"], BasePath = "/woodpecker", TreePath = "/woodpecker/src", CopyOnWrite = true });
        var problem = await Assert.ThrowsAsync<ContainerException>(() => group.PrepareAsync(host.Shell("true"), Cancellation));
        Assert.Equal(ContainerFailure.InvalidSpec, problem.Reason);
        Assert.Contains("/" + path, problem.Message, StringComparison.Ordinal);
    }

    private static void Replace(OciHost host, string path, string target)
    {
        var place = host.Folder["image/" + path];
        if (Directory.Exists(place))
        {
            Directory.Delete(place, recursive: true);
        }

        File.Delete(place);
        File.CreateSymbolicLink(place, target);
    }

    private static string Snapshot(string folder) =>
        string.Join('\n', Directory.EnumerateFileSystemEntries(folder, "*", SearchOption.AllDirectories).Order().Select(f => $"{f} {(File.Exists(f) ? File.ReadAllText(f) : "")}"));
}
