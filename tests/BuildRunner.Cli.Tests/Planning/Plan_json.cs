using System.Text.Json;
using NJsonSchema;

namespace BuildRunner.Cli.Tests.Planning;

/// <summary><c>plan --json</c>, which <c>docs/plan-json.md</c> describes and <c>docs/plan-json.schema.json</c> fixes.</summary>
public sealed class Plan_json
{
    private const string Pipeline = """
        matrix: { GO: ["1.23", "1.24"] }
        labels: { platform: linux/amd64 }
        timeout: 30m
        services:
          - name: db
            image: postgres:17
        steps:
          - name: build
            image: golang:${GO}
            commands: [make]
            environment: { TOKEN: { from_secret: token } }
            retry: 2
            timeout: 90s
          - name: report
            image: registry.example/team/plugin@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
            settings: { key: { from_secret: other }, list: [1, { deep: { from_secret: third } }] }
            depends_on: [build]
            failure: ignore
            when:
              - { event: [push, manual], status: [success, failure] }
              - { event: tag, evaluate: 'CI_COMMIT_BRANCH == "main"' }
          - name: deploy
            image: rootfs:/
            commands: [deploy]
            depends_on: [{ name: build, optional: true }]
            when: { event: tag }
        """;

    [Theory]
    [InlineData("push")]
    [InlineData("tag")]
    [InlineData("all")]
    public async Task It_is_what_the_schema_says(string kind)
    {
        using var cli = new TestCli((".woodpecker/build.yml", Pipeline), (".woodpecker/ship.yml", "depends_on: [build]\nconcurrency: 1\nsteps: { ship: { image: alpine, commands: [x], detach: true } }\n"));
        Assert.Equal(0, await cli.RunAsync("plan", "--json", "--event", kind));
        var schema = await JsonSchema.FromFileAsync(Path.Combine(Repository(), "docs", "plan-json.schema.json"), TestContext.Current.CancellationToken);
        Assert.Empty(schema.Validate(cli.Output).Select(e => e.ToString()));
    }

    [Fact]
    public async Task The_example_of_the_page_is_what_the_schema_says()
    {
        var page = await File.ReadAllTextAsync(Path.Combine(Repository(), "docs", "plan-json.md"), TestContext.Current.CancellationToken);
        var schema = await JsonSchema.FromFileAsync(Path.Combine(Repository(), "docs", "plan-json.schema.json"), TestContext.Current.CancellationToken);
        Assert.Empty(schema.Validate(page.Split("```json")[1].Split("```")[0]).Select(e => e.ToString()));
    }

    [Fact]
    public async Task Every_event_has_its_verdicts()
    {
        using var cli = new TestCli(("ci.yml", Pipeline));
        Assert.Equal(0, await cli.RunAsync("plan", "--json", "--event", "all", "ci.yml"));
        using var json = JsonDocument.Parse(cli.Output);
        var events = json.RootElement.GetProperty("events").EnumerateArray().ToList();
        Assert.Equal(
            ["push", "pull_request", "pull_request_closed", "pull_request_metadata", "tag", "release", "deployment", "cron", "manual", "webhook"],
            events.Select(e => e.GetProperty("event").GetString()));
        Assert.Equal(
            ["push report", "tag report", "tag deploy", "manual report"],
            events.SelectMany(e => Step(e, "report", "deploy").Where(s => s.GetProperty("runs").GetBoolean()).Select(s => $"{e.GetProperty("event").GetString()} {s.GetProperty("name").GetString()}")));
        var verdicts = Step(events[0], "report").Single().GetProperty("conditions").EnumerateArray().ToList();
        Assert.Equal([true, false], verdicts.Select(v => v.GetProperty("holds").GetBoolean()));
        Assert.Equal("the event is `push`, not `tag`", verdicts[1].GetProperty("because").GetString());
        Assert.Equal((21, 9), (verdicts[1].GetProperty("line").GetInt32(), verdicts[1].GetProperty("column").GetInt32()));
    }

    [Fact]
    public async Task A_step_has_its_image_in_full_names_of_environment_and_secrets_and_what_it_waits_for()
    {
        using var cli = new TestCli(("ci.yml", Pipeline));
        Assert.Equal(0, await cli.RunAsync("plan", "--json", "ci.yml"));
        using var json = JsonDocument.Parse(cli.Output);
        var all = json.RootElement.GetProperty("events")[0];
        var build = Step(all, "build").Single();
        Assert.Equal(("golang:1.23", "docker.io/library/golang:1.23"), (build.GetProperty("image").GetString(), build.GetProperty("reference").GetString()));
        Assert.Equal(["token"], Words(build, "secrets"));
        Assert.Equal(["GO", "TOKEN"], Words(build, "environment").Where(n => !n.StartsWith("CI", StringComparison.Ordinal)));
        Assert.Equal((2, 90_000), (build.GetProperty("retries").GetInt32(), build.GetProperty("timeout_ms").GetInt32()));
        Assert.Equal(["other", "third"], Words(Step(all, "report").Single(), "secrets"));
        Assert.Equal(["failure", "success"], Words(Step(all, "report").Single(), "status"));
        var dependency = Step(all, "deploy").Single().GetProperty("depends_on")[0];
        Assert.Equal(("build", true), (dependency.GetProperty("name").GetString(), dependency.GetProperty("optional").GetBoolean()));
    }

    [Fact]
    public async Task Inputs_reach_the_plan_and_an_event_that_lacks_them_does_not_hide_the_others()
    {
        using var cli = new TestCli(("ci.yml", "inputs: { version: { required: true } }\nsteps: { a: { image: 'alpine:${version}', commands: [x] } }\n"));
        Assert.Equal(3, await cli.RunAsync("plan", "--json", "--event", "manual", "ci.yml"));
        Assert.Equal(0, await cli.RunAsync("plan", "--json", "--event", "manual", "--input", "version=3.22", "ci.yml"));
        Assert.Contains("docker.io/library/alpine:3.22", cli.Output);
        Assert.Equal(3, await cli.RunAsync("plan", "--expanded", "--event", "manual", "ci.yml"));
        Assert.Equal(0, await cli.RunAsync("plan", "--json", "--event", "all", "--input", "version=3", "ci.yml"));
        cli.Write("ci.yml", "inputs: { version: { required: true } }\nsteps: { a: { image: alpine, commands: [x] } }\n");
        Assert.Equal(0, await cli.RunAsync("plan", "--json", "--event", "all", "ci.yml"));
        using var json = JsonDocument.Parse(cli.Output);
        Assert.Equal(["manual", "webhook"], json.RootElement.GetProperty("events").EnumerateArray().Where(e => !e.GetProperty("runs").GetBoolean()).Select(e => e.GetProperty("event").GetString()));
        Assert.Contains("input `version` has no value", cli.Error);
    }

    [Theory]
    [InlineData("--json", "--graph")]
    [InlineData("--out", "x")]
    [InlineData("--expanded", "--event", "all")]
    [InlineData("--payload", "x", "--metadata", "y")]
    public async Task What_excludes_each_other_is_wrong_usage(params string[] flags)
    {
        using var cli = new TestCli(("ci.yml", Pipeline));
        Assert.Equal(2, await cli.RunAsync(["plan", "ci.yml", .. flags]));
        Assert.StartsWith("buildrunner: --", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_same_files_give_the_same_bytes()
    {
        using var cli = new TestCli(("ci.yml", Pipeline));
        await cli.RunAsync("plan", "--json", "ci.yml");
        var first = cli.Output;
        await cli.RunAsync("plan", "--json", "ci.yml");
        Assert.Equal(first, cli.Output);
    }

    // The first cell is enough.
    private static IEnumerable<JsonElement> Step(JsonElement plan, params string[] names) =>
        plan.GetProperty("workflows")[0].GetProperty("steps").EnumerateArray().Where(s => names.Contains(s.GetProperty("name").GetString()));

    private static IEnumerable<string> Words(JsonElement element, string name) => element.GetProperty(name).EnumerateArray().Select(n => n.GetString()!);

    private static string Repository()
    {
        var at = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(at, "BuildRunner.sln")))
        {
            at = Path.GetDirectoryName(at)!;
        }

        return at;
    }
}
