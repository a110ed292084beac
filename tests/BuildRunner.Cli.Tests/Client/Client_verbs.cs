using System.Text.Json;
using BuildRunner.Core.ApiContract;

namespace BuildRunner.Cli.Tests.Client;

public sealed class Client_verbs : IAsyncLifetime
{
    private static readonly ApiJson Json = ApiJson.Default;
    private readonly TestCli cli = new();
    private ScriptedServer server = null!;

    public async ValueTask InitializeAsync()
    {
        server = await ScriptedServer.StartAsync();
        cli.Environment["XDG_CONFIG_HOME"] = cli.Directory;
        cli.Environment["BUILDRUNNER_SERVER"] = server.Url;
        cli.Environment["BUILDRUNNER_TOKEN"] = "brt_secret";
    }

    public async ValueTask DisposeAsync()
    {
        cli.Dispose();
        await server.DisposeAsync();
    }

    [Fact]
    public async Task A_login_is_kept_for_its_owner_only_and_used_from_then_on()
    {
        cli.Environment.Remove("BUILDRUNNER_SERVER");
        cli.Environment.Remove("BUILDRUNNER_TOKEN");
        server.On("GET", ApiRoutes.WhoAmI, new WhoAmI("kim", ["read", "run"], "0.1.0"), Json.WhoAmI);
        cli.Input = "brt_secret\n";
        Assert.Equal(0, await cli.RunAsync("login", server.Url));
        var file = Path.Combine(cli.Directory, "buildrunner", "servers.json");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        Assert.DoesNotContain("brt_secret", cli.Error, StringComparison.Ordinal);

        Assert.Equal(0, await cli.RunAsync("whoami"));
        Assert.Contains("scopes   read, run", cli.Output, StringComparison.Ordinal);
        Assert.Equal(0, await cli.RunAsync("context", "ls"));
        Assert.Contains(server.Url, cli.Output, StringComparison.Ordinal);
        Assert.Equal(0, await cli.RunAsync("logout"));
        Assert.Equal(4, await cli.RunAsync("whoami"));
        Assert.Contains("buildrunner login URL", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_one_time_link_becomes_a_token()
    {
        cli.Environment.Remove("BUILDRUNNER_TOKEN");
        server.On("GET", ApiRoutes.WhoAmI, new WhoAmI("administrator", ["admin"], "0.1.0"), Json.WhoAmI);
        var info = new ApiToken("1", "administrator", ["admin"], Sample.At, new DateTimeOffset(2027, 4, 1, 0, 0, 0, TimeSpan.Zero), null);
        server.On("POST", ApiRoutes.RedeemLink, new CreatedApiToken(info, "brt_secret"), Json.CreatedApiToken, 201);
        Assert.Equal(0, await cli.RunAsync("login", server.Url + "/login/link?token=abc%2Bd", "--name", "home"));
        Assert.Contains("this login ends on 2027-04-01; then a new link is needed", cli.Error, StringComparison.Ordinal);
        Assert.Contains(server.Asked, a => a is ("POST", ApiRoutes.RedeemLink, """{"code":"abc\u002Bd"}"""));
        Assert.Equal(0, await cli.RunAsync("whoami", "--server", "home"));
    }

    [Fact]
    public async Task A_token_that_is_typed_wrong_is_not_said_to_have_been_a_login()
    {
        cli.Environment.Remove("BUILDRUNNER_TOKEN");
        cli.Input = "brt_wrong\n";
        Assert.Equal(4, await cli.RunAsync("login", server.Url));
        Assert.Contains($"{server.Url}/ does not know this token: it is mistyped", cli.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("any more", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Runs_are_listed_for_people_and_for_programs()
    {
        server.On("GET", ApiRoutes.Runs, new RunPage([Sample.Summary("failure")], null), Json.RunPage);
        Assert.Equal(0, await cli.RunAsync("ls", "--repo", "acme/shop", "--state", "failure"));
        Assert.Equal(
            """
            RUN             STATE    BRANCH  EVENT  TOOK    AGE        TITLE
            ✗ acme/shop#12  failure  main    push   1m 23s  2 minutes  Add tax

            """,
            cli.Output);
        Assert.Contains(server.Asked, a => a.Path == "/api/v1/runs?repo=acme%2Fshop&state=failure&limit=30");
        Assert.Equal(0, await cli.RunAsync("ls", "--json"));
        Assert.Equal(12, JsonDocument.Parse(cli.Output).RootElement[0].GetProperty("number").GetInt32());
    }

    [Theory]
    [InlineData("acme/shop#12")]
    [InlineData("12", "--repo", "acme/shop")]
    [InlineData("@latest")]
    [InlineData("acme/shop@latest")]
    [InlineData("URL/acme/shop/runs/12/steps/build#L3")]
    public async Task A_run_is_found_by_each_of_its_names(params string[] named)
    {
        server.On("GET", ApiRoutes.Repositories, new ApiList<Repository>([]), Json.RepositoryList);
        server.On("GET", ApiRoutes.Runs, new RunPage([Sample.Summary("success")], null), Json.RunPage);
        server.On("GET", Sample.RunPath, Sample.Run("success", Sample.Step("build", "success", 0)), Json.RunDetails);
        Assert.Equal(0, await cli.RunAsync(["show", .. named.Select(n => n.Replace("URL", server.Url, StringComparison.Ordinal))]));
        Assert.Contains("✓ acme/shop#12  success  1m 23s  push main «Add tax»  3f9c2e1 by kim", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_page_of_another_server_is_not_asked_of_this_one()
    {
        Assert.Equal(2, await cli.RunAsync("show", "https://elsewhere.example/acme/shop/runs/12"));
        Assert.Contains("--server", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_is_shown_with_the_last_lines_of_what_failed_and_nothing_of_them_reaches_the_terminal()
    {
        var run = Sample.Run("failure", Sample.Step("clone", "success", 0), Sample.Step("test", "failure", 1, "exit 1"), Sample.Step("deploy", "skipped", null, "'test' ended with failure"));
        server.On("GET", Sample.RunPath, run with { Run = run.Run with { Title = "evil \e]0;x\a\e[2J title" } }, Json.RunDetails);
        server.On("GET", Sample.RunPath + "/log", http => ScriptedServer.WriteAsync(http, 200, "application/x-ndjson", Line(1, "Expected: 119\\u001b[2J") + "\n"));
        Assert.Equal(0, await cli.RunAsync("show", "acme/shop#12"));
        Assert.Contains("«evil  title»", cli.Output, StringComparison.Ordinal);
        Assert.Contains("✓ clone 2.0s  ✗ test 2.0s (exit 1)  – deploy".Replace("2.0s", "1m 23s", StringComparison.Ordinal), cli.Output, StringComparison.Ordinal);
        Assert.Contains("│ Expected: 119\n", cli.Output, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', cli.Output);
    }

    [Fact]
    public async Task A_long_reason_is_said_once_and_a_log_without_lines_says_that_it_has_none()
    {
        const string why = "step 'test' needs the secret 'deploy_token': there is no secret 'deploy_token' for this repository";
        var run = Sample.Run("error", Sample.Step("test", "error", 1, why));
        run = run with { Run = run.Run with { Attempt = 2, Reason = "cancelled by kim: enough" }, CancelledBecause = "cancelled by kim: enough", Workflows = [run.Workflows[0] with { Reason = why }] };
        server.On("GET", Sample.RunPath, run, Json.RunDetails);
        server.On("GET", Sample.RunPath + "/log", http => ScriptedServer.WriteAsync(http, 200, "application/x-ndjson", ""));
        Assert.Equal(0, await cli.RunAsync("show", "acme/shop#12"));
        Assert.Equal(2, cli.Output.Split(why).Length);
        Assert.Equal(2, cli.Output.Split("cancelled by kim: enough").Length);
        Assert.Equal(0, await cli.RunAsync("logs", "acme/shop#12", "--failed"));
        Assert.Contains("nothing was written by a step that did not end well; how the steps are tells: buildrunner show acme/shop#12\n", cli.Error, StringComparison.Ordinal);
        server.On("GET", ApiRoutes.Runs, new RunPage([run.Run], null), Json.RunPage);
        Assert.Equal(0, await cli.RunAsync("ls"));
        Assert.Contains("acme/shop#12 attempt 2", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Logs_are_printed_plain_with_names_only_where_there_are_several()
    {
        server.On("GET", Sample.RunPath, Sample.Run("failure", Sample.Step("build", "success", 0), Sample.Step("test", "failure", 1)), Json.RunDetails);
        server.On("GET", Sample.RunPath + "/log", http =>
            ScriptedServer.WriteAsync(http, 200, "application/x-ndjson", Line(1, $"from {http.Request.Query["step"]}") + "\n" + """{"n":2,"at":"2027-03-01T09:58:02Z","s":"err","base64":"/w=="}""" + "\n"));
        Assert.Equal(0, await cli.RunAsync("logs", "acme/shop#12", "--failed"));
        Assert.StartsWith("from test\n", cli.Output, StringComparison.Ordinal);
        Assert.Equal(0, await cli.RunAsync("logs", "acme/shop#12", "--timestamps"));
        Assert.StartsWith("00:01.000 build │ from build\n", cli.Output, StringComparison.Ordinal);
        Assert.Contains("00:01.000 test  │ from test\n", cli.Output, StringComparison.Ordinal);
        Assert.Equal(2, await cli.RunAsync("logs", "acme/shop#12", "tset"));
        Assert.Contains("ci/build, ci/test", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_log_is_followed_over_a_broken_connection_and_no_line_comes_twice()
    {
        server.On("GET", Sample.RunPath, Sample.Run("running", Sample.Step("build", "running")), Json.RunDetails);
        server.On("GET", Sample.RunPath + "/log/follow", async http =>
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
        Assert.Equal(0, await cli.RunAsync("logs", "acme/shop#12", "build", "--follow"));
        Assert.Equal("one\ntwo\nthree\n", cli.Output);
    }

    [Fact]
    public async Task A_start_sends_what_was_given_once_and_prints_the_page()
    {
        server.On("POST", "/api/v1/repos/acme/shop/runs", http =>
        {
            Assert.Equal(32, http.Request.Headers["Idempotency-Key"].ToString().Length);
            return ScriptedServer.WriteAsync(http, 201, "application/json", JsonSerializer.Serialize(Sample.Summary("queued"), Json.RunSummary));
        });
        Assert.Equal(0, await cli.RunAsync("start", "acme/shop", "--branch", "main", "--input", "level=3", "--env", "A=b c"));
        Assert.Equal("https://ci.example/acme/shop/runs/12\n", cli.Output);
        Assert.Contains(server.Asked, a => a.Body == """{"branch":"main","inputs":{"level":"3"},"environment":{"A":"b c"}}""");
    }

    [Theory]
    [InlineData("invalid", "error", 3)]
    [InlineData("queued", "warning", 0)]
    public async Task What_keeps_a_run_from_running_is_said_by_the_start_itself(string state, string severity, int exit)
    {
        var problem = new FileProblem("BR1050", severity, "there is no input `whom`", "ci.yml", 1, 1, "Did you mean `who`?");
        server.On("POST", "/api/v1/repos/acme/shop/runs", Sample.Summary(state) with { Problems = [problem] }, Json.RunSummary, 201);
        Assert.Equal(exit, await cli.RunAsync("start", "acme/shop", "--input", "whom=x"));
        Assert.Equal("https://ci.example/acme/shop/runs/12\n", cli.Output);
        Assert.Equal($"ci.yml(1,1): {severity} BR1050: there is no input `whom`. Did you mean `who`?\n", cli.Error);
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
        server.On("GET", Sample.RunPath, Sample.Run("failure") with { Workflows = [Cell(1, "1.22"), Cell(2, "1.23\e[2J")] }, Json.RunDetails);
        server.On("GET", Sample.RunPath + "/log", http => ScriptedServer.WriteAsync(http, 200, "application/x-ndjson", Line(1, $"from {http.Request.Query["workflow"]}") + "\n"));
        Assert.Equal(0, await cli.RunAsync("show", "acme/shop#12"));
        Assert.Contains("  build (go=1.22)  ✗ test", cli.Output, StringComparison.Ordinal);
        Assert.Contains("✗ build (go=1.22)/test  exit 1", cli.Output, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', cli.Output);
        Assert.Equal(0, await cli.RunAsync("logs", "acme/shop#12"));
        Assert.StartsWith("build (1.22)/test", cli.Output, StringComparison.Ordinal);
        foreach (var named in new[] { "build/1/test", "build (go=1.22)/test", "build (1.22)/test" })
        {
            Assert.Equal(0, await cli.RunAsync("logs", "acme/shop#12", named));
            Assert.Equal("from build/1\n", cli.Output);
        }

        Assert.Equal(2, await cli.RunAsync("logs", "acme/shop#12", "test"));
        Assert.Contains("several workflows have a step 'test': build/1/test (go=1.22), build/2/test", cli.Error, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', cli.Error);
    }

    [Fact]
    public async Task Of_a_pull_request_and_of_a_tag_lists_say_so()
    {
        server.On("GET", ApiRoutes.Runs, new RunPage([Sample.Summary("success") with { Ref = "refs/pull/7/head" }, Sample.Summary("success") with { Ref = "refs/tags/v1/b" }], null), Json.RunPage);
        Assert.Equal(0, await cli.RunAsync("ls"));
        Assert.Contains("PR 7 (main)", cli.Output, StringComparison.Ordinal);
        Assert.Contains("tag v1/b", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_runs_again_can_be_followed_at_once()
    {
        server.On("POST", Sample.RunPath + "/rerun", Sample.Summary("queued") with { Attempt = 2 }, Json.RunSummary, 201);
        server.On("GET", Sample.RunPath + "/events", async http =>
        {
            await ScriptedServer.EventAsync(http, "run", JsonSerializer.Serialize(Sample.Run("running", Sample.Step("build", "running")), Json.RunDetails));
            await ScriptedServer.EventAsync(http, "run", JsonSerializer.Serialize(Sample.Run("failure", Sample.Step("build", "failure", 7)), Json.RunDetails));
            await ScriptedServer.EventAsync(http, "end", "{}");
        });
        server.On("GET", Sample.RunPath + "/log/follow", http => ScriptedServer.EventAsync(http, "end", "{}"));
        Assert.Equal(1, await cli.RunAsync("rerun", "acme/shop#12", "--failed", "--watch", "--progress", "plain"));
        Assert.StartsWith("acme/shop#12 attempt 2\n", cli.Output, StringComparison.Ordinal);
        Assert.Contains("build │ failed in 2.0s: exit 7", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_log_of_a_run_without_steps_is_refused_with_why_there_are_none()
    {
        server.On("GET", Sample.RunPath, Sample.Run("invalid") with { Run = Sample.Summary("invalid") with { Reason = "its files have errors" }, Workflows = [] }, Json.RunDetails);
        Assert.Equal(2, await cli.RunAsync("logs", "acme/shop#12", "test"));
        Assert.Equal("buildrunner: acme/shop#12 has no step 'test'; it has no steps at all: its files have errors\n", cli.Error);
    }

    [Theory]
    [InlineData("read,run")]
    [InlineData("read, run")]
    [InlineData("read", "--scope", "run")]
    [InlineData("read", "run")]
    public async Task Scopes_of_a_token_are_a_list_as_the_documentation_writes_it(params string[] scopes)
    {
        var info = new ApiToken("1", "ci", ["read", "run"], Sample.At, null, null);
        server.On("POST", ApiRoutes.Tokens, new CreatedApiToken(info, "brt_new"), Json.CreatedApiToken, 201);
        Assert.Equal(0, await cli.RunAsync(["token", "create", "ci", "--scope", .. scopes]));
        var asked = Assert.Single(server.Asked, a => a.Path == ApiRoutes.Tokens);
        Assert.Equal(["read", "run"], JsonDocument.Parse(asked.Body).RootElement.GetProperty("scopes").EnumerateArray().Select(s => s.GetString()));

        Assert.Equal(2, await cli.RunAsync("token", "create", "ci", "--scope", "read,everything"));
        Assert.Contains("--scope takes a list of read, run, approve, admin; 'everything' is none of them", cli.Error, StringComparison.Ordinal);
        Assert.Equal(2, await cli.RunAsync("token", "create", "ci", "--scope", ""));
    }

    [Fact]
    public async Task A_token_for_an_agent_comes_with_what_to_do_with_it_and_alone_on_standard_output()
    {
        server.On("POST", ApiRoutes.AgentTokens, new AgentToken("brr_once", Sample.At.AddHours(1)), Json.AgentToken, 201);
        Assert.Equal(0, await cli.RunAsync("agents", "token"));
        Assert.Equal("brr_once\n", cli.Output);
        Assert.Contains($"until 2027-03-01 10:58:00Z; on its machine, at the first start: buildrunner agent --server {server.Url.TrimEnd('/')}/ --token-file FILE", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_no_secret_is_found_it_says_whose_were_looked_for()
    {
        server.On("GET", TriggerRoutes.Secrets, new ApiList<SecretInfo>([]), Json.SecretList);
        server.On("GET", "/api/v1/repos/acme/shop/secrets", new ApiList<SecretInfo>([]), Json.SecretList);
        Assert.Equal(0, await cli.RunAsync("secret", "ls"));
        Assert.Equal("no secret of the whole installation; those of one repository: --repo OWNER/NAME, of an owner: --org OWNER\n", cli.Output);
        Assert.Equal(0, await cli.RunAsync("secret", "ls", "--repo", "acme/shop"));
        Assert.Contains("no secret of acme/shop alone\n", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_cannot_be_undone_is_asked_on_a_terminal_and_refused_without_one()
    {
        server.On("POST", Sample.RunPath + "/cancel", Sample.Run("running"), Json.RunDetails);
        Assert.Equal(2, await cli.RunAsync("cancel", "acme/shop#12"));
        Assert.Contains("--yes", cli.Error, StringComparison.Ordinal);
        cli.Terminal = TerminalFacts.None with { InputIsTerminal = true };
        cli.Input = "n\n";
        Assert.Equal(1, await cli.RunAsync("cancel", "acme/shop#12"));
        Assert.DoesNotContain(server.Asked, a => a.Method == "POST");
        cli.Input = "y\n";
        Assert.Equal(0, await cli.RunAsync("cancel", "acme/shop#12"));
        Assert.Equal(0, await cli.RunAsync("cancel", "acme/shop#12", "--yes", "--why", "wrong branch"));
        Assert.Contains(server.Asked, a => a.Body == """{"why":"wrong branch"}""");
    }

    [Fact]
    public async Task An_approval_is_for_exactly_the_commit_that_was_shown()
    {
        var run = Sample.Run("blocked", Sample.Step("build", "waiting")) with { Approval = new ApprovalDetails { Commit = Sample.Commit, Reason = "a fork's pull request" } };
        server.On("GET", Sample.RunPath, run, Json.RunDetails);
        server.On("POST", Sample.RunPath + "/approve", run with { Approval = run.Approval! with { Approved = true } }, Json.RunDetails);
        Assert.Equal(2, await cli.RunAsync("approve", "acme/shop#12"));
        Assert.Contains($"--commit {Sample.Commit}", cli.Error, StringComparison.Ordinal);
        Assert.Equal(2, await cli.RunAsync("approve", "acme/shop#12", "--commit", "3f9c2e1"));
        Assert.Contains($"that is not all of it; acme/shop#12 waits for an approval of {Sample.Commit}", cli.Error, StringComparison.Ordinal);
        cli.Terminal = TerminalFacts.None with { InputIsTerminal = true };
        cli.Input = "0000000\n";
        Assert.Equal(1, await cli.RunAsync("approve", "acme/shop#12"));
        cli.Input = "3f9c2e1\n";
        Assert.Equal(0, await cli.RunAsync("approve", "acme/shop#12"));
        var sent = Assert.Single(server.Asked, a => a.Method == "POST");
        Assert.Equal($$"""{"commit":"{{Sample.Commit}}"}""", sent.Body);
    }

    [Fact]
    public async Task Settings_that_were_not_given_stay_as_they_are()
    {
        var repository = new Repository { Name = "acme/shop", CloneUrl = "https://f.example/acme/shop", DefaultBranch = "main", CreatedAt = Sample.At, Settings = new RepositorySettings { TrustVolumes = true, Priority = 3 } };
        server.On("GET", "/api/v1/repos/acme/shop", repository, Json.Repository);
        server.On("PATCH", "/api/v1/repos/acme/shop", repository, Json.Repository);
        Assert.Equal(0, await cli.RunAsync("repo", "set", "acme/shop", "--approve", "all", "--timeout", "30m"));
        var sent = Assert.Single(server.Asked, a => a.Method == "PATCH");
        var settings = JsonDocument.Parse(sent.Body).RootElement.GetProperty("settings");
        Assert.Equal(
            (true, 3, "all", 1800),
            (settings.GetProperty("trustVolumes").GetBoolean(), settings.GetProperty("priority").GetInt32(), settings.GetProperty("approve").GetString(), settings.GetProperty("timeoutSeconds").GetInt32()));
        Assert.Equal(2, await cli.RunAsync("repo", "rm", "acme/shop"));
    }

    [Fact]
    public async Task The_queue_says_why_each_waits()
    {
        var item = new QueueItem { Repo = "acme/shop", Number = 12, Workflow = "ci", Label = "ci", Step = "build", Since = Sample.At, Reason = "no agent with label gpu" };
        server.On("GET", ApiRoutes.Queue, new QueueInfo("kim", [item], 1), Json.QueueInfo);
        Assert.Equal(0, await cli.RunAsync("queue", "ls"));
        Assert.Contains("paused by kim", cli.Output, StringComparison.Ordinal);
        Assert.Contains("1      acme/shop#12 ci/build  2 minutes  no agent with label gpu\n", cli.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(403, 4)]
    [InlineData(404, 2)]
    [InlineData(409, 2)]
    [InlineData(422, 2)]
    [InlineData(429, 6)]
    [InlineData(500, 6)]
    [InlineData(503, 6)]
    public async Task A_refusal_is_said_in_the_servers_words_with_its_exit_code(int status, int exit)
    {
        server.Refuse("GET", ApiRoutes.Agents, status, "x", "what happened and what to do");
        Assert.Equal(exit, await cli.RunAsync("agents", "ls"));
        Assert.Contains("what happened and what to do", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Four_when_nobody_is_logged_in_and_six_when_nobody_answers()
    {
        cli.Environment["BUILDRUNNER_TOKEN"] = "brt_wrong";
        Assert.Equal(4, await cli.RunAsync("ls"));
        Assert.Contains("does not take the token of BUILDRUNNER_TOKEN", cli.Error, StringComparison.Ordinal);
        cli.Environment.Remove("BUILDRUNNER_TOKEN");
        Assert.Equal(4, await cli.RunAsync("ls"));
        Assert.Contains("buildrunner login", cli.Error, StringComparison.Ordinal);
        Assert.Equal(6, await cli.RunAsync("ls", "--server", "http://127.0.0.1:1"));
        Assert.Contains("cannot be reached", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_redirect_does_not_carry_the_token_elsewhere()
    {
        await using var elsewhere = await ScriptedServer.StartAsync();
        server.On("GET", ApiRoutes.Agents, http =>
        {
            http.Response.Redirect(elsewhere.Url + ApiRoutes.Agents);
            return Task.CompletedTask;
        });
        Assert.Equal(6, await cli.RunAsync("agents", "ls"));
        Assert.Empty(elsewhere.Asked);
    }

    [Fact]
    public async Task Any_call_can_be_made_and_its_answer_is_printed_as_it_is_and_behind_JSON_a_line_ends()
    {
        server.On("POST", "/api/v1/queue/pause", http => ScriptedServer.WriteAsync(http, 200, "application/json", "{ \"as\" : \"it is\" }"));
        cli.Input = """{"why":"move"}""";
        Assert.Equal(0, await cli.RunAsync("api", "post", "queue/pause", "--body", "-"));
        Assert.Equal("{ \"as\" : \"it is\" }\n", cli.Output);
        server.On("GET", "/api/v1/bytes", http => ScriptedServer.WriteAsync(http, 200, "application/octet-stream", "abc"));
        Assert.Equal(0, await cli.RunAsync("api", "get", "bytes"));
        Assert.Equal("abc", cli.Output);
        Assert.Contains(server.Asked, a => a.Body == """{"why":"move"}""");
        Assert.Equal(2, await cli.RunAsync("api", "GET", "nothing"));
        Assert.Contains("404", cli.Error, StringComparison.Ordinal);
    }

    private static string Line(long n, string text) => $$"""{"n":{{n}},"at":"2027-03-01T09:58:01Z","s":"out","text":"{{text}}"}""";
}
