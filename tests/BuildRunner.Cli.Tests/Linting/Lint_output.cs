namespace BuildRunner.Cli.Tests.Linting;

public sealed class Lint_output
{
    private const string Broken = "steps:\n  - name: build\n    image: alpine:3\n    comands: [make]\n";

    [Fact]
    public async Task Problems_have_file_line_column_code_and_hint()
    {
        using var cli = new TestCli(("ci.yml", Broken));
        Assert.Equal(3, await cli.RunAsync("lint", "ci.yml"));
        Assert.Matches(@"\Aci\.yml\(4,5\): error BR1\d{3}: .*comands.*Did you mean .commands", cli.Output);
        Assert.Matches(@"(?m)^\d errors?(, \d warnings?)? in 1 file$", cli.Output);
    }

    [Fact]
    public async Task A_pipe_is_read_like_a_file()
    {
        using var cli = new TestCli(("ci.yml", Broken));
        var pipe = Path.Combine(cli.Directory, "pipe");
        using (var make = System.Diagnostics.Process.Start("mkfifo", [pipe]))
        {
            await make.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        using var writer = System.Diagnostics.Process.Start("cp", [Path.Combine(cli.Directory, "ci.yml"), pipe]);
        Assert.Equal(3, await cli.RunAsync("lint", "pipe"));
        Assert.StartsWith("pipe(4,5): error", cli.Output, StringComparison.Ordinal);
        await writer.WaitForExitAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_good_file_has_no_problems()
    {
        using var cli = new TestCli(("ci.yml", "steps:\n  - name: build\n    image: alpine:3.20\n    commands: [make]\n"));
        Assert.Equal(0, await cli.RunAsync("lint", "ci.yml"));
        Assert.Equal("no problems in 1 file\n", cli.Output);
        Assert.Equal(0, await cli.RunAsync("validate", "ci.yml"));
    }

    [Fact]
    public async Task Json_has_the_same_with_stable_names()
    {
        using var cli = new TestCli(("ci.yml", Broken));
        Assert.Equal(3, await cli.RunAsync("lint", "--format", "json", "ci.yml"));
        using var json = System.Text.Json.JsonDocument.Parse(cli.Output);
        var first = json.RootElement[0];
        Assert.Equal(("ci.yml", 4, 5, "error"), (first.GetProperty("file").GetString(), first.GetProperty("line").GetInt32(), first.GetProperty("column").GetInt32(), first.GetProperty("severity").GetString()));
    }

    [Fact]
    public async Task Without_a_file_the_directorys_pipeline_is_read()
    {
        using var cli = new TestCli((".buildrunner/a.yml", Broken), ("pipelines/b.yml", Broken));
        await cli.RunAsync("lint");
        Assert.StartsWith(".buildrunner/a.yml(4,5): ", cli.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("pipelines/b.yml", cli.Output);
    }

    [Fact]
    public async Task A_directory_without_a_pipeline_is_said_with_the_places_that_were_looked_at()
    {
        using var cli = new TestCli();
        Assert.Equal(2, await cli.RunAsync("lint"));
        Assert.Contains(".woodpecker/*.yml", cli.Error);
    }
}
