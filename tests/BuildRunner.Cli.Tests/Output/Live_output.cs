using System.Text.RegularExpressions;
using BuildRunner.Cli.Output;
using BuildRunner.Core.Logs;
using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;
using Microsoft.Extensions.Time.Testing;

namespace BuildRunner.Cli.Tests.Output;

public sealed partial class Live_output
{
    [Fact]
    public async Task The_last_form_and_the_summary_stay_in_the_scrollback()
    {
        using var cli = new TestCli(("ci.yml", "steps:\n  - name: a\n    image: alpine\n    commands: [make]\n  - name: b\n    image: alpine\n    commands: [x]\n    environment: { STEP_EXIT_CODE: '2' }\n"))
        {
            Terminal = new TerminalFacts(true, true, () => 60, () => 30),
        };
        Assert.Equal(1, await cli.RunAsync("run", "--engine", "dummy", "--color", "never", "ci.yml"));
        var last = Controls().Replace(cli.Error.Split("\e[J")[^2], "");
        Assert.Equal(
            """
            buildrunner run · ci.yml · push main                  00:00
            ✓ a  alpine    0.0s
            ✗ b  alpine    0.0s   exit 2

            """,
            string.Join('\n', last.Split('\n').Select(l => l.TrimEnd())));
        Assert.EndsWith("✗ failed in 0.0s · 1 passed · 1 failed\n  full log   buildrunner logs @latest b\n", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_terminal_that_was_made_narrower_is_cleared_of_the_lines_that_it_broke()
    {
        var width = 80;
        var time = new FakeTimeProvider();
        using var stream = new MemoryStream();
        var step = new StepPlan { Name = "a", Kind = StepKind.Commands, Image = "alpine", Location = new SourceLocation("ci.yml", 1, 1) };
        var plan = new RunPlan([new WorkflowPlan { Name = "ci", File = "ci.yml", WorkspaceBase = "/w", WorkspaceTree = "/w", Steps = [step] }], new RunEvent { Kind = "push" });
        var title = new RunTitle(new RunId(Guid.Empty), "ci.yml", "push", new StepLabels(plan));
        await using (var view = new LiveView(stream, new Style(true, true), title, plan, new TerminalFacts(true, true, () => width, () => 24), time))
        {
            await view.WriteAsync(new LogLine("ci", "a", 1, 1, LogStream.Out, time.GetUtcNow(), "x"u8.ToArray()), TestContext.Current.CancellationToken);
            time.Advance(TimeSpan.FromMilliseconds(100));
            width = 40;
            await view.WriteAsync(new LogLine("ci", "a", 1, 2, LogStream.Out, time.GetUtcNow(), "y"u8.ToArray()), TestContext.Current.CancellationToken);
            time.Advance(TimeSpan.FromMilliseconds(100));
        }

        // Head, step and foot: three lines of which two were as wide as the terminal.
        Assert.Equal(["\e[3A", "\e[5A", "\e[3A"], Regex.Matches(System.Text.Encoding.UTF8.GetString(stream.ToArray()), @"\e\[\d+A").Select(m => m.Value));
    }

    [Fact]
    public async Task A_dumb_terminal_gets_plain_lines()
    {
        using var cli = new TestCli(("ci.yml", "steps:\n  - name: a\n    image: alpine\n    commands: [make]\n"))
        {
            Terminal = new TerminalFacts(true, true, () => 60, () => 30),
        };
        cli.Environment["TERM"] = "dumb";
        await cli.RunAsync("run", "--engine", "dummy", "ci.yml");
        Assert.StartsWith("a │ start alpine:latest\n", cli.Error, StringComparison.Ordinal);
    }

    [GeneratedRegex(@"\r|\e\[[0-9?;]*[A-Za-z]")]
    private static partial Regex Controls();
}
