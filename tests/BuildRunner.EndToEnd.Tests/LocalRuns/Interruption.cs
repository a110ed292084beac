namespace BuildRunner.EndToEnd.Tests.LocalRuns;

/// <summary>Signals and sudden death: nothing runs on, nothing is left.</summary>
public sealed class Interruption
{
    private const int Interrupt = 2, Kill = 9, Terminate = 15;

    private static Tree NewTree(string marker) => new(("ci.yml", $"""
        steps:
          - name: long
            image: rootfs:/
            commands:
              - echo started-{marker}
              - perl -e '$0 = "{marker}"; sleep 600'
        """));

    [Theory]
    [InlineData(Interrupt, 130)]
    [InlineData(Terminate, 143)]
    public async Task A_signal_cancels_the_run_and_cleans_up(int signal, int code)
    {
        var marker = NewMarker();
        using var tree = NewTree(marker);
        await using var running = Release.Start(tree.Path, "run", "ci.yml");
        await running.SeesAsync($"│ started-{marker}");

        running.Signal(signal);
        var run = await running.EndAsync(TimeSpan.FromSeconds(40));

        Assert.Equal(code, run.Code);
        Assert.Contains("cancelled", run.Error);
        Assert.Empty(ProcessesNamed(marker));
    }

    [Fact]
    public async Task A_killed_run_leaves_no_process_behind()
    {
        var marker = NewMarker();
        using var tree = NewTree(marker);
        await using var running = Release.Start(tree.Path, "run", "ci.yml");
        await running.SeesAsync($"│ started-{marker}");
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (ProcessesNamed(marker).Count == 0)
        {
            // It names itself only when it has begun.
            await Task.Delay(50, deadline.Token);
        }

        running.Signal(Kill);
        while (ProcessesNamed(marker).Count > 0)
        {
            await Task.Delay(50, deadline.Token);
        }
    }

    [Fact]
    public async Task The_next_run_removes_what_a_killed_run_left()
    {
        var marker = NewMarker();
        using var tree = NewTree(marker);
        // Containers' roots lie in it: every folder above must be open to all, which temporary ones are not.
        var state = Directory.CreateDirectory($"/run/buildrunner-{marker}").FullName;
        var environment = new Dictionary<string, string?> { ["BUILDRUNNER_ENGINE__STATEDIR"] = state };
        await using (var killed = Release.Start(tree.Path, environment, "run", "ci.yml"))
        {
            await killed.SeesAsync($"│ started-{marker}");
            killed.Signal(Kill);
            await killed.EndAsync(TimeSpan.FromSeconds(30));
        }

        using var next = new Tree(("ci.yml", "steps:\n  - name: a\n    image: rootfs:/\n    commands: [\"true\"]\n"));
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        do
        {
            // The holder of the killed run may live for a moment yet; what it has locked is its own until then.
            await using var running = Release.Start(next.Path, environment, "run", "ci.yml");
            var run = await running.EndAsync(TimeSpan.FromMinutes(1));
            Assert.True(run.Code == 0, run.All);
        }
        while (!deadline.IsCancellationRequested && Directory.GetFileSystemEntries(Path.Combine(state, "groups")).Length > 0);

        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(state, "groups")));
        Directory.Delete(state, recursive: true);
    }

    private static string NewMarker() => "e2e" + Guid.NewGuid().ToString("N")[..10];

    private static List<string> ProcessesNamed(string marker)
    {
        List<string> found = [];
        foreach (var process in Directory.GetDirectories("/proc").Where(p => int.TryParse(Path.GetFileName(p), out _)))
        {
            try
            {
                if (File.ReadAllText(Path.Combine(process, "cmdline")).StartsWith(marker, StringComparison.Ordinal))
                {
                    found.Add(process);
                }
            }
            catch (IOException)
            {
                // It ended while we looked.
            }
        }

        return found;
    }
}
