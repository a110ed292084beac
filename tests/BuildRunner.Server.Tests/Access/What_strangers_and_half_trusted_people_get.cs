using System.Text;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Forge;
using BuildRunner.Server.Repositories;
using BuildRunner.Server.Runs;
using BuildRunner.Server.Secrets;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using BuildRunner.Server.Tests.Api;
using BuildRunner.Server.Triggers;

namespace BuildRunner.Server.Tests.Access;

/// <summary>Attempts to get by detours what is refused on the straight way.</summary>
public sealed class What_strangers_and_half_trusted_people_get : IAsyncLifetime
{
    private const string Credential = "opens-the-repository";
    private Installation server = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static TrustDecision Stranger => Trust.Decide(
        new PullRequestOrigin { Number = 7, BaseRepository = 1, HeadRepository = 2, HeadOwner = 3, Author = 3, AuthorAssociation = "NONE" },
        "refs/pull/7/head", "refs/heads/main", "refs/heads/main", TrustedFlags.None, ApprovalPolicy.OutsideContributors, HeadVerdict.Approved);

    public async ValueTask InitializeAsync()
    {
        server = await Installation.StartAsync(new InstallationSpec());
        await server.Get<RepositoryStore>().ChangeAsync(server.Repository, new RepositoryChange(null, null, "git", Credential, null), "test", Cancel);
    }

    public ValueTask DisposeAsync() => server.DisposeAsync();

    [Theory]
    [InlineData("&n clone:\n  - name: *n\n    image: evil.example/steal\n")]
    [InlineData("&n when: { event: push }\nclone:\n  - name: *n\n    image: evil.example/steal\n")]
    [InlineData("clone:\n  - image: evil.example/steal\n")]
    public async Task The_credential_does_not_go_to_a_clone_step_that_a_stranger_wrote_wherever_that_seems_to_stand(string clone)
    {
        await server.RunAsync(PlanOf(clone), r => r with { Trust = Stranger });
        var written = await FirstStepAsync();
        Assert.Equal(("evil.example/steal", null, null), (written.Plan.Image, written.Source!.User, written.Source.Secret));
    }

    [Fact]
    public async Task The_credential_goes_to_the_clone_step_that_nobody_wrote_and_of_a_strangers_run_it_opens_no_submodule()
    {
        await server.RunAsync(PlanOf(""), r => r with { Trust = Stranger });
        var source = (await FirstStepAsync()).Source!;
        Assert.Equal((Credential, true), (source.Secret, source.ForItselfOnly));
        await server.RunAsync(PlanOf(""));
        source = (await FirstStepAsync()).Source!;
        Assert.Equal((Credential, false), (source.Secret, source.ForItselfOnly));
    }

    [Fact]
    public async Task A_run_that_nobody_approved_does_not_run_by_being_ended_and_repeated()
    {
        var waiting = await server.RunAsync(TestPlans.Steps("build"), r => r with { Trust = Stranger with { NeedsApproval = "it is a stranger's" } });
        Assert.Null(await server.Runs.CancelAsync(waiting, "cancelled by mallory", Cancel));
        var (again, refusal) = await server.Runs.RerunAsync(waiting, new RerunWhat.All(), "mallory", Cancel);
        Assert.Null(again);
        Assert.Contains("was not approved", refusal);

        var declined = await server.RunAsync(TestPlans.Steps("build"), r => r with { Trust = Stranger with { NeedsApproval = "it is a stranger's" } });
        Assert.Null(await server.Runs.DecideAsync(declined, null, approved: false, "kim", Cancel));
        Assert.Contains("was not approved", (await server.Runs.RerunAsync(declined, new RerunWhat.All(), "mallory", Cancel)).Refusal);

        var approved = await server.RunAsync(TestPlans.Steps("build"), r => r with { Trust = Stranger with { NeedsApproval = "it is a stranger's" } });
        Assert.Null(await server.Runs.DecideAsync(approved, null, approved: true, "kim", Cancel));
        Assert.Null(await server.Runs.CancelAsync(approved, "enough", Cancel));
        Assert.NotNull((await server.Runs.RerunAsync(approved, new RerunWhat.All(), "kim", Cancel)).Run);
    }

    [Fact]
    public async Task An_agent_that_is_not_for_strangers_takes_none_of_theirs_whatever_labels_they_ask_for()
    {
        var plan = TestPlans.Of(TestPlans.Workflow("ci", "build") with { Labels = new Dictionary<string, string> { ["role"] = "deploy" } });
        var agent = await server.AgentAsync(labels: new Dictionary<string, string> { ["role"] = "deploy", ["strangers"] = "never" });
        var run = await server.RunAsync(plan, r => r with { Trust = Stranger });
        Assert.Empty((await agent.ClaimAsync()).Work);
        var waits = (await server.Get<RunViews>().DetailsAsync(run, Cancel))!.Workflows[0].Reason;
        Assert.Equal("strangers' work is not given to an agent with the label strangers=never, and none without it has role=deploy", waits);
        var own = await server.RunAsync(plan);
        Assert.Equal(own, (await agent.TakeAsync()).Run.Value);
    }

    [Theory]
    [InlineData("settings: { token: { from_secret: token } }", true)]
    [InlineData("settings: { token: { from_secret: token } }\n    environment: { LD_PRELOAD: /woodpecker/src/evil.so }", false)]
    [InlineData("environment: { T: { from_secret: token } }\n    commands: [ env ]", false)]
    [InlineData("environment: { T: { from_secret: token } }\n    entrypoint: [ env ]", false)]
    public async Task A_secret_for_an_image_goes_to_the_image_as_it_is_only(string body, bool granted)
    {
        await server.Get<SecretRegister>().SetAsync(new SecretLevel.Installation(), "token", "hunter2hunter2", new SecretRules { Images = ["plugins/publish"] }, "test", Cancel);
        await server.RunAsync(PlanOf("skip_clone: true\n", $"    {body}\n", "plugins/publish"));
        var step = await FirstStepAsync();
        Assert.Equal(granted, step.Secrets.ContainsKey("token"));
        Assert.Equal(!granted, step.SecretsWithheld.ContainsKey("token"));
    }

    [Theory]
    [InlineData("push", false, true)]
    [InlineData("release", false, false)]
    [InlineData("release", true, false)]
    [InlineData("deployment", false, true)]
    [InlineData("deployment", true, false)]
    [InlineData("manual", true, false)]
    public async Task A_secret_for_a_branch_goes_to_commits_that_were_seen_on_it_only(string kind, bool unproven, bool granted)
    {
        await server.Get<SecretRegister>().SetAsync(new SecretLevel.Installation(), "token", "hunter2hunter2", new SecretRules { Branches = ["main"] }, "test", Cancel);
        var plan = PlanOf("skip_clone: true\n", "    environment: { T: { from_secret: token } }\n    commands: [ env ]\n", "busybox", kind);
        Assert.Equal("main", plan.Event.Branch);
        await server.RunAsync(plan, r => r with { Trust = TestPlans.Trusted with { BranchUnproven = unproven } });
        var step = await FirstStepAsync();
        Assert.Equal(granted, step.Secrets.ContainsKey("token"));
        Assert.Equal(granted ? null : "the secret 'token' (installation) is withheld: its setting 'branches' allows main, this is no branch", step.SecretsWithheld.GetValueOrDefault("token"));
    }

    [Fact]
    public async Task A_personal_token_of_the_forge_goes_to_no_clone_step_that_somebody_wrote()
    {
        await using var own = await HttpServer.StartAsync(o => o with { GitHub = new GitHubOptions { Token = "opens-everything-of-an-administrator" } });
        var database = own.Get<Database>();
        var repository = new RepositoryRow { Id = Guid.CreateVersion7(), Name = "acme/shop", Key = "acme/shop", CloneUrl = "https://github.com/acme/shop", DefaultBranch = "main", Settings = "{}", CreatedAt = DateTimeOffset.UnixEpoch };
        await database.WriteAsync(
            turn =>
            {
                turn.Db.Add(repository);
                turn.Db.Add(new ForgeRepositoryRow { Repository = repository.Id, ForgeId = 1, Owner = 1, FullName = "acme/shop", Private = true });
                return Task.CompletedTask;
            },
            Cancel);
        foreach (var (clone, token) in new[] { ("clone:\n  - image: evil.example/steal\n", (string?)null), ("", "opens-everything-of-an-administrator") })
        {
            var plan = PlanOf(clone);
            var run = await own.Get<RunRegister>().CreateAsync(
                new NewRun { Repository = repository.Id, Plan = plan, Event = plan.Event, Title = "test", Author = "kim", Trust = TestPlans.Trusted }, Cancel);
            var task = new WorkTask.Step
            {
                Plan = plan.Workflows[0].Steps[0],
                Attempt = 1,
                Status = WorkflowStatus.Success,
                Outputs = new Dictionary<string, IReadOnlyDictionary<string, string>>(),
                Secrets = new Dictionary<string, string>(),
                Source = new SourceAccess { Url = repository.CloneUrl, Ref = "refs/heads/main", Commit = plan.Event.Commit },
                Grants = new WorkGrants(),
            };
            var item = new WorkItem { Id = new WorkId(Guid.NewGuid()), Fence = 1, Run = new RunId(run.Id), RunName = "acme/shop#1", RunCreatedAt = DateTimeOffset.UnixEpoch, Workflow = "ci", Start = new WorkId(Guid.NewGuid()), Task = task };
            var source = ((WorkTask.Step)(await own.Get<Remotes>().CompleteAsync(item, Cancel)).Task).Source!;
            Assert.Equal((token, token is not null), (source.Secret, source.ForItselfOnly));
        }
    }

    private static RunPlan PlanOf(string before, string step = "    commands: [ 'true' ]\n", string image = "busybox", string kind = "push")
    {
        var text = $"{before}steps:\n  - name: build\n    image: {image}\n{step}";
        var result = Planner.Plan([new PipelineSource(".buildrunner.yml", Encoding.UTF8.GetBytes(text))], TestPlans.Steps("build").Event with { Kind = kind });
        return result.Plan ?? throw new InvalidOperationException(string.Join('\n', result.Diagnostics.Select(d => d.Message)));
    }

    private async Task<WorkTask.Step> FirstStepAsync() => (WorkTask.Step)(await (await server.AgentAsync()).TakeFirstStepAsync()).Task;
}
