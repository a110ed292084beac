using System.Net;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Access;
using BuildRunner.Server.Sources;
using BuildRunner.Server.Tests.Sources;
using BuildRunner.Testing;

namespace BuildRunner.Server.Tests.Api;

/// <summary>From a git repository to a run in the queue, through the API.</summary>
public sealed class Runs_of_a_repository : IAsyncLifetime
{
    private const string Two = """
        steps:
          - name: build
            image: busybox
            commands: [ "echo ${CI_COMMIT_BRANCH}" ]
          - name: test
            image: busybox
            commands: [ "true" ]
        """;

    private readonly TestFolder folder = TestFolder.Create();
    private HttpServer server = null!;
    private ApiClient api = null!;
    private GitRepository git = null!;

    private static ApiJson Json => ApiJson.Default;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        server = await HttpServer.StartAsync(o => o with { Sources = new SourceOptions { LocalFolders = [folder["repos"]] } });
        api = new ApiClient(server.With(await server.ApiTokenAsync(Scopes.Admin)));
        git = new GitRepository(folder["repos/shop"]);
    }

    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        folder.Dispose();
    }

    [Fact]
    public async Task A_branch_is_read_planned_and_queued_with_the_facts_of_its_commit()
    {
        var commit = git.Commit("Add the pipeline\n\nand more", (".buildrunner.yml", Two));
        var repository = await AddAsync();
        Assert.Equal("main", repository.DefaultBranch);

        var run = await StartAsync(new StartRun());
        Assert.Equal(("acme/shop", 1, 1, "queued", "manual", "main", commit), (run.Repo, run.Number, run.Attempt, run.State, run.Event, run.Branch, run.Commit));
        Assert.Equal("Add the pipeline", run.Title);
        Assert.EndsWith("/acme/shop/runs/1", run.Url, StringComparison.Ordinal);

        var details = await api.GetAsync(Of(ApiRoutes.Run), Json.RunDetails);
        var workflow = Assert.Single(details.Workflows);
        Assert.Equal(("buildrunner", "queued", "no agent has registered"), (workflow.Name, workflow.State, workflow.Reason));
        Assert.Equal(["clone", "build", "test"], workflow.Steps.Select(s => s.Name));
        Assert.Equal("waits for step 'build'", workflow.Steps[2].Reason);
        Assert.Equal(run.Id, (await api.GetAsync(ApiRoutes.Run.Replace("{owner}/{name}", "ACME/Shop", StringComparison.Ordinal).Replace("{number}", "latest", StringComparison.Ordinal), Json.RunDetails)).Run.Id);
        var plan = await api.Http.GetStringAsync(Of(ApiRoutes.RunPlan), Cancel);
        Assert.Contains("\"v\": 1", plan);
    }

    [Fact]
    public async Task Runs_that_are_started_at_once_and_one_after_the_other_have_all_numbers_without_a_gap()
    {
        git.Commit("one", (".buildrunner.yml", Two));
        await AddAsync();
        for (var burst = 0; burst < 3; burst++)
        {
            var alone = await StartAsync(new StartRun());
            var together = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => StartAsync(new StartRun())));
            Assert.Equal(Enumerable.Range((burst * 9) + 1, 9), together.Select(r => r.Number).Prepend(alone.Number).Order());
        }
    }

    [Fact]
    public async Task The_same_call_twice_is_one_run()
    {
        git.Commit("one", (".buildrunner.yml", Two));
        await AddAsync();
        var first = await StartAsync(new StartRun(), key: "deploy-7");
        var again = await StartAsync(new StartRun(), HttpStatusCode.OK, key: "deploy-7");
        var other = await StartAsync(new StartRun(), key: "deploy-8");
        Assert.Equal(first.Id, again.Id);
        Assert.NotEqual(first.Id, other.Id);
        Assert.Equal(2, (await api.GetAsync(ApiRoutes.Runs, Json.RunPage)).Items.Count);
    }

    [Fact]
    public async Task Tags_commits_and_pull_requests_are_found_and_a_strangers_pull_request_waits_for_its_exact_commit()
    {
        var first = git.Commit("one", (".buildrunner.yml", Two));
        git.Git("tag", "-a", "v1", "-m", "one");
        var second = git.Commit("two");
        git.Git("update-ref", "refs/pull/7/head", second);
        git.Git("reset", "--quiet", "--hard", first);
        await AddAsync();

        Assert.Equal((first, "tag v1"), (await StartAsync(new StartRun { Tag = "v1", Event = "tag" })) is var tagged ? (tagged.Commit, tagged.Place) : default);
        Assert.Equal(first, (await StartAsync(new StartRun { Commit = first, Branch = "main" })).Commit);
        Assert.Equal((first, "main"), (await StartAsync(new StartRun { Commit = first })) is var named ? (named.Commit, named.Branch) : default);

        // Hosts hand out the commits of pull requests too; none of them passes for one of the default branch.
        git.Git("config", "uploadpack.allowAnySHA1InWant", "true");
        var refused = await api.RefusedAsync("POST", ApiRoutes.For(ApiRoutes.RunsOfRepository, "acme/shop"), $$"""{"commit":"{{second}}"}""");
        Assert.Equal((ApiProblems.Source, $"commit {second[..12]} is not on branch 'main'; name the branch that it is on"), (refused.Code, refused.Detail));
        var pull = await StartAsync(new StartRun { PullRequest = 7, Event = "pull_request" });
        Assert.Equal((second, "blocked", "PR 7 (main)"), (pull.Commit, pull.State, pull.Place));
        var route = ApiRoutes.For(ApiRoutes.Approve, "acme/shop", pull.Number);
        Assert.Equal(ApiProblems.State, (await api.RefusedAsync("POST", route, $$"""{"commit":"{{first}}"}""")).Code);
        var approved = await api.SendAsync("POST", route, new DecideRun(second), Json.DecideRun, Json.RunDetails);
        Assert.Equal(("queued", true), (approved.Run.State, approved.Approval!.Approved));
    }

    [Theory]
    [InlineData("""{"branch":"nope"}""", ApiProblems.Source, "no branch 'nope'")]
    [InlineData("""{"branch":"--upload-pack=touch"}""", ApiProblems.Source, "no branch '--upload-pack=touch'")]
    [InlineData("""{"branch":"a..b"}""", ApiProblems.Request, "'branch'")]
    [InlineData("""{"commit":"HEAD"}""", ApiProblems.Request, "'commit'")]
    [InlineData("""{"commit":"0123456789012345678901234567890123456789"}""", ApiProblems.Source, "is not on branch 'main'")]
    [InlineData("""{"branch":"main","tag":"v1"}""", ApiProblems.Request, "either")]
    [InlineData("""{"event":"party"}""", ApiProblems.Request, "'event'")]
    [InlineData("""{"environment":{"CI_COMMIT_SHA":"1"}}""", ApiProblems.Request, "CI_COMMIT_SHA")]
    [InlineData("""{"brunch":"main"}""", ApiProblems.Request, "brunch")]
    public async Task What_cannot_be_started_is_refused_with_a_word_for_programs_and_a_sentence_for_people(string body, string code, string detail)
    {
        git.Commit("one", (".buildrunner.yml", Two));
        await AddAsync();
        var problem = await api.RefusedAsync("POST", ApiRoutes.For(ApiRoutes.RunsOfRepository, "acme/shop"), body);
        Assert.Equal(code, problem.Code);
        Assert.Contains(detail, problem.Detail);
        Assert.Empty((await api.GetAsync(ApiRoutes.Runs, Json.RunPage)).Items);
    }

    [Theory]
    [InlineData("LD_PRELOAD")]
    [InlineData("BASH_ENV")]
    [InlineData("GIT_SSH_COMMAND")]
    [InlineData("MAKEFLAGS")]
    [InlineData("RUSTC_WRAPPER")]
    [InlineData("npm_config_script_shell")]
    public async Task Whoever_may_only_start_runs_gives_no_variable_that_makes_their_programs_run_something_else(string name)
    {
        git.Commit("one", (".buildrunner.yml", Two));
        await AddAsync();
        var starter = new ApiClient(server.With(await server.ApiTokenAsync(Scopes.Run)));
        var problem = await starter.RefusedAsync("POST", ApiRoutes.For(ApiRoutes.RunsOfRepository, "acme/shop"), $$$"""{"environment":{"{{{name}}}":"/tmp/x"}}""");
        Assert.Equal(ApiProblems.Request, problem.Code);
        Assert.Contains($"'{name}'", problem.Detail);
        Assert.Equal("queued", (await StartAsync(new StartRun { Environment = new Dictionary<string, string> { [name] = "/tmp/x", ["TARGET"] = "a" } })).State);
    }

    [Fact]
    public async Task A_commit_that_names_more_files_than_there_is_memory_makes_its_run_all_the_same()
    {
        git.Commit("one", (".buildrunner.yml", Two), ("leaf/a", "x"));
        var tree = git.Git("rev-parse", "HEAD:leaf").Trim();
        for (var level = 0; level < 10; level++)
        {
            File.WriteAllText(folder["entries"], string.Concat(Enumerable.Range(0, 12).Select(i => $"040000 tree {tree}\tfolder-{i:00}\n")));
            tree = git.Shell($"git mktree < '{folder["entries"]}'");
        }

        File.WriteAllText(folder["entries"], $"100644 blob {git.Git("rev-parse", "HEAD:.buildrunner.yml").Trim()}\t.buildrunner.yml\n040000 tree {tree}\tbomb\n");
        var root = git.Shell($"git mktree < '{folder["entries"]}'");
        git.Git("update-ref", "refs/heads/main", git.Git("commit-tree", root, "-p", "HEAD", "-m", "a bomb").Trim());
        await AddAsync();
        Assert.Equal(("queued", "a bomb"), (await StartAsync(new StartRun { Event = "push" })) is var run ? (run.State, run.Title) : default);
    }

    [Fact]
    public async Task Files_with_errors_make_a_run_that_is_invalid_and_says_why()
    {
        git.Commit("one", (".buildrunner.yml", "steps:\n  - name: build\n    image: busybox\n    comands: [x]\n"));
        await AddAsync();
        var run = await StartAsync(new StartRun());
        Assert.Equal(("invalid", "its files have errors"), (run.State, run.Reason));
        var problem = Assert.Single((await api.GetAsync(Of(ApiRoutes.Run), Json.RunDetails)).Diagnostics);
        Assert.Equal((".buildrunner.yml", 4, "error"), (problem.File, problem.Line, problem.Severity));
    }

    [Fact]
    public async Task Typed_inputs_are_checked_and_reach_the_plan()
    {
        git.Commit("one", (".buildrunner.yml", "inputs:\n  count:\n    type: number\n    required: true\nsteps:\n  - name: build\n    image: busybox\n    commands: [ 'echo ${count}' ]\n"));
        await AddAsync();
        Assert.Equal("queued", (await StartAsync(new StartRun { Inputs = new Dictionary<string, string> { ["count"] = "3" } })).State);
        Assert.Equal("invalid", (await StartAsync(new StartRun { Inputs = new Dictionary<string, string> { ["count"] = "many" } })).State);
        var unknown = await StartAsync(new StartRun { Inputs = new Dictionary<string, string> { ["count"] = "3", ["cuont"] = "3" } });
        Assert.Equal(("invalid", "there is no input `cuont`", "Did you mean `count`?"), (unknown.State, Assert.Single(unknown.Problems!).Message, unknown.Problems![0].Hint));
    }

    [Fact]
    public async Task A_matrix_cell_is_shown_by_its_values_and_named_by_its_number_and_run_again_by_either()
    {
        git.Commit("one", (".buildrunner/build.yml", "matrix:\n  go: ['1.22', '1.23']\n  os: [linux]\nsteps:\n  - name: test\n    image: busybox\n    commands: [ 'true' ]\n"));
        await AddAsync();
        await StartAsync(new StartRun());
        var workflows = (await api.GetAsync(Of(ApiRoutes.Run), Json.RunDetails)).Workflows;
        Assert.Equal([("build/1", "build (go=1.22, os=linux)", "1.22"), ("build/2", "build (go=1.23, os=linux)", "1.23")], workflows.Select(w => (w.Name, w.Label!, w.Matrix["go"])));
        Assert.Contains("build (go=1.23, os=linux)", System.Net.WebUtility.HtmlDecode(await api.Http.GetStringAsync("/acme/shop/runs/1", Cancel)));
        Assert.Equal([("build/1", "build (go=1.22, os=linux)"), ("build/2", "build (go=1.23, os=linux)")], (await api.GetAsync(ApiRoutes.Queue, Json.QueueInfo)).Items.Select(i => (i.Workflow, i.Label)));
        Assert.Contains("build (go=1.23, os=linux)", System.Net.WebUtility.HtmlDecode(await api.Http.GetStringAsync("/queue", Cancel)));

        await api.SendAsync("POST", Of(ApiRoutes.Cancel), new CancelRun(), Json.CancelRun, Json.RunDetails);
        var problem = await api.RefusedAsync("POST", Of(ApiRoutes.Rerun), """{"workflow":"build/3"}""");
        Assert.Equal("it has no workflow 'build/3'; it has build/1, build/2", problem.Detail);
        await api.SendAsync("POST", Of(ApiRoutes.Rerun), new RerunRun(Workflow: "build (go=1.23, os=linux)"), Json.RerunRun, Json.RunSummary, HttpStatusCode.Created);
        Assert.Equal(["cancelled", "queued"], (await api.GetAsync(Of(ApiRoutes.Run), Json.RunDetails)).Workflows.Select(w => w.State));

        using var agent = await server.AgentAsync();
        await HttpServer.PostAsync(agent, AgentRoutes.Claim, new ClaimRequest { Claim = Guid.NewGuid(), FreeSlots = 1 }, AgentContractJson.Default.ClaimRequest, AgentContractJson.Default.ClaimResponse);
        Assert.Matches("""^acme/shop#1 build \(go=1\.23, os=linux\)$""", Assert.Single(Assert.Single((await api.GetAsync(ApiRoutes.Agents, Json.AgentList)).Items).Running));
    }

    [Fact]
    public async Task A_link_in_the_tree_is_not_followed_and_nothing_of_the_remotes_configuration_runs()
    {
        File.WriteAllText(folder["secret.yml"], "steps: []");
        File.CreateSymbolicLink(folder["repos/shop/.buildrunner.yml"], folder["secret.yml"]);
        git.Commit("a link");
        git.Git("config", "uploadpack.packObjectsHook", $"touch {folder["hooked"]};");
        await AddAsync();
        Assert.Equal("invalid", (await StartAsync(new StartRun())).State);
        Assert.False(File.Exists(folder["hooked"]));
    }

    [Theory]
    [InlineData("http://forge.example/a/b", ApiProblems.Source)]
    [InlineData("ext::sh -c touch%20/tmp/x", ApiProblems.Source)]
    [InlineData("file:///etc", ApiProblems.Source)]
    [InlineData("git://forge.example/a/b", ApiProblems.Source)]
    [InlineData("https://kim:hunter2@forge.example/a/b", ApiProblems.Source)]
    [InlineData("ssh://-oProxyCommand=touch/x", ApiProblems.Source)]
    [InlineData("git@-oProxyCommand=x:y", ApiProblems.Source)]
    [InlineData("/etc", ApiProblems.NotAllowed)]
    public async Task Other_transports_and_other_folders_are_refused(string url, string code)
    {
        var body = System.Text.Json.JsonSerializer.Serialize(new AddRepository { Name = "acme/evil", CloneUrl = url }, Json.AddRepository);
        var problem = await api.RefusedAsync("POST", ApiRoutes.Repositories, body);
        Assert.Equal(code, problem.Code);
        Assert.DoesNotContain("hunter2", problem.Detail);
        Assert.Equal(url.StartsWith("http:", StringComparison.Ordinal), problem.Detail!.Contains("over plain http whoever is on the way could put other code into a repository", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_repository_is_changed_and_removed_with_its_runs_and_only_when_none_goes_on()
    {
        git.Commit("one", (".buildrunner.yml", Two));
        await AddAsync();
        var run = await StartAsync(new StartRun());
        var route = ApiRoutes.For(ApiRoutes.RepositoryByName, "acme/shop");
        var changed = await api.SendAsync("PATCH", route, new ChangeRepository { Settings = new RepositorySettings { TrustVolumes = true, Approve = "all", TimeoutSeconds = 60 } }, Json.ChangeRepository, Json.Repository);
        Assert.Equal((true, "all", 60L, run.Id), (changed.Settings.TrustVolumes, changed.Settings.Approve, changed.Settings.TimeoutSeconds, changed.LatestRun!.Id));
        Assert.Equal(ApiProblems.State, (await api.RefusedAsync("DELETE", route, "")).Code);
        await api.SendAsync("POST", Of(ApiRoutes.Cancel), new CancelRun("enough"), Json.CancelRun, Json.RunDetails);
        Assert.Equal(("cancelled", "cancelled by test: enough"), await StateAsync());
        using var removed = await api.SendAsync("DELETE", route, null);
        Assert.Equal(HttpStatusCode.NoContent, removed.StatusCode);
        Assert.Equal(ApiProblems.NotFound, (await api.RefusedAsync("GET", route, "")).Code);
        Assert.Empty((await api.GetAsync(ApiRoutes.Runs, Json.RunPage)).Items);
    }

    [Fact]
    public async Task A_credential_does_not_follow_an_address_to_another_host()
    {
        var add = new AddRepository { Name = "acme/private", CloneUrl = "https://git.example.com/acme/private", DefaultBranch = "main", User = "ci", Credential = "hunter2" };
        await api.SendAsync("POST", ApiRoutes.Repositories, add, Json.AddRepository, Json.Repository, HttpStatusCode.Created);
        var route = ApiRoutes.For(ApiRoutes.RepositoryByName, "acme/private");
        await api.SendAsync("PATCH", route, new ChangeRepository { CloneUrl = "https://git.example.com/acme/renamed" }, Json.ChangeRepository, Json.Repository);
        foreach (var elsewhere in new[] { "https://git.example.com:8443/acme/private", "https://example.com/acme/private", "ssh://git.example.com/acme/private" })
        {
            var problem = await api.RefusedAsync("PATCH", route, $$"""{"cloneUrl":"{{elsewhere}}"}""");
            Assert.Contains("give the credential with it", problem.Detail);
        }

        await api.SendAsync("PATCH", route, new ChangeRepository { CloneUrl = "https://example.com/acme/private", Credential = "" }, Json.ChangeRepository, Json.Repository);
        var row = (await server.Get<Repositories.RepositoryStore>().FindAsync("acme/private", Cancel))!;
        Assert.Null(row.Credential);
    }

    [Fact]
    public async Task A_newer_run_of_a_pull_request_supersedes_the_one_before_and_leaves_other_pull_requests_alone()
    {
        var commit = git.Commit("one", (".buildrunner.yml", Two));
        git.Git("update-ref", "refs/pull/1/head", commit);
        git.Git("update-ref", "refs/pull/2/head", commit);
        await AddAsync();
        await StartAsync(new StartRun { PullRequest = 1 });
        await StartAsync(new StartRun { PullRequest = 2 });
        await StartAsync(new StartRun { PullRequest = 1 });
        var states = (await api.GetAsync(ApiRoutes.Runs, Json.RunPage)).Items.Select(r => (r.Number, r.State)).Order();
        Assert.Equal([(1, "cancelled"), (2, "blocked"), (3, "blocked")], states);
    }

    private async Task<Repository> AddAsync() => await api.SendAsync(
        "POST", ApiRoutes.Repositories, new AddRepository { Name = "acme/shop", CloneUrl = git.Path }, Json.AddRepository, Json.Repository, HttpStatusCode.Created);

    private Task<RunSummary> StartAsync(StartRun wanted, HttpStatusCode status = HttpStatusCode.Created, string? key = null) =>
        api.SendAsync("POST", ApiRoutes.For(ApiRoutes.RunsOfRepository, "acme/shop"), wanted, Json.StartRun, Json.RunSummary, status, key);

    private async Task<(string, string?)> StateAsync() => (await api.GetAsync(Of(ApiRoutes.Run), Json.RunDetails)).Run is var run ? (run.State, run.Reason) : default;

    private static string Of(string route) => ApiRoutes.For(route, "acme/shop", 1);
}
