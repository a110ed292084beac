using BuildRunner.Containers.Engine;
using Xunit;

namespace BuildRunner.Testing.Engine;

public abstract partial class EngineContract
{
    private const string Open = "exec 3<>/dev/given/it && echo opened";

    // No container has one, and to open one does nothing.
    private static readonly string[] Known = ["/dev/fuse", "/dev/loop-control", "/dev/net/tun"];

    /// <summary>True: a step that is not root may open its devices, whomever they belong to on the host.</summary>
    protected virtual bool GivesDevicesToUsers => true;

    private static string DeviceOfHost()
    {
        var device = Known.FirstOrDefault(MayOpen);
        Requires.That(device is not null, $"one of {string.Join(", ", Known)}, which this user may open");
        return device!;
    }

    private static bool MayOpen(string path)
    {
        try
        {
            using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
            return true;
        }
        catch (Exception closed) when (closed is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    [Fact]
    public async Task A_device_is_there_for_the_step_that_was_given_it_and_for_nobody_else()
    {
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host);
        HostDevice[] devices = [new(DeviceOfHost(), "/dev/given/it")];
        const string Others = "ls -d /dev/given /dev/fuse /dev/loop-control /dev/net /dev/kvm /dev/kmsg 2>/dev/null | xargs";
        var service = new OutputRecorder();
        await group.StartServiceAsync(Shell(host, $"{Others}; echo up; sleep 600", "service"), service, Cancellation);
        Assert.Equal("/dev/given\nopened", (await RunAsync(group, Shell(host, $"{Others}; {Open}") with { Devices = devices })).Text);
        if (GivesDevicesToUsers)
        {
            Assert.Equal("opened", (await RunAsync(group, Shell(host, Open) with { Devices = devices, User = "builder" })).Text);
        }

        Assert.Equal("", (await RunAsync(group, Shell(host, Others))).Text);
        await service.Contains("up\n");
        Assert.Equal("\nup\n", service.Out);
    }

    [Fact]
    public async Task A_device_for_reading_cannot_be_written_to()
    {
        NeedsLimits();
        await using var host = CreateHost();
        var result = await RunAloneAsync(
            host,
            "exec 3</dev/given/it && echo read; (exec 4>/dev/given/it) 2>/dev/null || echo refused; (exec 4<>/dev/given/it) 2>/dev/null || echo refused",
            s => s with { Devices = [new HostDevice(DeviceOfHost(), "/dev/given/it", "r")] });
        Assert.Equal("read\nrefused\nrefused", result.Text);
    }

    [Fact]
    public async Task A_device_that_is_not_there_or_is_none_is_an_error_that_names_it()
    {
        await using var host = CreateHost();
        await File.WriteAllTextAsync(host.Folder["file"], "no device", Cancellation);
        await using var group = await CreateGroupAsync(host);
        foreach (var path in new[] { "/dev/there-is-none", host.Folder["file"] })
        {
            var refused = await Assert.ThrowsAsync<ContainerException>(() => RunAsync(group, Shell(host, "echo ran") with { Devices = [new HostDevice(path, "/dev/given/it")] }));
            Assert.True(refused.Reason == ContainerFailure.InvalidSpec, refused.Message);
            Assert.Contains(path, refused.Message, StringComparison.Ordinal);
        }
    }
}
