using System.Text.Json;

namespace BuildRunner.Cli.Tests;

public sealed class Plan_and_completion
{
    private const string Pipeline = """
        skip_clone: true
        services:
          - name: db
            image: postgres:17
        steps:
          - name: build
            image: alpine:3
            commands: [make]
            environment: { TOKEN: { from_secret: token } }
          - name: deploy
            image: alpine:3
            commands: [deploy]
            depends_on: [build]
            when: { event: tag }
        """;

    [Fact]
    public async Task Plan_says_what_would_run_and_why_the_rest_would_not()
    {
        using var cli = new TestCli(("ci.yml", Pipeline));
        Assert.Equal(0, await cli.RunAsync("plan", "ci.yml"));
        Assert.Matches(@"\Aci\n  db      postgres:17  service\n  build   alpine:3\n  deploy  alpine:3     would not run: .*push.*\n\z", cli.Output);
        Assert.Equal(0, await cli.RunAsync("plan", "ci.yml", "--event", "tag"));
        Assert.EndsWith("  deploy  alpine:3     after build\n", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Plan_of_a_broken_file_shows_its_problems()
    {
        using var cli = new TestCli(("ci.yml", "steps:\n  - name: a\n    image: alpine:3\n    comands: [x]\n"));
        Assert.Equal(3, await cli.RunAsync("plan", "ci.yml"));
        Assert.Equal("", cli.Output);
        Assert.StartsWith("ci.yml(4,5): error BR1", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Schema_is_json()
    {
        using var cli = new TestCli();
        Assert.Equal(0, await cli.RunAsync("schema"));
        using var json = JsonDocument.Parse(cli.Output);
        Assert.True(json.RootElement.TryGetProperty("$schema", out _));
    }

    [Theory]
    [InlineData("bash", "complete -o default -F _buildrunner buildrunner")]
    [InlineData("zsh", "compdef _buildrunner buildrunner")]
    [InlineData("fish", "complete -c buildrunner")]
    public async Task Completion_is_a_script_for_the_shell(string shell, string line)
    {
        using var cli = new TestCli();
        Assert.Equal(0, await cli.RunAsync("completion", shell));
        Assert.Contains(line, cli.Output);
    }

    [Fact]
    public async Task The_script_finds_verbs_and_flags()
    {
        using var cli = new TestCli();
        Assert.Equal(0, await cli.RunAsync("[suggest:14]", "buildrunner ru"));
        Assert.Contains("run\n", cli.Output);
        Assert.Equal(0, await cli.RunAsync("[suggest:24]", "buildrunner run --in-pla"));
        Assert.Contains("--in-place\n", cli.Output);
    }
}
