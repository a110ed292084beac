using BuildRunner.Containers.Engine;
using Xunit;

namespace BuildRunner.Testing.Engine;

public abstract partial class EngineContract
{
    private static readonly HealthCheck Listening = new(["/bin/sh", "-c", "wget -q -O /dev/null http://localhost:8080/"], TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(5), 50, TimeSpan.Zero);

    [Fact]
    public async Task A_step_reaches_a_service_by_its_name()
    {
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host);
        var service = await group.StartServiceAsync(Server(host), new OutputRecorder(), Cancellation);
        await service.WaitUntilHealthyAsync(Cancellation);
        Assert.Equal("page", (await RunAsync(group, Shell(host, "wget -q -O - http://database:8080/"))).Text);
    }

    [Fact]
    public async Task A_step_that_was_prepared_before_a_service_started_reaches_it_too()
    {
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host);
        var output = new OutputRecorder();
        var container = await group.PrepareAsync(Shell(host, "wget -q -O - http://database:8080/"), Cancellation);
        var service = await group.StartServiceAsync(Server(host), new OutputRecorder(), Cancellation);
        await service.WaitUntilHealthyAsync(Cancellation);
        await group.RunAsync(container, StartSpec.AsPrepared, output, Cancellation);
        Assert.Equal("page\n", output.Out);
    }

    [Fact]
    public async Task A_service_of_another_group_cannot_be_reached()
    {
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host);
        await using var other = await CreateGroupAsync(host);
        var service = await group.StartServiceAsync(Server(host), new OutputRecorder(), Cancellation);
        await service.WaitUntilHealthyAsync(Cancellation);
        var address = (await RunAsync(group, Shell(host, "getent hosts database 2>/dev/null || grep database /etc/hosts"))).Text.Split(['\t', ' '])[0];
        var ask = $"timeout 20 wget -q -O - http://{address}:8080/";
        Assert.Equal("page", (await RunAsync(group, Shell(host, ask))).Text);
        Assert.NotEqual(0, (await RunAsync(other, Shell(host, ask))).Exit.Status);
    }

    [Fact]
    public async Task A_service_whose_health_check_fails_is_reported()
    {
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host);
        var check = new HealthCheck(["/bin/false"], TimeSpan.FromMilliseconds(50), TimeSpan.FromSeconds(5), 3, TimeSpan.Zero);
        var service = await group.StartServiceAsync(Shell(host, "sleep 600", "database") with { HealthCheck = check }, new OutputRecorder(), Cancellation);
        var error = await Assert.ThrowsAsync<ContainerException>(() => service.WaitUntilHealthyAsync(Cancellation));
        Assert.Equal(ContainerFailure.Unhealthy, error.Reason);
        Assert.Contains("database", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_health_check_that_hangs_counts_as_failed()
    {
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host);
        var check = new HealthCheck(["/bin/sleep", "600"], TimeSpan.FromMilliseconds(50), TimeSpan.FromMilliseconds(100), 2, TimeSpan.Zero);
        var service = await group.StartServiceAsync(Shell(host, "sleep 600", "database") with { HealthCheck = check }, new OutputRecorder(), Cancellation);
        await Assert.ThrowsAsync<ContainerException>(() => service.WaitUntilHealthyAsync(Cancellation));
    }

    [Fact]
    public async Task A_service_that_ends_while_it_is_waited_for_is_reported()
    {
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host);
        var check = new HealthCheck(["/bin/false"], TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(5), 100, TimeSpan.Zero);
        var service = await group.StartServiceAsync(Shell(host, "sleep 0.3; exit 5", "database") with { HealthCheck = check }, new OutputRecorder(), Cancellation);
        var error = await Assert.ThrowsAsync<ContainerException>(() => service.WaitUntilHealthyAsync(Cancellation));
        Assert.Equal(ContainerFailure.Unhealthy, error.Reason);
        Assert.Equal(new ContainerExit.Exited(5), await service.Exited);
    }

    [Fact]
    public async Task A_service_that_is_disposed_gets_the_stop_signal()
    {
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host);
        var output = new OutputRecorder();
        var service = await group.StartServiceAsync(Shell(host, "trap 'echo bye; exit 0' TERM; echo up; while true; do sleep 0.1; done"), output, Cancellation);
        await output.Contains("up\n");
        await service.DisposeAsync();
        Assert.Equal("up\nbye\n", output.Out);

        // Whatever is asked of one that is gone with its group does no harm: leases and ends come from several sides.
        await group.DisposeAsync();
        await service.ExtendAsync(TimeSpan.FromSeconds(10));
        await service.DisposeAsync();
        Assert.Equal("up\nbye\n", output.Out);
    }

    [Fact]
    public async Task A_container_without_network_has_only_loopback()
    {
        await using var host = CreateHost();
        var result = await RunAloneAsync(host, "ls /sys/class/net; timeout 2 wget -q -O - http://198.51.100.1/ || echo unreachable", s => s with { Network = NetworkMode.None });
        Assert.Equal("lo\nunreachable", result.Text);
    }

    [Fact]
    public async Task Hosts_and_name_servers_of_the_specification_are_used()
    {
        await using var host = CreateHost();
        var result = await RunAloneAsync(host, "grep elsewhere /etc/hosts; cat /etc/resolv.conf", s => s with
        {
            ExtraHosts = ["elsewhere:192.0.2.7", "elsewhere-6:2001:db8:1:2:3:4:5:6"],
            Dns = ["192.0.2.53"],
            DnsSearch = ["example.test"],
        });
        Assert.Equal("192.0.2.7\telsewhere\n2001:db8:1:2:3:4:5:6\telsewhere-6\nsearch example.test\nnameserver 192.0.2.53", result.Text);
    }

    private static ContainerSpec Server(IEngineHost host) =>
        Shell(host, "mkdir -p /srv && echo page > /srv/index.html && exec httpd -f -p 8080 -h /srv", "database") with { HealthCheck = Listening };
}
