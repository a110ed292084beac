using System.Text.Json;
using BuildRunner.Core.ApiContract;

namespace BuildRunner.Cli.Tests.Client;

/// <summary>What starts, changes and ends things at a server, and what is said of a refusal.</summary>
public sealed class Client_verbs : IAsyncLifetime
{
    private static readonly ApiJson Json = ApiJson.Default;
    private LoggedInCli home = null!;

    private TestCli Cli => home.Cli;

    private ScriptedServer Server => home.Server;

    public async ValueTask InitializeAsync() => home = await LoggedInCli.StartAsync();

    public ValueTask DisposeAsync() => home.DisposeAsync();

    [Fact]
    public async Task A_start_sends_what_was_given_once_and_prints_the_page()
    {
        Server.On("POST", "/api/v1/repos/acme/shop/runs", http =>
        {
            Assert.Equal(32, http.Request.Headers["Idempotency-Key"].ToString().Length);
            return ScriptedServer.WriteAsync(http, 201, "application/json", JsonSerializer.Serialize(Sample.Summary("queued"), Json.RunSummary));
        });
        Assert.Equal(0, await Cli.RunAsync("start", "acme/shop", "--branch", "main", "--input", "level=3", "--env", "A=b c"));
        Assert.Equal("https://ci.example/acme/shop/runs/12\n", Cli.Output);
        Assert.Contains(Server.Asked, a => a.Body == """{"branch":"main","inputs":{"level":"3"},"environment":{"A":"b c"}}""");
    }

    [Theory]
    [InlineData("invalid", "error", 3)]
    [InlineData("queued", "warning", 0)]
    public async Task What_keeps_a_run_from_running_is_said_by_the_start_itself(string state, string severity, int exit)
    {
        var problem = new FileProblem("BR1050", severity, "there is no input `whom`", "ci.yml", 1, 1, "Did you mean `who`?");
        Server.On("POST", "/api/v1/repos/acme/shop/runs", Sample.Summary(state) with { Problems = [problem] }, Json.RunSummary, 201);
        Assert.Equal(exit, await Cli.RunAsync("start", "acme/shop", "--input", "whom=x"));
        Assert.Equal("https://ci.example/acme/shop/runs/12\n", Cli.Output);
        Assert.Equal($"ci.yml(1,1): {severity} BR1050: there is no input `whom`. Did you mean `who`?\n", Cli.Error);
    }

    [Fact]
    public async Task What_runs_again_can_be_followed_at_once()
    {
        Server.On("POST", Sample.RunPath + "/rerun", Sample.Summary("queued") with { Attempt = 2 }, Json.RunSummary, 201);
        Server.On("GET", Sample.RunPath + "/events", async http =>
        {
            await ScriptedServer.EventAsync(http, "run", JsonSerializer.Serialize(Sample.Run("running", Sample.Step("build", "running")), Json.RunDetails));
            await ScriptedServer.EventAsync(http, "run", JsonSerializer.Serialize(Sample.Run("failure", Sample.Step("build", "failure", 7)), Json.RunDetails));
            await ScriptedServer.EventAsync(http, "end", "{}");
        });
        Server.On("GET", Sample.RunPath + "/log/follow", http => ScriptedServer.EventAsync(http, "end", "{}"));
        Assert.Equal(1, await Cli.RunAsync("rerun", "acme/shop#12", "--failed", "--watch", "--progress", "plain"));
        Assert.StartsWith("acme/shop#12 attempt 2\n", Cli.Output, StringComparison.Ordinal);
        Assert.Contains("build │ failed in 2.0s: exit 7", Cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_no_secret_is_found_it_says_whose_were_looked_for()
    {
        Server.On("GET", TriggerRoutes.Secrets, new ApiList<SecretInfo>([]), Json.SecretList);
        Server.On("GET", "/api/v1/repos/acme/shop/secrets", new ApiList<SecretInfo>([]), Json.SecretList);
        Assert.Equal(0, await Cli.RunAsync("secret", "ls"));
        Assert.Equal("no secret of the whole installation; those of one repository: --repo OWNER/NAME, of an owner: --org OWNER\n", Cli.Output);
        Assert.Equal(0, await Cli.RunAsync("secret", "ls", "--repo", "acme/shop"));
        Assert.Contains("no secret of acme/shop alone\n", Cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_cannot_be_undone_is_asked_on_a_terminal_and_refused_without_one()
    {
        Server.On("POST", Sample.RunPath + "/cancel", Sample.Run("running"), Json.RunDetails);
        Assert.Equal(2, await Cli.RunAsync("cancel", "acme/shop#12"));
        Assert.Contains("--yes", Cli.Error, StringComparison.Ordinal);
        Cli.Terminal = TerminalFacts.None with { InputIsTerminal = true };
        Cli.Input = "n\n";
        Assert.Equal(1, await Cli.RunAsync("cancel", "acme/shop#12"));
        Assert.DoesNotContain(Server.Asked, a => a.Method == "POST");
        Cli.Input = "y\n";
        Assert.Equal(0, await Cli.RunAsync("cancel", "acme/shop#12"));
        Assert.Equal(0, await Cli.RunAsync("cancel", "acme/shop#12", "--yes", "--why", "wrong branch"));
        Assert.Contains(Server.Asked, a => a.Body == """{"why":"wrong branch"}""");
    }

    [Fact]
    public async Task An_approval_is_for_exactly_the_commit_that_was_shown()
    {
        var run = Sample.Run("blocked", Sample.Step("build", "waiting")) with { Approval = new ApprovalDetails { Commit = Sample.Commit, Reason = "a fork's pull request" } };
        Server.On("GET", Sample.RunPath, run, Json.RunDetails);
        Server.On("POST", Sample.RunPath + "/approve", run with { Approval = run.Approval! with { Approved = true } }, Json.RunDetails);
        Assert.Equal(2, await Cli.RunAsync("approve", "acme/shop#12"));
        Assert.Contains($"--commit {Sample.Commit}", Cli.Error, StringComparison.Ordinal);
        Assert.Equal(2, await Cli.RunAsync("approve", "acme/shop#12", "--commit", "3f9c2e1"));
        Assert.Contains($"that is not all of it; acme/shop#12 waits for an approval of {Sample.Commit}", Cli.Error, StringComparison.Ordinal);
        Cli.Terminal = TerminalFacts.None with { InputIsTerminal = true };
        Cli.Input = "0000000\n";
        Assert.Equal(1, await Cli.RunAsync("approve", "acme/shop#12"));
        Cli.Input = "3f9c2e1\n";
        Assert.Equal(0, await Cli.RunAsync("approve", "acme/shop#12"));
        var sent = Assert.Single(Server.Asked, a => a.Method == "POST");
        Assert.Equal($$"""{"commit":"{{Sample.Commit}}"}""", sent.Body);
    }

    [Fact]
    public async Task Settings_that_were_not_given_stay_as_they_are()
    {
        var repository = new Repository { Name = "acme/shop", CloneUrl = "https://f.example/acme/shop", DefaultBranch = "main", CreatedAt = Sample.At, Settings = new RepositorySettings { TrustVolumes = true, Priority = 3 } };
        Server.On("GET", "/api/v1/repos/acme/shop", repository, Json.Repository);
        Server.On("PATCH", "/api/v1/repos/acme/shop", repository, Json.Repository);
        Assert.Equal(0, await Cli.RunAsync("repo", "set", "acme/shop", "--approve", "all", "--timeout", "30m"));
        var sent = Assert.Single(Server.Asked, a => a.Method == "PATCH");
        var settings = JsonDocument.Parse(sent.Body).RootElement.GetProperty("settings");
        Assert.Equal(
            (true, 3, "all", 1800),
            (settings.GetProperty("trustVolumes").GetBoolean(), settings.GetProperty("priority").GetInt32(), settings.GetProperty("approve").GetString(), settings.GetProperty("timeoutSeconds").GetInt32()));
        Assert.Equal(2, await Cli.RunAsync("repo", "rm", "acme/shop"));
    }

    [Fact]
    public async Task The_queue_says_why_each_waits()
    {
        var item = new QueueItem { Repo = "acme/shop", Number = 12, Workflow = "ci", Label = "ci", Step = "build", Since = Sample.At, Reason = "no agent with label gpu" };
        Server.On("GET", ApiRoutes.Queue, new QueueInfo("kim", [item], 1), Json.QueueInfo);
        Assert.Equal(0, await Cli.RunAsync("queue", "ls"));
        Assert.Contains("paused by kim", Cli.Output, StringComparison.Ordinal);
        Assert.Contains("1      acme/shop#12 ci/build  2 minutes  no agent with label gpu\n", Cli.Output, StringComparison.Ordinal);
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
        Server.Refuse("GET", ApiRoutes.Agents, status, "x", "what happened and what to do");
        Assert.Equal(exit, await Cli.RunAsync("agents", "ls"));
        Assert.Contains("what happened and what to do", Cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Any_call_can_be_made_and_its_answer_is_printed_as_it_is_and_behind_JSON_a_line_ends()
    {
        Server.On("POST", "/api/v1/queue/pause", http => ScriptedServer.WriteAsync(http, 200, "application/json", "{ \"as\" : \"it is\" }"));
        Cli.Input = """{"why":"move"}""";
        Assert.Equal(0, await Cli.RunAsync("api", "post", "queue/pause", "--body", "-"));
        Assert.Equal("{ \"as\" : \"it is\" }\n", Cli.Output);
        Server.On("GET", "/api/v1/bytes", http => ScriptedServer.WriteAsync(http, 200, "application/octet-stream", "abc"));
        Assert.Equal(0, await Cli.RunAsync("api", "get", "bytes"));
        Assert.Equal("abc", Cli.Output);
        Assert.Contains(Server.Asked, a => a.Body == """{"why":"move"}""");
        Assert.Equal(2, await Cli.RunAsync("api", "GET", "nothing"));
        Assert.Contains("404", Cli.Error, StringComparison.Ordinal);
    }
}
