using System.Text.RegularExpressions;

namespace BuildRunner.EndToEnd.Tests.LocalRuns;

/// <summary>The commands of docs/running-locally.md that need containers, in the page's order, on its files. The others are run by the tests of the command line.</summary>
public sealed partial class Documented_commands
{
    [Fact]
    public async Task Each_command_on_containers_does_what_the_page_says()
    {
        var page = await File.ReadAllTextAsync(Path.Combine(Release.Root, "docs/running-locally.md"), TestContext.Current.CancellationToken);
        using var tree = new Tree((".buildrunner.yml", Pipeline().Match(page).Groups["text"].Value));
        using var scratch = new Tree();
        var environment = new Dictionary<string, string?> { ["BUILDRUNNER_ENGINE__SCRATCHDIR"] = scratch["scratch"] };
        var count = 0;
        foreach (Match block in Commands().Matches(page))
        {
            foreach (var command in block.Groups["text"].Value.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                await using var running = Release.Start(tree.Path, environment, command.Split(' ')[1..]);
                var run = await running.EndAsync(TimeSpan.FromMinutes(2));
                var expected = block.Groups["code"] is { Success: true } code ? int.Parse(code.Value) : 0;
                Assert.True(run.Code == expected, $"{command} ended with {run.Code}:\n{run.All}");
                Assert.Contains(
                    command switch
                    {
                        "buildrunner run --secret token= --keep" => "buildrunner shell test",
                        "buildrunner shell test -- cat result.txt" => "made by build",
                        "buildrunner clean --dry-run" => "build  success",
                        "buildrunner clean" => "1 kept container removed",
                        _ => "",
                    },
                    run.All);
                count++;
            }
        }

        Assert.Equal(6, count);
    }

    [GeneratedRegex("```yaml ci.yml\n(?<text>.*?)```", RegexOptions.Singleline | RegexOptions.ExplicitCapture)]
    private static partial Regex Pipeline();

    [GeneratedRegex("```sh on containers(, exit (?<code>[0-9]+))?\n(?<text>.*?)```", RegexOptions.Singleline | RegexOptions.ExplicitCapture)]
    private static partial Regex Commands();
}
