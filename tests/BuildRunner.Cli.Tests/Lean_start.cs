namespace BuildRunner.Cli.Tests;

/// <summary>Verbs that editors and hooks call all the time load what they need and no more: the server's packages cost more time than the work.</summary>
public sealed class Lean_start
{
    private static readonly string[] Ours = ["buildrunner", "BuildRunner.Core", "BuildRunner.Containers", "System.CommandLine", "YamlDotNet"];

    [Theory]
    [InlineData("version")]
    [InlineData("--version")]
    public async Task Version_loads_nothing_but_itself(string verb) => Assert.Equal(["buildrunner"], await LoadedAsync(verb));

    [Theory]
    [InlineData("lint", "ci.yml")]
    [InlineData("lint", "--format", "sarif", "ci.yml")]
    [InlineData("plan", "ci.yml")]
    [InlineData("plan", "--json", "ci.yml")]
    [InlineData("plan", "--graph", "ci.yml")]
    [InlineData("plan", "--expanded", "ci.yml")]
    [InlineData("schema")]
    [InlineData("completion", "bash")]
    [InlineData("[suggest:14]", "buildrunner ru")]
    [InlineData("--help")]
    public async Task Lint_and_plan_load_nothing_of_the_server_and_no_package_of_an_engine(params string[] arguments) => Assert.Empty((await LoadedAsync(arguments)).Except(Ours));

    // Without those of the base library.
    private static async Task<IReadOnlyList<string>> LoadedAsync(params string[] arguments)
    {
        using var cli = new TestCli(("ci.yml", "steps:\n  - name: a\n    image: alpine:3\n    commands: [make]\n"));
        var list = Path.Combine(cli.Directory, "loaded.txt");
        var info = CliProcess.Info(Path.Combine(CliProcess.Directory, "buildrunner"), arguments, cli.Directory);
        info.Environment["DOTNET_STARTUP_HOOKS"] = typeof(Lean_start).Assembly.Location;
        info.Environment[StartupHook.Variable] = list;
        var (code, _, error) = await CliProcess.RunAsync(info, TestContext.Current.CancellationToken);
        Assert.True(code == 0, error);
        var names = await File.ReadAllLinesAsync(list, TestContext.Current.CancellationToken);
        Assert.DoesNotContain(names, n => n.StartsWith("Microsoft.AspNetCore", StringComparison.Ordinal) || n.StartsWith("Microsoft.Extensions", StringComparison.Ordinal));
        return [.. names.Where(n => n != "BuildRunner.Cli.Tests" && !(n.StartsWith("System.", StringComparison.Ordinal) && n != "System.CommandLine") && n is not ("netstandard" or "Microsoft.Win32.Primitives"))];
    }
}
