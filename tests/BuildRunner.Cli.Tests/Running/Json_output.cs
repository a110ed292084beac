using System.Text.Json;

namespace BuildRunner.Cli.Tests.Running;

/// <summary>What <c>run --progress json</c> writes: the schema of docs/progress-json.md.</summary>
public sealed class Json_output
{
    private const string Pipeline = """
        services:
          - name: db
            image: postgres
        steps:
          - name: build
            image: alpine
            commands: [make]
          - name: test
            image: alpine
            commands: ["true"]
            environment: { STEP_EXIT_CODE: "3" }
          - name: deploy
            image: alpine
            commands: ["true"]
        """;

    [Fact]
    public async Task Every_step_is_told_from_queued_to_finished_on_standard_output()
    {
        using var cli = new TestCli(("ci.yml", Pipeline));
        Assert.Equal(1, await cli.RunAsync("run", "--engine", "dummy", "--progress", "json", "ci.yml"));
        var events = Read(cli);
        Assert.Equal(
            [
                "run.started", "step.started db", "step.queued build", "step.pulling build", "step.started build", "step.finished build success",
                "step.queued test", "step.pulling test", "step.started test", "step.finished test failure", "step.finished deploy skipped",
                "step.finished db success", "workflow.finished failure", "run.finished failure",
            ],
            events.Where(e => e.GetProperty("e").GetString() != "log").Select(Describe));
        Assert.All(events, e => Assert.Equal(1, e.GetProperty("v").GetInt32()));
        Assert.Single(events.Select(e => e.GetProperty("run").GetString()).Distinct());
    }

    [Fact]
    public async Task The_end_of_a_step_has_outcome_conclusion_exit_image_and_phases()
    {
        using var cli = new TestCli(("ci.yml", Pipeline));
        await cli.RunAsync("run", "--engine", "dummy", "--progress", "json", "ci.yml");
        var test = Read(cli).Single(e => Describe(e) == "step.finished test failure");
        var run = test.GetProperty("run").GetString();
        Assert.Equal(
            $$$"""{"v":1,"t":"2027-03-01T10:00:00.123Z","e":"step.finished","run":"{{{run}}}","workflow":"ci","step":"test","attempt":1,"conclusion":"failure","outcome":"failure","reason":"exit 3","exit":3,"image":"alpine:latest","phases":{"queue":0,"pull":0,"create":0,"run":0}}""",
            test.GetRawText());
        var end = Read(cli)[^1];
        Assert.Equal($$"""{"v":1,"t":"2027-03-01T10:00:00.123Z","e":"run.finished","run":"{{run}}","result":"failure","ms":0,"exit":1}""", end.GetRawText());
    }

    [Fact]
    public async Task A_skipped_step_says_why()
    {
        using var cli = new TestCli(("ci.yml", Pipeline));
        await cli.RunAsync("run", "--engine", "dummy", "--progress", "json", "ci.yml");
        Assert.Equal("'test' ended with failure", Read(cli).Single(e => Describe(e) == "step.finished deploy skipped").GetProperty("reason").GetString());
    }

    [Fact]
    public async Task A_line_has_its_number_stream_and_text()
    {
        using var cli = new TestCli(("ci.yml", Pipeline));
        await cli.RunAsync("run", "--engine", "dummy", "--progress", "json", "ci.yml");
        var lines = Read(cli).Where(e => e.GetProperty("e").GetString() == "log" && e.GetProperty("step").GetString() == "build").ToList();
        Assert.Equal(Enumerable.Range(1, lines.Count), lines.Select(l => l.GetProperty("n").GetInt32()));
        Assert.Equal(("out", "StepName: build"), (lines[0].GetProperty("s").GetString(), lines[0].GetProperty("text").GetString()));
    }

    private static List<JsonElement> Read(TestCli cli) =>
        [.. cli.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonDocument.Parse(l).RootElement)];

    private static string Describe(JsonElement e) => string.Join(' ', new[] { "e", "step", "outcome", "result" }.Select(n => e.TryGetProperty(n, out var v) ? v.GetString() : null).Where(t => t is not null));
}
