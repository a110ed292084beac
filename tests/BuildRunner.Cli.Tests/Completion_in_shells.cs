using System.Diagnostics;
using System.Text;
using BuildRunner.Testing;

namespace BuildRunner.Cli.Tests;

/// <summary>The completion scripts in the shells that they are for.</summary>
public sealed class Completion_in_shells
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Bash_is_offered_verbs_flags_and_values()
    {
        Requires.Program("bash");
        Assert.Equal(["run"], await BashAsync("buildrunner ru"));
        Assert.Equal(["--in-place"], await BashAsync("buildrunner run --in-pla"));
        Assert.Equal(["github", "json", "sarif", "text"], (await BashAsync("buildrunner lint --format ")).Order());
        Assert.Equal(["show"], await BashAsync("buildrunner config sh"));
    }

    [Fact]
    public async Task Fish_is_offered_verbs_flags_and_values()
    {
        Requires.Program("fish");
        Assert.Contains("run", await FishAsync("buildrunner ru"));
        Assert.Contains("--in-place", await FishAsync("buildrunner run --in-pla"));
        Assert.Contains("sarif", await FishAsync("buildrunner lint --format sa"));
    }

    [Theory]
    [InlineData("bash", "bash --norc -i", "eval \"$(buildrunner completion bash)\"")]
    [InlineData("zsh", "zsh -f -i", "autoload -Uz compinit; compinit -u -D; eval \"$(buildrunner completion zsh)\"")]
    public async Task The_tabulator_finishes_the_word_that_was_begun(string shell, string start, string load)
    {
        Requires.Program(shell, "script");
        var info = CliProcess.Info("script", ["-qfec", start, "/dev/null"], "/");
        info.Environment["TERM"] = "dumb";
        using var process = Process.Start(info)!;
        try
        {
            await TypeAsync(process, $"PS1=; {load}; echo loaded-$((20+22))\n");
            Assert.Contains("loaded-42", await UntilAsync(process, "loaded-42"));
            await TypeAsync(process, "buildrunner versi\t\n");
            Assert.Contains("buildrunner 0.", await UntilAsync(process, "buildrunner 0."));
        }
        finally
        {
            process.Kill(entireProcessTree: true);
        }
    }

    private static async Task TypeAsync(Process process, string text)
    {
        await process.StandardInput.WriteAsync(text);
        await process.StandardInput.FlushAsync(TestContext.Current.CancellationToken);
    }

    // What is typed is shown too, but never looks like what is waited for.
    private static async Task<string> UntilAsync(Process process, string text)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Patience);
        var (seen, buffer) = (new StringBuilder(), new char[4096]);
        while (!seen.ToString().Contains(text, StringComparison.Ordinal) && await process.StandardOutput.ReadAsync(buffer, limit.Token) is > 0 and var read)
        {
            seen.Append(buffer, 0, read);
        }

        return seen.ToString();
    }

    private static Task<string[]> BashAsync(string line) => LinesAsync(
        "bash",
        ["--norc", "-c", """eval "$(buildrunner completion bash)"; COMP_LINE=$1 COMP_POINT=${#1}; _buildrunner; printf '%s\n' "${COMPREPLY[@]}" """, "bash", line]);

    private static Task<string[]> FishAsync(string line) => LinesAsync("fish", ["--no-config", "-c", "buildrunner completion fish | source; complete -C $argv[1]", line]);

    private static async Task<string[]> LinesAsync(string program, string[] arguments)
    {
        var (code, output, error) = await CliProcess.RunAsync(CliProcess.Info(program, arguments, "/"), TestContext.Current.CancellationToken);
        Assert.True(code == 0, error);
        return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.Split('\t')[0]).Where(l => !l.StartsWith('-') || l.StartsWith("--", StringComparison.Ordinal))];
    }
}
