using BuildRunner.Cli.Output;
using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;

namespace BuildRunner.Cli.Tests.Output;

/// <summary>What the live view shows at a moment, as ux.md B.3.3 draws it.</summary>
public sealed class Live_frame
{
    private static readonly DateTimeOffset Start = new(2027, 3, 1, 10, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Finished_steps_are_one_line_running_ones_have_a_window_waiting_ones_say_for_what()
    {
        var rows = Rows();
        Assert.Equal(
            """
            buildrunner run · ci.yml · push main 3f9c2e1                             00:41
            ✓ clone    alpine/git         0.8s
            ✓ restore  dotnet/sdk:10.0   12.4s   image 3.1s
            ● build    dotnet/sdk:10.0   24.0s
              │   Shop.Core -> bin/Release/net10.0/Shop.Core.dll
              │   Shop.Api -> bin/Release/net10.0/Shop.Api.dll
            ● lint     node:22           17.2s
              │ src/app.ts  812 files checked
            ○ test     waits for build
            – deploy   skipped: branch is not release/*
                                                     ctrl-c cancels · 2 running, 1 waiting
            """,
            Draw(rows, 78, 30));
    }

    [Fact]
    public void The_last_form_has_no_windows_and_no_footer()
    {
        var rows = Rows();
        rows[2].Phase = Done(new Outcome.Success(), 24);
        rows[2].Last = Attempt(24);
        rows[3].Phase = Done(new Outcome.Failure(new FailureReason.ExitCode(1)), 31.7);
        rows[3].Last = Attempt(31.7);
        rows[4].Phase = Done(new Outcome.Skipped("'lint' ended with failure"), 0);
        Assert.Equal(
            """
            buildrunner run · ci.yml · push main 3f9c2e1                             00:41
            ✓ clone    alpine/git         0.8s
            ✓ restore  dotnet/sdk:10.0   12.4s   image 3.1s
            ✓ build    dotnet/sdk:10.0   24.0s
            ✗ lint     node:22           31.7s   exit 1
            – test     skipped: 'lint' ended with failure
            – deploy   skipped: branch is not release/*
            """,
            Draw(rows, 78, 30, ended: true));
    }

    [Theory]
    [InlineData(20, 10)]
    [InlineData(40, 6)]
    [InlineData(78, 9)]
    [InlineData(200, 60)]
    public void It_fits_every_terminal(int width, int height)
    {
        var rows = Rows();
        rows[2].Add(new string('x', 500));
        rows[2].Add("宽字符宽字符宽字符宽字符宽字符宽字符宽字符宽字符");
        var lines = Draw(rows, width, height).Split('\n');
        Assert.True(lines.Length < height || height < 8, $"{lines.Length} lines in a terminal of {height}");
        Assert.All(lines, line => Assert.True(CellText.Width(line) <= width, $"'{line}' is wider than {width}"));
    }

    [Fact]
    public void Escape_sequences_and_tabs_of_steps_do_not_reach_the_terminal()
    {
        Assert.Equal("100% done", CellText.Plain("10%\r50%\r100% \e[31mdo\e[0mne\e[2K\e]0;title\a"u8));
        Assert.Equal("a       b", CellText.Plain("a\tb"u8));
    }

    [Fact]
    public void A_narrow_terminal_is_not_overrun()
    {
        var rows = Rows();
        rows.Add(new LiveRow("a-step-with-a-long-name-that-nobody-needs", "ci", Step("x", "registry.example:5000/team/tool:1.2.3-with-a-long-tag")) { Phase = Running(1) });
        Snapshot.Match(Draw(rows, 39, 30));
    }

    [Fact]
    public void A_wide_terminal_has_room_for_every_reason()
    {
        var rows = Rows();
        rows.Add(new LiveRow("retry", "ci", Step("retry", "alpine")) { Phase = new StepPhase.Running(2, Start, Start.AddSeconds(40), "image", null) });
        rows.Add(new LiveRow("broken", "ci", Step("broken", "alpine")) { Phase = Done(new Outcome.Error("image_not_found", "the image alpine:9 is not there"), 1), Last = Attempt(0) });
        Snapshot.Match(Draw(rows, 160, 30));
    }

    [Fact]
    public void How_far_a_pull_is_stands_where_the_reason_stands()
    {
        var rows = Rows();
        rows[3].Phase = new StepPhase.Preparing(1, Start, Start, null);
        rows[3].Pull = "image 34%, 41 MiB of 120 MiB";
        rows[4].Pull = rows[3].Pull;
        Snapshot.Match(Draw(rows, 78, 30));
    }

    [Fact]
    public void More_steps_than_lines_show_what_runs()
    {
        var rows = Enumerable.Range(0, 40).Select(i => new LiveRow($"step-{i}", "ci", Step($"step-{i}", "alpine", i == 0 ? [] : [$"step-{i - 1}"]))
        {
            Phase = i < 20 ? Done(new Outcome.Success(), i) : i == 20 ? Running(20) : new StepPhase.Waiting(),
            Last = i < 20 ? Attempt(1) : null,
        }).ToList();
        rows[20].Add("working");
        Snapshot.Match(Draw(rows, 60, 10));
    }

    [Fact]
    public void Without_unicode_everything_is_ascii()
    {
        var rows = Rows();
        rows[5].Phase = Done(new Outcome.Cancelled("x"), 0);
        rows[5].Last = Attempt(1);
        Snapshot.Match(Draw(rows, 60, 30, style: new Style(false, false)));
    }

    [Fact]
    public void Colours_are_beside_the_signs_and_never_alone() => Snapshot.Match(Draw(Rows()[2..], 60, 30, style: new Style(true, true)).Replace('\e', '^'));

    private static string Draw(IReadOnlyList<LiveRow> rows, int width, int height, bool ended = false, Style? style = null)
    {
        var title = new RunTitle(new RunId(Guid.Empty), "ci.yml", "push main 3f9c2e1", new StepLabels(new RunPlan([], new RunEvent { Kind = "push" })));
        var frame = new LiveFrame(style ?? new Style(Colour: false, Unicode: true), title, Start);
        return string.Join('\n', frame.Render(rows, Start.AddSeconds(41), width, height, ended).Select(l => l.TrimEnd()));
    }

    private static List<LiveRow> Rows()
    {
        var clone = new LiveRow("clone", "ci", Step("clone", "alpine/git")) { Phase = Done(new Outcome.Success(), 0.8), Last = Attempt(0.8) };
        var restore = new LiveRow("restore", "ci", Step("restore", "dotnet/sdk:10.0")) { Phase = Done(new Outcome.Success(), 12.4), Last = Attempt(12.4, pull: 3.1) };
        var build = new LiveRow("build", "ci", Step("build", "dotnet/sdk:10.0")) { Phase = Running(17) };
        build.Add("  Shop.Core -> bin/Release/net10.0/Shop.Core.dll");
        build.Add("  Shop.Api -> bin/Release/net10.0/Shop.Api.dll");
        var lint = new LiveRow("lint", "ci", Step("lint", "node:22")) { Phase = Running(23.8) };
        lint.Add("src/app.ts  812 files checked");
        return
        [
            clone, restore, build, lint,
            new LiveRow("test", "ci", Step("test", "dotnet/sdk:10.0", "build")),
            new LiveRow("deploy", "ci", Step("deploy", "alpine")) { Phase = Done(new Outcome.Skipped("branch is not release/*"), 0) },
        ];
    }

    private static StepPhase.Running Running(double since) => new(1, Start, Start.AddSeconds(since), "image", null);

    private static StepPhase.Done Done(Outcome outcome, double at) => new(outcome, outcome, Start.AddSeconds(at));

    private static AttemptRecord Attempt(double run, double pull = 0) =>
        new(1, new Outcome.Success(), Start, Start, "image", PhaseTimes.Zero with { Run = TimeSpan.FromSeconds(run), Pull = TimeSpan.FromSeconds(pull) });

    private static StepPlan Step(string name, string image, params string[] after) => new()
    {
        Name = name,
        Kind = StepKind.Commands,
        Image = image,
        Location = new SourceLocation("ci.yml", 1, 1),
        DependsOn = [.. after.Select(n => new PlanDependency(n))],
    };
}
