using System.Diagnostics;
using System.Text;
using BuildRunner.Agent.Steps;
using CsCheck;

namespace BuildRunner.Agent.Tests.Steps;

/// <summary>The script made of commands, run by a real shell.</summary>
public sealed class Scripts
{
    [Fact]
    public async Task Each_command_is_echoed_before_it_runs() =>
        Assert.Equal("+ echo one\none\n+ echo \"two  $((1+1))\"\ntwo  2\n", (await RunAsync("echo one", "echo \"two  $((1+1))\"")).Output);

    [Fact]
    public async Task A_command_of_several_lines_is_one_command() =>
        Assert.Equal("+ for i in 1 2; do\n>   echo $i\n> done\n1\n2\n", (await RunAsync("for i in 1 2; do\n  echo $i\ndone\n")).Output);

    [Fact]
    public async Task The_first_command_that_fails_ends_the_script_with_its_code()
    {
        var (code, output) = await RunAsync("(exit 7)", "echo never");
        Assert.Equal(7, code);
        Assert.Equal("+ (exit 7)\n", output);
    }

    [Fact]
    public async Task Commands_share_one_shell() => Assert.Equal("+ cd /tmp; x=5\n+ pwd; echo $x\n/tmp\n5\n", (await RunAsync("cd /tmp; x=5", "pwd; echo $x")).Output);

    [Fact]
    public async Task The_script_is_not_in_the_environment_of_what_it_starts() => Assert.Equal("+ echo \"<$CI_SCRIPT>\"\n<>\n", (await RunAsync("echo \"<$CI_SCRIPT>\"")).Output);

    [Fact]
    public async Task Whatever_is_in_a_command_its_echo_runs_nothing() => await Gen.String[Gen.Char["ab'\"`$\\(){};&|<>!*?~ \t%#-=\n"], 1, 30].SampleAsync(
        async text =>
        {
            // ": <<" makes a command of anything: the text is only read, so that its echo alone is under test.
            var command = $": <<'END-OF-IT'\n{text}\nEND-OF-IT";
            var (code, output) = await RunAsync(command);
            Assert.Equal(0, code);
            Assert.Equal("+ " + command.Replace("\n", "\n> ") + "\n", output);
        },
        iter: 60,
        threads: 2);

    private static async Task<(int Code, string Output)> RunAsync(params string[] commands)
    {
        var start = new ProcessStartInfo("/bin/sh", ["-e", "/dev/stdin"]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        start.Environment["CI_SCRIPT"] = "set";
        using var process = Process.Start(start)!;
        await process.StandardInput.BaseStream.WriteAsync(StepScript.Of(commands));
        process.StandardInput.Close();
        using var reader = new StreamReader(process.StandardOutput.BaseStream, Encoding.UTF8);
        var output = await reader.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, output);
    }
}
