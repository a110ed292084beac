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
        Assert.NotEmpty(ProcessesNamed(marker));

        running.Signal(Kill);

        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (ProcessesNamed(marker).Count > 0)
        {
            await Task.Delay(50, deadline.Token);
        }
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
