namespace BuildRunner.Cli.Tests.Running;

/// <summary>Environment and secrets of the command line.</summary>
public sealed class Names_and_values
{
    private const string Pipeline = "steps:\n  - name: a\n    image: alpine\n    commands: [make]\n    environment: { TOKEN: { from_secret: token } }\n";

    [Fact]
    public async Task A_step_that_needs_a_secret_that_nobody_gave_says_how_to_give_it()
    {
        using var cli = new TestCli(("ci.yml", Pipeline));
        Assert.Equal(5, await cli.RunAsync("run", "--engine", "dummy", "ci.yml"));
        Assert.Contains("step 'a' needs the secret 'token'", cli.Error);
        Assert.Contains("--secret token", cli.Error);
    }

    [Theory]
    [InlineData("--secret", "token=value-of-it")]
    [InlineData("--secret", "token")]
    [InlineData("--secret-file", "secrets.env")]
    public async Task A_secret_comes_from_the_flag_the_environment_or_a_file(string flag, string value)
    {
        using var cli = new TestCli(("ci.yml", Pipeline), ("secrets.env", "# a comment\n\ntoken = \"value-of-it\"\n"));
        cli.Environment["token"] = "value-of-it";
        Assert.Equal(0, await cli.RunAsync("run", "--engine", "dummy", "ci.yml", flag, value));
    }

    [Fact]
    public async Task Environment_of_the_command_line_is_stronger_than_the_files()
    {
        using var cli = new TestCli(("ci.yml", "steps:\n  - name: a\n    image: alpine\n    commands: [make]\n    environment: { STEP_EXIT_CODE: '1' }\n"), ("x.env", "STEP_EXIT_CODE=2"));
        Assert.Equal(1, await cli.RunAsync("run", "--engine", "dummy", "ci.yml"));
        Assert.Equal(0, await cli.RunAsync("run", "--engine", "dummy", "ci.yml", "--env-file", "x.env", "--env", "STEP_EXIT_CODE=0"));
    }

    [Fact]
    public async Task A_line_that_is_not_a_name_and_a_value_is_named_with_its_place()
    {
        using var cli = new TestCli(("ci.yml", Pipeline), ("x.env", "A=1\nnonsense\n"));
        Assert.Equal(2, await cli.RunAsync("run", "--engine", "dummy", "ci.yml", "--env-file", "x.env"));
        Assert.Contains("x.env(2): this is not NAME=VALUE", cli.Error);
    }
}
