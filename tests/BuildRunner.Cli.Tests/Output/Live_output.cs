using System.Text.RegularExpressions;

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
