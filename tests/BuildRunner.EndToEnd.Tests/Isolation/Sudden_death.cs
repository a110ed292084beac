namespace BuildRunner.EndToEnd.Tests.Isolation;

/// <summary>KILL for BuildRunner, for what stands beside a container, for what holds the workflow, and for all of them.</summary>
public sealed class Sudden_death
{
    private const int Kill = 9;

    // It ignores TERM and has a daemon that has left its session.
    private const string Stubborn = Sandboxed.Reveal + """

        trap '' TERM INT HUP
        setsid -f sh -c 'trap "" TERM HUP; while :; do sleep 600; done' > /dev/null 2>&1
        head -c 5000000 /dev/zero > /opt/written; head -c 5000000 /dev/zero > written; echo begun
        while :; do sleep 600; done
        """;

    [Theory]
    [InlineData("")]
    [InlineData("    backend_options: {docker: {user: '1234'}}")]
    public async Task Of_the_runner_ends_its_containers_and_leaves_nothing(string more)
    {
        using var host = new Sandboxed();
        await using var running = host.Start(Sandboxed.Pipeline(Sandboxed.Step("one", Stubborn.Replace("/opt/", "/tmp/", StringComparison.Ordinal), more: more)));
        await LearnAsync(host, running);

        running.Signal(Kill);
        await running.EndAsync(TimeSpan.FromSeconds(20));

        await host.NothingIsLeftAsync(folders: false);
        await host.RunAsync(Sandboxed.Pipeline(Sandboxed.Step("next", "true")));
        await host.NothingIsLeftAsync();
    }

    [Fact]
    public async Task Of_what_stands_beside_the_container_ends_the_step()
    {
        using var host = new Sandboxed();
        await using var running = host.Start(Sandboxed.Pipeline(Sandboxed.Step("one", Stubborn)));
        await LearnAsync(host, running);

        KillHelpers(running, "shim");
        var run = await running.EndAsync(TimeSpan.FromSeconds(30));

        Assert.NotEqual(0, run.Code);
        Assert.Contains("ended unexpectedly", run.Error);
        await host.NothingIsLeftAsync();
    }

    [Fact]
    public async Task Of_what_stands_beside_a_service_is_told_and_the_run_is_summed_up()
    {
        using var host = new Sandboxed();
        var service = "services:\n" + Sandboxed.Step("svc", "echo serving; sleep 600");
        await using var running = host.Start(service + Sandboxed.Pipeline(Sandboxed.Step("one", Sandboxed.Reveal + "\necho begun; while [ ! -e go ]; do sleep 0.1; done")), "--in-place");
        await LearnAsync(host, running);
        await running.SeesAsync("│ serving");

        var shims = Processes.ChildrenOf(running.Id).Where(p => Processes.CommandOf(p).EndsWith(" shim", StringComparison.Ordinal)).Order().ToList();
        Release.Kill(shims[0], Kill);
        File.WriteAllText(host["go"], "");
        var run = await running.EndAsync(TimeSpan.FromSeconds(30));

        Assert.Contains("passed in", run.Error);
        await host.NothingIsLeftAsync();
    }

    [Fact]
    public async Task Of_everything_at_once_is_cleaned_up_by_the_next_run()
    {
        using var host = new Sandboxed();
        await using (var running = host.Start(Sandboxed.Pipeline(Sandboxed.Step("one", Stubborn))))
        {
            await LearnAsync(host, running);
            var helpers = Processes.ChildrenOf(running.Id).ToList();
            running.Signal(19);
            helpers.ForEach(h => Assert.Equal(0, Release.Kill(h, Kill)));
            running.Signal(Kill);
            await running.EndAsync(TimeSpan.FromSeconds(20));
        }

        var next = await host.RunAsync(Sandboxed.Pipeline(Sandboxed.Step("one", Sandboxed.Reveal)));

        Assert.True(next.Code == 0, next.All);
        await host.NothingIsLeftAsync();
    }

    private static async Task LearnAsync(Sandboxed host, Running running)
    {
        host.Learn($"│ group {await running.FindAsync(@"│ group (\S+) of")} of\n│ {await running.FindAsync(@"│ (ids \d+ \d+)\n")}\n");
        await running.SeesAsync("│ begun");
        host.LearnDevices(running.Id);
    }

    private static void KillHelpers(Running running, string verb)
    {
        foreach (var process in Processes.ChildrenOf(running.Id).Where(p => Processes.CommandOf(p).EndsWith(" " + verb, StringComparison.Ordinal)))
        {
            Assert.Equal(0, Release.Kill(process, Kill));
        }
    }
}
