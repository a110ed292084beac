using System.Text.Json;

namespace BuildRunner.EndToEnd.Tests.LocalRuns;

/// <summary>What a step writes to <c>$BUILDRUNNER_SUMMARY</c>.</summary>
public sealed class Summaries
{
    private const string Pipeline = """
        steps:
          - name: tell
            image: rootfs:/
            environment: { TOKEN: { from_secret: token } }
            commands:
              - printf '# Coverage\n\n81 percent, not %s\n' "$TOKEN" >> "$BUILDRUNNER_SUMMARY"
        """;

    [Fact]
    public async Task Is_shown_before_the_sum_and_told_to_programs_before_the_steps_end_without_secrets()
    {
        using var tree = new Tree(("ci.yml", Pipeline));
        var plain = await Release.RunInAsync(tree.Path, "run", "ci.yml", "--secret", "token=s3cret-s3cret");
        Assert.True(plain.Code == 0, plain.All);
        Assert.Contains("summary of tell\n  # Coverage\n  \n  81 percent, not ********\n\n", plain.Error);

        var json = await Release.RunInAsync(tree.Path, "run", "ci.yml", "--secret", "token=s3cret-s3cret", "--progress", "json");
        var events = json.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonDocument.Parse(l).RootElement).ToList();
        var summary = events.FindIndex(e => e.GetProperty("e").GetString() == "step.summary");
        Assert.Equal("# Coverage\n\n81 percent, not ********\n", events[summary].GetProperty("text").GetString());
        Assert.True(summary < events.FindIndex(e => e.GetProperty("e").GetString() == "step.finished"));
        Assert.DoesNotContain("s3cret", json.All);
    }
}
