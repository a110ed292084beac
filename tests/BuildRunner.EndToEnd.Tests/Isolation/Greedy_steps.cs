using System.Globalization;

namespace BuildRunner.EndToEnd.Tests.Isolation;

/// <summary>Steps that want everything: processes, output, time.</summary>
public sealed class Greedy_steps
{
    [Fact]
    public async Task A_fork_bomb_hits_its_limit_and_is_gone_in_time()
    {
        using var host = new Sandboxed();
        var bomb = Sandboxed.Reveal + "\nperl -e '$SIG{TERM} = \"IGNORE\"; while (1) { my $p = fork; select undef, undef, undef, 0.2 unless defined $p; if (defined $p && $p == 0) { sleep 600 while 1 } }'";

        var run = await host.RunAsync(Sandboxed.Pipeline(Sandboxed.Step("one", bomb, more: "    timeout: 2s\n    resources: {pids: 100}")));

        Assert.Equal(124, run.Code);
        await host.NothingIsLeftAsync();
    }

    [Fact]
    public async Task A_step_that_fills_the_disk_hits_its_workflows_limit_which_is_named()
    {
        using var host = new Sandboxed();
        var run = await host.RunAsync("resources: {disk: 64m}\n" + Sandboxed.Pipeline(Sandboxed.Step("one", Sandboxed.Reveal + "\nhead -c 200000000 /dev/zero > large")));

        Assert.Equal(1, run.Code);
        Assert.Contains("No space left on device", run.Error, StringComparison.Ordinal);
        Assert.Contains("exit 1; the workflow's disk limit of 64 MiB was reached", run.Error, StringComparison.Ordinal);
        await host.NothingIsLeftAsync();
    }

    [Fact]
    public async Task Output_without_line_feeds_passes_in_pieces_and_little_memory()
    {
        using var host = new Sandboxed();
        const int megabytes = 64;

        await using var running = host.Start(Sandboxed.Pipeline(Sandboxed.Step("one", $"{Sandboxed.Reveal}\nhead -c {megabytes << 20} /dev/zero | tr '\\0' x; echo begun; while [ ! -e go ]; do sleep 0.1; done")), "--in-place");
        await running.SeesAsync("begun");
        var peak = File.ReadAllLines($"/proc/{running.Id}/status").First(l => l.StartsWith("VmHWM:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        File.WriteAllText(host["go"], "");
        var run = await running.EndAsync(TimeSpan.FromSeconds(60));
        host.Learn(run.Error);

        Assert.True(run.Code == 0, run.All[^2000..]);
        Assert.InRange(run.Error.Count(c => c == 'x'), megabytes << 20, (megabytes << 20) + 1000);
        Assert.InRange(int.Parse(peak[^2], CultureInfo.InvariantCulture), 0, 300 * 1024);
        await host.NothingIsLeftAsync();
    }

    [Fact]
    public async Task A_step_that_fills_its_outputs_file_without_end_is_ended_whatever_it_does_about_it()
    {
        using var host = new Sandboxed();
        var fill = Sandboxed.Reveal + "\ntrap '' TERM\nwhile :; do head -c 100000 /dev/zero; done > \"$CI_OUTPUT\"";
        var run = await host.RunAsync(Sandboxed.Pipeline(Sandboxed.Step("one", fill), Sandboxed.Step("two", "echo not reached")));

        Assert.Equal(5, run.Code);
        Assert.Contains("the step was ended because its file $CI_OUTPUT had grown to", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("two │ not reached", run.Error, StringComparison.Ordinal);
        await host.NothingIsLeftAsync();
    }

    [Fact]
    public async Task Closed_output_does_not_end_a_step_and_a_kept_one_does_not_hold_it()
    {
        using var host = new Sandboxed();
        var run = await host.RunAsync(Sandboxed.Pipeline(
            Sandboxed.Step("one", Sandboxed.Reveal + "\nexec > /dev/null 2>&1; sleep 0.3; echo still > still"),
            Sandboxed.Step("two", "cat still; setsid -f sh -c 'while :; do echo noise; sleep 0.05; done'; echo bye")));

        Assert.True(run.Code == 0, run.All);
        Assert.Contains("two │ still\n", run.Error);
        Assert.Contains("two │ bye\n", run.Error);
        await host.NothingIsLeftAsync();
    }

    // The end of a step's pipe that it writes to is handed to a service, over a socket in the workspace.
    [Fact]
    public async Task Output_that_was_given_away_does_not_keep_a_step_from_ending()
    {
        using var host = new Sandboxed();
        const string take = """
            /usr/bin/python3 -c '
            import socket, array, os
            s = socket.socket(socket.AF_UNIX); s.bind("socket"); s.listen(1); os.chmod("socket", 0o777)
            c, _ = s.accept()
            _, fds, _, _ = socket.recv_fds(c, 1, 1)
            while True: os.write(fds[0], b"noise\n" * 1000)' || true
            """;
        const string give = """
            while [ ! -e socket ]; do sleep 0.1; done
            /usr/bin/python3 -c '
            import socket
            s = socket.socket(socket.AF_UNIX); s.connect("socket"); socket.send_fds(s, [b"x"], [1])'
            sleep 0.3
            """;
        Testing.Requires.Path("/usr/bin/python3");

        var run = await host.RunAsync("services:\n" + Sandboxed.Step("svc", take) + Sandboxed.Pipeline(Sandboxed.Step("one", Sandboxed.Reveal + "\n" + give)));

        Assert.True(run.Code == 0, run.All[^Math.Min(2000, run.All.Length)..]);
        await host.NothingIsLeftAsync();
    }

    [Fact]
    public async Task A_full_hosts_file_does_not_keep_anything_from_being_removed()
    {
        using var host = new Sandboxed();
        var run = await host.RunAsync(Sandboxed.Pipeline(Sandboxed.Step("one", Sandboxed.Reveal + "\ncat /dev/zero > /etc/hosts || true; head -c 70000000 /dev/zero > /dev/x || true")));
        Assert.True(run.Code == 0, run.All);
        await host.NothingIsLeftAsync();
    }

    [Fact]
    public async Task Two_runs_at_once_do_not_meet()
    {
        using var one = new Sandboxed();
        using var two = new Sandboxed();
        static string Script(string mine, string other) => $"{Sandboxed.Reveal}\necho x > /tmp/{mine}; touch {mine}; set +e; sleep 0.5; ls /tmp/{other} {other} 2>/dev/null; echo end";

        var runs = await Task.WhenAll(
            one.RunAsync(Sandboxed.Pipeline(Sandboxed.Step("one", Script("first", "second")))),
            two.RunAsync(Sandboxed.Pipeline(Sandboxed.Step("two", Script("second", "first")))));

        Assert.All(runs, r => Assert.True(r.Code == 0, r.All));
        Assert.DoesNotContain("│ /tmp/", runs[0].Error + runs[1].Error);
        Assert.NotEqual(IdsOf(runs[0]), IdsOf(runs[1]));
        await one.NothingIsLeftAsync();
        await two.NothingIsLeftAsync();
    }

    private static string IdsOf(Finished run) => run.Error.Split('\n').First(l => l.Contains("│ ids ", StringComparison.Ordinal)).Split('│')[1];
}
