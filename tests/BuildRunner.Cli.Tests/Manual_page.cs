using System.Diagnostics;
using BuildRunner.Testing;

namespace BuildRunner.Cli.Tests;

public sealed class Manual_page
{
    [Fact]
    public async Task Every_verb_and_flag_is_in_it()
    {
        using var cli = new TestCli();
        Assert.Equal(0, await cli.RunAsync("man"));
        foreach (var flag in new[] { @"\-\-in\-place", @"\-\-timestamps", @"\-\-format", @"\-\-expanded", @"\-\-origin" })
        {
            Assert.Contains($@"\fB{flag}\fR", cli.Output);
        }

        foreach (var verb in new[] { "run [FILE]", "lint [FILE]", "image pull IMAGE", "config show", "completion SHELL" })
        {
            Assert.Contains($".SS \"buildrunner {verb}\"\n", cli.Output);
        }
    }

    [Fact]
    public async Task A_formatter_has_nothing_to_say_about_it()
    {
        Requires.Program("mandoc");
        using var cli = new TestCli();
        await cli.RunAsync("man");
        using var mandoc = Process.Start(new ProcessStartInfo("mandoc", ["-Tlint", "-Wwarning"]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
        await mandoc.StandardInput.WriteAsync(cli.Output);
        mandoc.StandardInput.Close();
        var said = await mandoc.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken) + await mandoc.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);

        // The same program gives the same page on any day.
        Assert.DoesNotContain(said.Split('\n'), l => l.Length > 0 && !l.Contains("missing date", StringComparison.Ordinal));
    }
}
