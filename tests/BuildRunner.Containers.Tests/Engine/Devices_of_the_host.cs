using System.Diagnostics;
using BuildRunner.Containers.Engine;
using BuildRunner.Testing.Engine;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>What the embedded engine makes of devices, beyond what every engine promises.</summary>
public sealed class Devices_of_the_host
{
    private const int Fuse = 229;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_folder_stands_for_the_devices_in_it_and_a_link_for_nothing()
    {
        await using var host = OciHost.Create();
        Directory.CreateDirectory(host.Folder["devices/deeper"]);
        MakeNode(host.Folder["devices/fuse"]);
        MakeNode(host.Folder["devices/deeper/fuse"]);
        File.CreateSymbolicLink(host.Folder["devices/link"], "/dev/kmsg");
        await File.WriteAllTextAsync(host.Folder["devices/file"], "", Cancellation);
        Assert.Equal("/dev/x\n/dev/x/deeper\n/dev/x/deeper/fuse\n/dev/x/fuse\nopened\n", (await RunAsync(host, "find /dev/x | sort; exec 3<>/dev/x/fuse 4<>/dev/x/deeper/fuse && echo opened", "devices", "/dev/x")).Out);

        Directory.CreateDirectory(host.Folder["empty"]);
        foreach (var (path, problem) in new[] { ("devices/link", "leads over a link"), ("empty", "a directory without devices") })
        {
            var refused = await Assert.ThrowsAsync<ContainerException>(() => RunAsync(host, "true", path, "/dev/x"));
            Assert.Contains(problem, refused.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_node_belongs_to_the_steps_user_and_keeps_the_hosts_group_and_mode()
    {
        await using var host = OciHost.Create();
        MakeNode(host.Folder["fuse"], "-m", "0660");
        using (var owner = Process.Start("chown", ["nobody:1234", host.Folder["fuse"]]))
        {
            await owner.WaitForExitAsync(Cancellation);
        }

        Assert.Equal("1000:1234 660 a:e5\n", (await RunAsync(host, "stat -c '%u:%g %a %t:%T' /dev/x", "fuse", "/dev/x", "rwm")).Out);
        Assert.Equal("1000:1234 440 a:e5\n", (await RunAsync(host, "stat -c '%u:%g %a %t:%T' /dev/x", "fuse", "/dev/x", "r")).Out);
    }

    private static async Task<OutputRecorder> RunAsync(OciHost host, string script, string path, string target, string access = "rwm")
    {
        await using var group = await host.CreateGroupAsync();
        var output = new OutputRecorder();
        var spec = host.Shell(script) with { User = "builder", Devices = [new HostDevice(host.Folder[path], target, access)] };
        Assert.Equal(new ContainerExit.Exited(0), await group.RunAsync(await group.PrepareAsync(spec, Cancellation), StartSpec.AsPrepared, output, Cancellation));
        return output;
    }

    private static void MakeNode(string path, params string[] options)
    {
        using var made = Process.Start("mknod", [.. options, path, "c", "10", $"{Fuse}"]);
        made.WaitForExit();
        Assert.Equal(0, made.ExitCode);
    }
}
