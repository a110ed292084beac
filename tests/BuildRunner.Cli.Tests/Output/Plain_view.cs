using System.Text;
using BuildRunner.Cli.Output;
using BuildRunner.Core.Logs;
using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;
using Microsoft.Extensions.Time.Testing;

namespace BuildRunner.Cli.Tests.Output;

public sealed class Plain_view : IAsyncDisposable
{
    private readonly FakeTimeProvider time = new();
    private readonly MemoryStream stream = new();
    private readonly PlainView view;

    public Plain_view()
    {
        var step = new StepPlan { Name = "a", Kind = StepKind.Commands, Image = "alpine", Location = new SourceLocation("ci.yml", 1, 1) };
        var plan = new RunPlan([new WorkflowPlan { Name = "ci", File = "ci.yml", WorkspaceBase = "/w", WorkspaceTree = "/w", Steps = [step] }], new RunEvent { Kind = "push" });
        var title = new RunTitle(new RunId(Guid.Empty), "ci.yml", "push", new StepLabels(plan));
        view = new PlainView(stream, new Style(false, true), title, plan, new Timestamps(TimestampMode.None, time.GetUtcNow(), TimeZoneInfo.Utc), time);
    }

    public async ValueTask DisposeAsync()
    {
        await view.DisposeAsync();
        stream.Dispose();
    }

    [Fact]
    public void A_step_that_is_silent_says_once_a_minute_that_it_still_runs()
    {
        view.Show(new RunProgress.StepStarted("ci", "a", 1, null), null!);
        time.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal("a │ start\n", Written());
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("a │ start\na │ still running, 1m 00s\n", Written());
        time.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal(2, Written().Count(c => c == '\n'));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.EndsWith("a │ still running, 2m 00s\n", Written(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Output_breaks_the_silence()
    {
        view.Show(new RunProgress.StepStarted("ci", "a", 1, null), null!);
        time.Advance(TimeSpan.FromSeconds(50));
        await WriteAsync("working");
        time.Advance(TimeSpan.FromSeconds(50));
        Assert.DoesNotContain("still running", Written());
    }

    [Theory]
    [InlineData("10%\r20%\r100%", "100%")]
    [InlineData("cursor \e[2A\e[Jup", "cursor up")]
    [InlineData("\e[32mgreen\e[0m", "green")]
    [InlineData("\e]8;;http://x\e\\link\e]8;;\e\\", "link")]
    [InlineData("bell\a and \bback", "bell and back")]
    [InlineData("tab\tstays", "tab\tstays")]
    [InlineData("cut off \e[3", "cut off ")]
    public async Task What_would_move_the_cursor_is_left_out(string line, string shown)
    {
        await WriteAsync(line);
        Assert.Equal($"a │ {shown}\n", Written());
    }

    private ValueTask WriteAsync(string line) => view.WriteAsync(
        new LogLine("ci", "a", 1, 1, LogStream.Out, time.GetUtcNow(), Encoding.UTF8.GetBytes(line)),
        TestContext.Current.CancellationToken);

    private string Written() => Encoding.UTF8.GetString(stream.ToArray());
}
