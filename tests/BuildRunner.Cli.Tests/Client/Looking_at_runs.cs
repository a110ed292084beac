using System.Text.Json;
using BuildRunner.Core.ApiContract;

namespace BuildRunner.Cli.Tests.Client;

/// <summary>Lists of runs, one of them, and what its steps wrote.</summary>
public sealed class Looking_at_runs : IAsyncLifetime
{
    private static readonly ApiJson Json = ApiJson.Default;
    private LoggedInCli home = null!;

    private TestCli Cli => home.Cli;

    private ScriptedServer Server => home.Server;

    public async ValueTask InitializeAsync() => home = await LoggedInCli.StartAsync();

    public ValueTask DisposeAsync() => home.DisposeAsync();

    [Fact]
    public async Task Runs_are_listed_for_people_and_for_programs()
    {
        Server.On("GET", ApiRoutes.Runs, new RunPage([Sample.Summary("failure")], null), Json.RunPage);
        Assert.Equal(0, await Cli.RunAsync("ls", "--repo", "acme/shop", "--state", "failure"));
        Assert.Equal(
            """
            RUN             STATE    BRANCH  EVENT  TOOK    AGE        TITLE
            ✗ acme/shop#12  failure  main    push   1m 23s  2 minutes  Add tax

            """,
            Cli.Output);
        Assert.Contains(Server.Asked, a => a.Path == "/api/v1/runs?repo=acme%2Fshop&state=failure&limit=30");
        Assert.Equal(0, await Cli.RunAsync("ls", "--json"));
        Assert.Equal(12, JsonDocument.Parse(Cli.Output).RootElement[0].GetProperty("number").GetInt32());
    }

    [Fact]
    public async Task Of_a_pull_request_and_of_a_tag_lists_say_so()
    {
        Server.On("GET", ApiRoutes.Runs, new RunPage([Sample.Summary("success") with { Ref = "refs/pull/7/head" }, Sample.Summary("success") with { Ref = "refs/tags/v1/b" }], null), Json.RunPage);
        Assert.Equal(0, await Cli.RunAsync("ls"));
        Assert.Contains("PR 7 (main)", Cli.Output, StringComparison.Ordinal);
        Assert.Contains("tag v1/b", Cli.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ls", "--repo", "acme/shpo")]
    [InlineData("show", "@latest", "--repo", "acme/shpo")]
    [InlineData("show", "acme/shpo@latest")]
    public async Task A_repository_that_is_not_there_is_not_said_to_have_no_run_yet(params string[] arguments)
    {
        const string said = "there is no repository 'acme/shpo'; 'buildrunner repo ls' lists those that there are";
        Server.On("GET", ApiRoutes.Runs, new RunPage([], null), Json.RunPage);
        Server.Refuse("GET", "/api/v1/repos/acme/shpo", 404, ApiProblems.NotFound, said);
        Assert.Equal(2, await Cli.RunAsync(arguments));
        Assert.Equal(("", $"buildrunner: {said}\n"), (Cli.Output, Cli.Error));
    }

    [Fact]
    public async Task What_an_error_quotes_of_others_does_nothing_to_the_terminal()
    {
        Server.Refuse("GET", ApiRoutes.Runs, 400, ApiProblems.Request, "the value `\e[2J\e]0;x\a\nred` of input `colour` must be a number");
        Assert.Equal(2, await Cli.RunAsync("ls"));
        Assert.DoesNotContain(Cli.Error.TrimEnd('\n'), char.IsControl);
        Assert.Contains("of input `colour` must be a number", Cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_repository_without_a_run_is_said_to_have_none_yet()
    {
        var repository = new Repository { Name = "acme/shop", CloneUrl = "https://f.example/acme/shop", DefaultBranch = "main", CreatedAt = Sample.At, Settings = new RepositorySettings() };
        Server.On("GET", ApiRoutes.Runs, new RunPage([], null), Json.RunPage);
        Server.On("GET", "/api/v1/repos/acme/shop", repository, Json.Repository);
        Assert.Equal(0, await Cli.RunAsync("ls", "--repo", "acme/shop"));
        Assert.StartsWith("no run", Cli.Output, StringComparison.Ordinal);
        Assert.Equal(2, await Cli.RunAsync("show", "acme/shop@latest"));
        Assert.Equal("buildrunner: acme/shop has no run yet\n", Cli.Error);
    }

    [Theory]
    [InlineData("acme/shop#12")]
    [InlineData("12", "--repo", "acme/shop")]
    [InlineData("@latest")]
    [InlineData("acme/shop@latest")]
    [InlineData("URL/acme/shop/runs/12/steps/build#L3")]
    public async Task A_run_is_found_by_each_of_its_names(params string[] named)
    {
        Server.On("GET", ApiRoutes.Repositories, new ApiList<Repository>([]), Json.RepositoryList);
        Server.On("GET", ApiRoutes.Runs, new RunPage([Sample.Summary("success")], null), Json.RunPage);
        Server.On("GET", Sample.RunPath, Sample.Run("success", Sample.Step("build", "success", 0)), Json.RunDetails);
        Assert.Equal(0, await Cli.RunAsync(["show", .. named.Select(n => n.Replace("URL", Server.Url, StringComparison.Ordinal))]));
        Assert.Contains("✓ acme/shop#12  success  1m 23s  push main «Add tax»  3f9c2e1 by kim", Cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_is_shown_with_the_last_lines_of_what_failed_and_nothing_of_them_reaches_the_terminal()
    {
        var run = Sample.Run("failure", Sample.Step("clone", "success", 0), Sample.Step("test", "failure", 1, "exit 1"), Sample.Step("deploy", "skipped", null, "'test' ended with failure"));
        Server.On("GET", Sample.RunPath, run with { Run = run.Run with { Title = "evil \e]0;x\a\e[2J title" } }, Json.RunDetails);
        Server.On("GET", Sample.RunPath + "/log", http => ScriptedServer.WriteAsync(http, 200, "application/x-ndjson", Line(1, "Expected: 119\\u001b[2J") + "\n"));
        Assert.Equal(0, await Cli.RunAsync("show", "acme/shop#12"));
        Assert.Contains("«evil  title»", Cli.Output, StringComparison.Ordinal);
        Assert.Contains("✓ clone 2.0s  ✗ test 2.0s (exit 1)  – deploy".Replace("2.0s", "1m 23s", StringComparison.Ordinal), Cli.Output, StringComparison.Ordinal);
        Assert.Contains("│ Expected: 119\n", Cli.Output, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', Cli.Output);
    }

    [Fact]
    public async Task A_long_reason_is_said_once_and_a_log_without_lines_says_that_it_has_none()
    {
        const string why = "step 'test' needs the secret 'deploy_token': there is no secret 'deploy_token' for this repository";
        var run = Sample.Run("error", Sample.Step("test", "error", 1, why));
        run = run with { Run = run.Run with { Attempt = 2, Reason = "cancelled by kim: enough" }, CancelledBecause = "cancelled by kim: enough", Workflows = [run.Workflows[0] with { Reason = why }] };
        Server.On("GET", Sample.RunPath, run, Json.RunDetails);
        Server.On("GET", Sample.RunPath + "/log", http => ScriptedServer.WriteAsync(http, 200, "application/x-ndjson", ""));
        Assert.Equal(0, await Cli.RunAsync("show", "acme/shop#12"));
        Assert.Equal(2, Cli.Output.Split(why).Length);
        Assert.Equal(2, Cli.Output.Split("cancelled by kim: enough").Length);
        Assert.Equal(0, await Cli.RunAsync("logs", "acme/shop#12", "--failed"));
        Assert.Contains("nothing was written by a step that did not end well; how the steps are tells: buildrunner show acme/shop#12\n", Cli.Error, StringComparison.Ordinal);
        Server.On("GET", ApiRoutes.Runs, new RunPage([run.Run], null), Json.RunPage);
        Assert.Equal(0, await Cli.RunAsync("ls"));
        Assert.Contains("acme/shop#12 attempt 2", Cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Matrix_cells_are_shown_by_their_values_and_found_as_they_are_shown_or_named()
    {
        WorkflowDetails Cell(int number, string go) => new()
        {
            Name = $"build/{number}",
            Label = $"build (go={go})",
            Matrix = new Dictionary<string, string> { ["go"] = go },
            File = "build.yml",
            State = "failure",
            Steps = [Sample.Step("test", "failure", 1, "exit 1")],
        };
        Server.On("GET", Sample.RunPath, Sample.Run("failure") with { Workflows = [Cell(1, "1.22"), Cell(2, "1.23\e[2J")] }, Json.RunDetails);
        Server.On("GET", Sample.RunPath + "/log", http => ScriptedServer.WriteAsync(http, 200, "application/x-ndjson", Line(1, $"from {http.Request.Query["workflow"]}") + "\n"));
        Assert.Equal(0, await Cli.RunAsync("show", "acme/shop#12"));
        Assert.Contains("  build (go=1.22)  ✗ test", Cli.Output, StringComparison.Ordinal);
        Assert.Contains("✗ build (go=1.22)/test  exit 1", Cli.Output, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', Cli.Output);
        Assert.Equal(0, await Cli.RunAsync("logs", "acme/shop#12"));
        Assert.StartsWith("build (1.22)/test", Cli.Output, StringComparison.Ordinal);
        foreach (var named in new[] { "build/1/test", "build (go=1.22)/test", "build (1.22)/test" })
        {
            Assert.Equal(0, await Cli.RunAsync("logs", "acme/shop#12", named));
            Assert.Equal("from build/1\n", Cli.Output);
        }

        Assert.Equal(2, await Cli.RunAsync("logs", "acme/shop#12", "test"));
        Assert.Contains("several workflows have a step 'test': build/1/test (go=1.22), build/2/test", Cli.Error, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', Cli.Error);
    }

    [Fact]
    public async Task Logs_are_printed_plain_with_names_only_where_there_are_several()
    {
        Server.On("GET", Sample.RunPath, Sample.Run("failure", Sample.Step("build", "success", 0), Sample.Step("test", "failure", 1)), Json.RunDetails);
        Server.On("GET", Sample.RunPath + "/log", http =>
            ScriptedServer.WriteAsync(http, 200, "application/x-ndjson", Line(1, $"from {http.Request.Query["step"]}") + "\n" + """{"n":2,"at":"2027-03-01T09:58:02Z","s":"err","base64":"/w=="}""" + "\n"));
        Assert.Equal(0, await Cli.RunAsync("logs", "acme/shop#12", "--failed"));
        Assert.StartsWith("from test\n", Cli.Output, StringComparison.Ordinal);
        Assert.Equal(0, await Cli.RunAsync("logs", "acme/shop#12", "--timestamps"));
        Assert.StartsWith("00:01.000 build │ from build\n", Cli.Output, StringComparison.Ordinal);
        Assert.Contains("00:01.000 test  │ from test\n", Cli.Output, StringComparison.Ordinal);
        Assert.Equal(2, await Cli.RunAsync("logs", "acme/shop#12", "tset"));
        Assert.Contains("ci/build, ci/test", Cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_log_is_followed_over_a_broken_connection_and_no_line_comes_twice()
    {
        Server.On("GET", Sample.RunPath, Sample.Run("running", Sample.Step("build", "running")), Json.RunDetails);
        Server.On("GET", Sample.RunPath + "/log/follow", async http =>
        {
            if (http.Request.Headers["Last-Event-ID"].Count == 0)
            {
                await ScriptedServer.EventAsync(http, "line", Line(1, "one"), 20);
                await ScriptedServer.EventAsync(http, "line", Line(2, "two"), 40);
                return;
            }

            Assert.Equal("40", http.Request.Headers["Last-Event-ID"]);
            await ScriptedServer.EventAsync(http, "line", Line(3, "three"), 60);
            await ScriptedServer.EventAsync(http, "end", "{}");
        });
        Assert.Equal(0, await Cli.RunAsync("logs", "acme/shop#12", "build", "--follow"));
        Assert.Equal("one\ntwo\nthree\n", Cli.Output);
    }

    [Fact]
    public async Task A_log_of_a_run_without_steps_is_refused_with_why_there_are_none()
    {
        Server.On("GET", Sample.RunPath, Sample.Run("invalid") with { Run = Sample.Summary("invalid") with { Reason = "its files have errors" }, Workflows = [] }, Json.RunDetails);
        Assert.Equal(2, await Cli.RunAsync("logs", "acme/shop#12", "test"));
        Assert.Equal("buildrunner: acme/shop#12 has no step 'test'; it has no steps at all: its files have errors\n", Cli.Error);
    }

    private static string Line(long n, string text) => $$"""{"n":{{n}},"at":"2027-03-01T09:58:01Z","s":"out","text":"{{text}}"}""";
}
