using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Dummy;
using BuildRunner.Containers.Images;

namespace BuildRunner.Cli.Tests.Output;

/// <summary>How far pulls are, as <c>run</c> shows it.</summary>
public sealed class Pull_progress
{
    private const string Pipeline = "skip_clone: true\nsteps:\n  - { name: a, image: alpine, commands: [x] }\n  - { name: b, image: 'docker.io/library/alpine:latest', commands: [x] }\n";

    [Fact]
    public async Task Plain_says_what_is_pulled_how_far_it_is_and_how_long_it_took()
    {
        using var cli = new TestCli(("ci.yml", Pipeline));
        cli.NewEngine = (_, _) => new PullingEngine(new DummyEngine(cli.Time), progress =>
        {
            progress.Report(new PullProgress(PullPhase.Resolving, 0, 0, 0, 0));
            for (var i = 0; i <= 12; i++)
            {
                progress.Report(new PullProgress(PullPhase.Loading, 3, i / 4, i << 20, 12 << 20));
                cli.Time.Advance(TimeSpan.FromSeconds(1));
            }

            progress.Report(new PullProgress(PullPhase.Done, 3, 3, 12 << 20, 12 << 20));
        });
        Assert.Equal(0, await cli.RunAsync("run", "--engine", "dummy", "ci.yml"));
        Assert.StartsWith(
            """
            a │ pull alpine:latest, 12 MiB
            a │ image 83%, 10 MiB of 12 MiB
            a │ pulled alpine:latest in 13.0s
            a │ start
            """,
            cli.Error,
            StringComparison.Ordinal);
        Assert.Single(cli.Error.Split('\n'), l => l.Contains("pulled", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_image_that_is_here_is_not_worth_a_word()
    {
        using var cli = new TestCli(("ci.yml", Pipeline));
        cli.NewEngine = (_, _) => new PullingEngine(new DummyEngine(cli.Time), progress =>
        {
            progress.Report(new PullProgress(PullPhase.Resolving, 0, 0, 0, 0));
            progress.Report(new PullProgress(PullPhase.Done, 3, 3, 0, 0));
        });
        Assert.Equal(0, await cli.RunAsync("run", "--engine", "dummy", "ci.yml"));
        Assert.StartsWith("a │ start", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_live_view_shows_it_at_every_step_that_waits_for_the_image()
    {
        using var cli = new TestCli(("ci.yml", Pipeline)) { Terminal = new TerminalFacts(true, true, () => 80, () => 24) };
        cli.NewEngine = (_, _) => new PullingEngine(new DummyEngine(cli.Time), progress =>
        {
            progress.Report(new PullProgress(PullPhase.Loading, 3, 1, 5 << 20, 10 << 20));
            cli.Time.Advance(TimeSpan.FromMilliseconds(100));
            progress.Report(new PullProgress(PullPhase.Done, 3, 3, 10 << 20, 10 << 20));
        });
        Assert.Equal(0, await cli.RunAsync("run", "--engine", "dummy", "--color", "never", "ci.yml"));
        Assert.Contains("● a  image 50%, 5.0 MiB of 10 MiB\e[K\n\r○ b  waits for a · image 50%, 5.0 MiB of 10 MiB\e[K\n", cli.Error);
        Assert.DoesNotContain("50%", cli.Error[cli.Error.LastIndexOf("\e[J", cli.Error.Length - 1, StringComparison.Ordinal)..]);
    }

    // Reports what a test says, once.
    private sealed class PullingEngine(IContainerEngine inner, Action<IProgress<PullProgress>> pull) : IContainerEngine
    {
        public string Name => inner.Name;

        public Task<EngineReadiness> ProbeAsync(CancellationToken cancellationToken) => inner.ProbeAsync(cancellationToken);

        public Task<ResolvedImage> PullAsync(ImageReference image, PullOptions options, IProgress<PullProgress>? progress, CancellationToken cancellationToken)
        {
            pull(progress!);
            return inner.PullAsync(image, options, null, cancellationToken);
        }

        public Task<IContainerGroup> CreateGroupAsync(GroupSpec spec, CancellationToken cancellationToken) => inner.CreateGroupAsync(spec, cancellationToken);

        public Task<int> ReapAsync(string owner, CancellationToken cancellationToken) => inner.ReapAsync(owner, cancellationToken);

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
