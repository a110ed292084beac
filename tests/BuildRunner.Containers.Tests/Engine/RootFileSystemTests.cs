using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Oci;
using BuildRunner.Containers.Images;
using BuildRunner.Testing;
using BuildRunner.Testing.Engine;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary><c>rootfs:/</c>: the machine's own root file system as an image.</summary>
public sealed class RootFileSystemTests
{
    [Fact]
    public async Task Every_tool_of_the_machine_is_there_and_changes_are_discarded()
    {
        await using var host = OciHost.Create();
        Assert.StartsWith("git version", await RunAsync(host, "git --version && echo changed > /etc/buildrunner-was-here && cat /etc/buildrunner-was-here"), StringComparison.Ordinal);
        Assert.False(File.Exists("/etc/buildrunner-was-here"));
        Assert.Equal("gone", await RunAsync(host, "[ -e /etc/buildrunner-was-here ] || echo gone"));
    }

    [Theory]
    [InlineData("ls -A /root /home/* /tmp /var/tmp /var/lib/docker /run/buildrunner 2>/dev/null | grep -v ':$' | grep -v '^$'")]
    [InlineData("cat /etc/shadow /etc/gshadow /etc/machine-id")]
    [InlineData("ls /etc/ssh | grep ssh_host")]
    public async Task Homes_data_of_engines_and_credentials_are_hidden(string script)
    {
        await using var host = OciHost.Create();
        Assert.Equal("", await RunAsync(host, $"({script}); true"));
    }

    [Fact]
    public async Task The_engines_own_folders_are_hidden()
    {
        await using var host = OciHost.Create();
        Assert.Equal("0", await RunAsync(host, $"ls -A {host.Options.ScratchRoot} {host.Options.StateRoot} 2>/dev/null | wc -l"));
    }

    [Fact]
    public async Task What_is_hidden_cannot_be_brought_back()
    {
        await using var host = OciHost.Create();
        Assert.Equal("", await RunAsync(host, "rmdir /root && mkdir /root && ls -A /root; rm -rf /var/lib/docker; mkdir -p /var/lib/docker; ls -A /var/lib/docker; rm -f /etc/shadow; ls /etc/shadow 2>/dev/null; true"));
    }

    [Fact]
    public async Task The_home_of_root_is_empty_and_writable()
    {
        await using var host = OciHost.Create();
        Assert.Equal("/root mine", await RunAsync(host, "echo mine > ~/mine && echo $HOME $(cat ~/mine) && touch /tmp/x /run/x /var/tmp/x"));
    }

    /// <summary>In a container <c>/</c> is an overlay and no image; what is looked at there instead works on any machine.</summary>
    [Fact]
    public async Task A_folder_whose_file_system_maps_no_owners_is_refused_with_what_to_do()
    {
        await using var host = OciHost.Create();
        await using var group = await host.CreateGroupAsync();
        var refused = await Assert.ThrowsAsync<ContainerException>(
            () => group.PrepareAsync(host.Shell("true") with { HostMounts = [new HostMount("/sys/kernel", "/kernel", ReadOnly: true)] }, TestContext.Current.CancellationToken));
        Assert.Equal(
            "Cannot map the owners of /sys/kernel, because its file system does not do that (a tmpfs does from Linux 6.3 on); use a folder on a disk, for temporary files by TMPDIR.", refused.Message);
    }

    [Fact]
    public async Task Whether_containers_run_can_be_seen_without_it()
    {
        await using var host = OciHost.Create();
        var probe = new OciProbe((OciEngine)host.Engine, host.Options, new Lazy<string>(() => SandboxPath.Find(null)));
        foreach (var _ in new[] { 1, 2 })
        {
            var check = await probe.InContainerAsync(TestContext.Current.CancellationToken);
            Assert.True(check.Status == ReadinessStatus.Ok, check.Detail);
            Assert.StartsWith("a container ran, with a user namespace", check.Detail, StringComparison.Ordinal);
            Assert.EndsWith("rootfs:/ is no image here", check.Detail, StringComparison.Ordinal);
        }

        host.Options.ScratchRoot = "/proc/nothing/scratch";
        Assert.Equal(ReadinessStatus.Failed, (await probe.InContainerAsync(TestContext.Current.CancellationToken)).Status);
    }

    private static async Task<string> RunAsync(OciHost host, string script)
    {
        Requires.Program("git");
        Assert.True(ImageReference.TryParse("rootfs:/", null, out var reference, out _));
        var image = await host.Engine.PullAsync(reference, new PullOptions(), null, TestContext.Current.CancellationToken);
        await using var group = await host.Engine.CreateGroupAsync(new GroupSpec { Id = $"test-{Guid.CreateVersion7():N}", Owner = "tests" }, TestContext.Current.CancellationToken);
        var output = new OutputRecorder();
        var spec = new ContainerSpec { Name = "step", Image = image, Entrypoint = ["/bin/sh", "-c", script] };
        var exit = await group.RunAsync(await group.PrepareAsync(spec, TestContext.Current.CancellationToken), StartSpec.AsPrepared, output, TestContext.Current.CancellationToken);
        Assert.True(exit is ContainerExit.Exited(0), $"{exit}: {output.Out}{output.Error}");
        return output.Out.TrimEnd('\n');
    }
}
