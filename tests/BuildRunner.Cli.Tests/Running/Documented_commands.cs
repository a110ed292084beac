using System.Text.RegularExpressions;
using BuildRunner.Cli.Tests.Documents;

namespace BuildRunner.Cli.Tests.Running;

/// <summary>docs/running-locally.md: its commands run on its files, and it leaves no flag out. Those that need containers are run by the end-to-end tests.</summary>
public sealed partial class Documented_commands
{
    private static readonly string[] Verbs = ["run", "shell", "logs", "clean"];

    [Fact]
    public async Task Each_command_of_the_page_does_what_it_says()
    {
        var page = Page();
        var files = NamedBlock().Matches(page).Select(m => (m.Groups["name"].Value, m.Groups["text"].Value)).ToArray();
        Assert.Equal(7, files.Length);
        using var cli = new TestCli(files);
        cli.Environment["BUILDRUNNER_ENGINE__KIND"] = "dummy";
        cli.Write(".buildrunner.yml", files.Single(f => f.Item1 == "ci.yml").Item2);
        var commands = Commands().Matches(page).SelectMany(m => m.Groups["text"].Value.Split('\n', StringSplitOptions.RemoveEmptyEntries)).ToList();
        Assert.True(commands.Count > 20);
        foreach (var command in commands)
        {
            Assert.True(await cli.RunAsync(command.Split(' ')[1..]) == 0, $"{command}\n{cli.Error}");

            // Runs that began in one millisecond have no order, and the page asks for the latest.
            cli.Time.Advance(TimeSpan.FromSeconds(1));
        }
    }

    [Fact]
    public void Every_flag_is_on_the_page()
    {
        using var cli = new TestCli();
        var page = Page();
        var verbs = cli.Root().Subcommands.Where(v => Verbs.Contains(v.Name)).ToList();
        Assert.Equal(Verbs.Length, verbs.Count);
        Assert.Empty(verbs.SelectMany(v => v.Options.Select(o => (v.Name, o.Name, o.Aliases))).Where(o =>
            !page.Contains($"{o.Item2}", StringComparison.Ordinal) && !o.Aliases.Any(a => page.Contains($"`{a} ", StringComparison.Ordinal))).Select(o => $"{o.Item1} {o.Item2}"));
        Assert.All(verbs.SelectMany(v => v.Options), o => Assert.False(string.IsNullOrEmpty(o.Description)));
    }

    private static string Page() => Checkout.Read("docs/running-locally.md");

    [GeneratedRegex("```(yaml|json|text) (?<name>\\S+)\n(?<text>.*?)```", RegexOptions.Singleline | RegexOptions.ExplicitCapture)]
    private static partial Regex NamedBlock();

    [GeneratedRegex("```sh\n(?<text>.*?)```", RegexOptions.Singleline | RegexOptions.ExplicitCapture)]
    private static partial Regex Commands();
}
