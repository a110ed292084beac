using System.Text;
using System.Text.Json;
using BuildRunner.Cli;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Access;
using BuildRunner.Server.Sources;
using BuildRunner.Server.Tests.Pages;
using BuildRunner.Server.Tests.Sources;
using BuildRunner.Testing;

namespace BuildRunner.Server.Tests.Api;

/// <summary>The client's verbs against a whole server: what one of them writes the other reads.</summary>
public sealed class Command_line_against_the_server : IAsyncLifetime
{
    private readonly TestFolder folder = TestFolder.Create();
    private readonly Dictionary<string, string> environment = new() { ["LANG"] = "C.UTF-8" };
    private RunOnPages run = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        run = await RunOnPages.StartAsync(o => o with { Sources = new SourceOptions { LocalFolders = [folder["repos"]] } });
        environment["XDG_CONFIG_HOME"] = folder.Path;
    }

    public async ValueTask DisposeAsync()
    {
        await run.DisposeAsync();
        folder.Dispose();
    }

    [Fact]
    public async Task A_one_time_link_logs_in_once_and_then_everything_can_be_administered()
    {
        var link = await run.Server.Get<ApiTokens>().CreateLinkAsync("administrator", [Scopes.Admin], Cancel);
        var address = new Uri(run.Url, $"login/link?token={link}").AbsoluteUri;
        Assert.Equal(0, (await CliAsync("login", address, "--name", "home")).Code);
        Assert.Equal(4, (await CliAsync("login", address, "--name", "again")).Code);
        Assert.Contains("administrator at ", (await CliAsync("whoami")).Output, StringComparison.Ordinal);

        Assert.Equal(0, (await CliAsync("queue", "pause", "--why", "the move")).Code);
        Assert.Contains("paused by administrator: the move", (await CliAsync("queue", "ls")).Output, StringComparison.Ordinal);
        Assert.Equal(0, (await CliAsync("queue", "resume")).Code);
        Assert.StartsWith("brr_", (await CliAsync("agents", "token", "--label", "disk=fast")).Output, StringComparison.Ordinal);
        Assert.Contains("drained", (await CliAsync("agents", "drain", "a")).Output + (await CliAsync("agents", "ls")).Output, StringComparison.Ordinal);
        Assert.Equal(0, (await CliAsync("agents", "resume", "a")).Code);
        Assert.Equal(0, (await CliAsync("agents", "rm", "a", "--yes")).Code);
        var token = (await CliAsync("token", "create", "script", "--scope", "read", "--scope", "run", "--valid-for", "1d")).Output.Trim();
        Assert.StartsWith("brt_", token, StringComparison.Ordinal);
        using var listed = JsonDocument.Parse((await CliAsync("token", "ls", "--json")).Output);
        var id = listed.RootElement.EnumerateArray().Single(t => t.GetProperty("name").GetString() == "script").GetProperty("id").GetString()!;
        Assert.Equal(0, (await CliAsync("token", "rm", id, "--yes")).Code);
        Assert.Contains("token.deleted", (await CliAsync("audit", "--limit", "5")).Output, StringComparison.Ordinal);
        Assert.Contains("\"openapi\"", (await CliAsync("api", "GET", "/api/openapi.json")).Output, StringComparison.Ordinal);
        environment["BUILDRUNNER_TOKEN"] = token;
        Assert.Equal(4, (await CliAsync("ls")).Code);
    }

    [Fact]
    public async Task A_repository_is_added_changed_shown_and_removed()
    {
        await LogInAsync(Scopes.Admin);
        var refused = await CliAsync("repo", "add", "acme/site", "/srv/not-allowed");
        Assert.Equal(2, refused.Code);
        Assert.DoesNotContain("defect", refused.Error, StringComparison.Ordinal);
        Assert.Equal((0, "acme/site is here, default branch trunk; start a run with: buildrunner start acme/site\n"), Said(await CliAsync("repo", "add", "acme/site", "https://127.0.0.1:1/acme/site.git", "--branch", "trunk", "--trust", "volumes", "--priority", "4")));
        var shown = (await CliAsync("repo", "set", "acme/site", "--approve", "all", "--timeout", "20m")).Output;
        Assert.Contains("trusted with      volumes", shown, StringComparison.Ordinal);
        Assert.Contains("approval needed   all", shown, StringComparison.Ordinal);
        Assert.Contains("time limit        20m 00s", shown, StringComparison.Ordinal);
        Assert.Contains("acme/site", (await CliAsync("repo", "ls")).Output, StringComparison.Ordinal);
        Assert.StartsWith("no run yet", (await CliAsync("ls", "--repo", "acme/site")).Output, StringComparison.Ordinal);
        Assert.Equal(
            (2, "buildrunner: there is no repository 'acme/stie'; 'buildrunner repo ls' lists those that there are, 'buildrunner repo add' adds one\n"),
            await CliAsync("ls", "--repo", "acme/stie") is var unknown ? (unknown.Code, unknown.Error) : default);
        Assert.Equal(2, (await CliAsync("start", "acme/site")).Code);
        Assert.Equal(0, (await CliAsync("repo", "rm", "acme/site", "--yes")).Code);
        Assert.Equal(2, (await CliAsync("repo", "show", "acme/site")).Code);
    }

    [Fact]
    public async Task A_run_is_watched_to_its_end_and_its_logs_read()
    {
        await LogInAsync(Scopes.Read, Scopes.Run);
        await run.RunAsync(TestPlans.Steps("build", "test"));
        var watching = CliAsync("watch", "@latest");
        var build = await run.StepAsync();
        await run.WriteAsync(build, "compiling", "error: no");
        await run.EndAsync(build, new Outcome.Failure(new FailureReason.ExitCode(7)));
        await run.ReleaseAsync();
        var watched = await watching.WaitAsync(TimeSpan.FromSeconds(60), Cancel);
        Assert.True(watched.Code == 1, watched.Error);
        Assert.Contains("build │ compiling\nbuild │ error: no\nbuild │ failed in", watched.Error, StringComparison.Ordinal);
        Assert.Contains("✗ failed in", watched.Error, StringComparison.Ordinal);
        Assert.Contains("buildrunner logs acme/shop#1 build", watched.Error, StringComparison.Ordinal);
        Assert.Equal((0, "error: no\n"), Said(await CliAsync("logs", "acme/shop#1", "build", "--tail", "1")));
        Assert.Equal((0, "compiling\nerror: no\n"), Said(await CliAsync("logs", "1", "--failed", "--raw")));
        Assert.Contains("✗ build", (await CliAsync("show", run.Url + "acme/shop/runs/1")).Output, StringComparison.Ordinal);
        Assert.Equal(1, (await CliAsync("watch", "1", "-q")).Code);
        Assert.StartsWith("acme/shop#1 attempt 2\n", (await CliAsync("rerun", "1", "--failed")).Output, StringComparison.Ordinal);
        Assert.Equal(0, (await CliAsync("cancel", "1", "--yes")).Code);
        Assert.Equal(130, (await CliAsync("watch", "1")).Code);
        Assert.Equal(2, (await CliAsync("cancel", "1", "--yes")).Code);
        Assert.Equal(4, (await CliAsync("queue", "pause")).Code);
    }

    [Fact]
    public async Task An_approval_lets_exactly_the_commit_run()
    {
        await LogInAsync(Scopes.Read, Scopes.Approve);
        await run.RunAsync(TestPlans.Steps("build"), trust: TestPlans.Trusted with { NeedsApproval = "a fork's pull request" });
        var wrong = await CliAsync("approve", "1", "--commit", new string('b', 40));
        Assert.True(wrong.Code == 2, wrong.Error);
        Assert.Equal(0, (await CliAsync("approve", "1", "--commit", new string('a', 40))).Code);
        Assert.Contains("queued", (await CliAsync("ls")).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_decline_ends_the_run_that_waits_for_exactly_the_commit()
    {
        await LogInAsync(Scopes.Read, Scopes.Approve);
        await run.RunAsync(TestPlans.Steps("build"), trust: TestPlans.Trusted with { NeedsApproval = "a fork's pull request" });
        Assert.Equal(2, (await CliAsync("decline", "1", "--commit", new string('b', 40))).Code);
        Assert.Contains("blocked", (await CliAsync("ls")).Output, StringComparison.Ordinal);
        Assert.Equal(0, (await CliAsync("decline", "1", "--commit", new string('a', 40))).Code);
        Assert.Contains("declined by test", (await CliAsync("show", "1")).Output, StringComparison.Ordinal);
        Assert.Equal(2, (await CliAsync("approve", "1", "--commit", new string('a', 40))).Code);
    }

    [Fact]
    public async Task A_start_makes_a_run_of_the_commit_with_its_inputs_and_prints_its_page()
    {
        await LogInAsync(Scopes.Admin);
        var commit = new GitRepository(folder["repos/site"]).Commit(
            "Add the pipeline", (".buildrunner.yml", "inputs: { count: { type: number, required: true } }\nsteps:\n  - { name: build, image: busybox, commands: [ 'echo ${count}' ] }\n"));
        Assert.Equal(0, (await CliAsync("repo", "add", "acme/site", folder["repos/site"])).Code);
        Assert.Equal((0, $"{run.Url}acme/site/runs/1\n"), Said(await CliAsync("start", "acme/site", "--branch", "main", "--input", "count=3")));
        var shown = (await CliAsync("show", "acme/site#1")).Output;
        Assert.Contains("«Add the pipeline»", shown, StringComparison.Ordinal);
        Assert.Contains(commit[..7], shown, StringComparison.Ordinal);
        Assert.Equal(3, (await CliAsync("start", "acme/site", "--input", "count=many")).Code);
    }

    [Theory]
    [InlineData("count=many", "count")]
    [InlineData("cuont=3", "cuont")]
    public async Task What_was_started_with_a_wrong_input_is_not_run_again_and_the_input_is_named(string input, string name)
    {
        await LogInAsync(Scopes.Admin);
        new GitRepository(folder["repos/site"]).Commit(
            "Add the pipeline", (".buildrunner.yml", "inputs: { count: { type: number, default: 1 } }\nsteps:\n  - { name: build, image: busybox, commands: [ 'echo ${count}' ] }\n"));
        Assert.Equal(0, (await CliAsync("repo", "add", "acme/site", folder["repos/site"])).Code);
        var (_, _, started) = await CliAsync("start", "acme/site", "--input", input);
        var again = await CliAsync("rerun", "acme/site#1");
        Assert.Equal(2, again.Code);
        Assert.Contains($"`{name}`", again.Error, StringComparison.Ordinal);
        Assert.Contains(started[(started.IndexOf("BR1050: ", StringComparison.Ordinal) + 8)..].Trim(), again.Error, StringComparison.Ordinal);
        Assert.EndsWith("; an attempt gets the same inputs again, so start a new run with others: buildrunner start OWNER/NAME --input NAME=VALUE\n", again.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("files", again.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_has_wrong_files_and_a_wrong_input_is_not_run_again_because_of_its_files()
    {
        await LogInAsync(Scopes.Admin);
        new GitRepository(folder["repos/site"]).Commit("Add the pipeline", (".buildrunner.yml", "steps:\n  - { name: build, imgae: busybox, commands: [ make ] }\n"));
        Assert.Equal(0, (await CliAsync("repo", "add", "acme/site", folder["repos/site"])).Code);
        Assert.Equal(3, (await CliAsync("start", "acme/site", "--input", "count=3")).Code);
        Assert.EndsWith("its files have errors; correct them and push\n", (await CliAsync("rerun", "acme/site#1")).Error, StringComparison.Ordinal);
    }

    private async Task LogInAsync(params string[] scopes)
    {
        Assert.Equal(0, (await TypeAsync(await run.Server.ApiTokenAsync(scopes), "login", run.Url.AbsoluteUri)).Code);
    }

    private Task<(int Code, string Output, string Error)> CliAsync(params string[] arguments) => TypeAsync("", arguments);

    private async Task<(int Code, string Output, string Error)> TypeAsync(string input, params string[] arguments)
    {
        using var output = new MemoryStream();
        using var error = new MemoryStream();
        using var typed = new MemoryStream(Encoding.UTF8.GetBytes(input));
        var code = await CommandLine.RunAsync(arguments, new CliHost
        {
            Output = output,
            Error = error,
            Input = typed,
            Terminal = TerminalFacts.None,
            Environment = environment,
            Directory = folder.Path,
            Time = TimeProvider.System,
            Signals = StopSignals.Scripted(_ => { }),
            NewEngine = Engines.Create,
        });
        return (code, Encoding.UTF8.GetString(output.ToArray()), Encoding.UTF8.GetString(error.ToArray()));
    }

    private static (int Code, string Output) Said((int Code, string Output, string Error) result) => (result.Code, result.Output);
}
