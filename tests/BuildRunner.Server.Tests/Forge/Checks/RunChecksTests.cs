using System.Collections.Immutable;
using System.Text;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Forge.Checks;

namespace BuildRunner.Server.Tests.Forge.Checks;

public sealed class RunChecksTests
{
    private static readonly DateTimeOffset At = new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly Outcome.Failure ExitOne = new(new FailureReason.ExitCode(1));

    [Fact]
    public void There_is_a_check_for_the_run_and_one_for_each_workflow_and_their_names_tell_the_event()
    {
        var checks = RunChecks.Of(Run("pull_request", Workflow("build", new WorkflowPhase.Waiting()), Workflow("docs/2", new WorkflowPhase.Waiting())), "ci");
        Assert.Equal(["ci/pr", "ci/pr/build", "ci/pr/docs/2"], checks.Select(check => check.Name));
        Assert.Equal("ci/push", RunChecks.Name("ci", "push"));
        Assert.Equal("ci/pr_closed/build", RunChecks.Name("ci", "pull_request_closed", "build"));
        Assert.Equal(["", "build", "docs/2"], checks.Select(check => check.Key.Workflow));
    }

    [Fact]
    public void A_matrix_cell_keeps_the_name_that_rules_require_and_its_title_and_the_table_tell_its_values()
    {
        var run = Run("push", Workflow("build/2", new WorkflowPhase.Done(ExitOne, At, At))) with { Labels = new Dictionary<string, string> { ["build/2"] = "build (go=1.22)" } };
        var checks = RunChecks.Of(run, "ci");
        Assert.Equal(("ci/push/build/2", "build (go=1.22): failure: exit 1"), (checks[1].Name, checks[1].Title));
        Assert.Contains("build \\(go\\=1\\.22\\)".Replace("\\", ""), checks[0].Summary.Replace("\\", ""));
    }

    public static TheoryData<string, string> Verdicts => new()
    {
        { "success", nameof(CheckVerdict.Success) },
        { "failure", nameof(CheckVerdict.Failure) },
        { "timed_out", nameof(CheckVerdict.TimedOut) },
        { "cancelled", nameof(CheckVerdict.Cancelled) },
        { "skipped", nameof(CheckVerdict.Skipped) },
        { "error", nameof(CheckVerdict.Failure) },
        { "lost", nameof(CheckVerdict.Failure) },
    };

    [Theory]
    [MemberData(nameof(Verdicts))]
    public void Every_outcome_has_a_verdict(string word, string verdict)
    {
        Outcome outcome = word switch
        {
            "success" => new Outcome.Success(),
            "failure" => new Outcome.Failure(),
            "timed_out" => new Outcome.TimedOut(TimeSpan.FromMinutes(1)),
            "cancelled" => new Outcome.Cancelled("by kim"),
            "skipped" => new Outcome.Skipped("branch is not main"),
            "error" => new Outcome.Error("image_not_found", "no such image"),
            _ => new Outcome.Lost("the agent went away"),
        };
        var run = Run("push", Workflow("build", new WorkflowPhase.Done(outcome, At, At.AddMinutes(1)))) with { EndedBefore = null };
        var checks = RunChecks.Of(run with { State = run.State! with { Result = new(outcome, At) } }, "ci");
        Assert.All(checks, check => Assert.Equal(verdict, Assert.IsType<CheckStage.Completed>(check.Stage).Verdict.ToString()));
    }

    [Fact]
    public void A_failed_step_is_in_the_table_its_last_lines_below_and_the_link_leads_to_the_line()
    {
        var run = Failed() with { Tails = new Dictionary<(string, string), LogTail> { [("build", "te|st")] = new(1190, ["x", "Expected: 119.00", "```", "@all"], 1207) } };
        var check = RunChecks.Of(run, "ci")[1];
        Assert.Equal("https://ci.example/acme/shop/runs/12/steps/te%7Cst?workflow=build#L1207", check.Details.AbsoluteUri);
        Assert.Contains("| ✗ | [te\\|st](<https://ci.example/acme/shop/runs/12/steps/te%7Cst?workflow=build#L1207>) | 31.7s | failure\\: exit 1 |\n", check.Summary);
        Assert.Contains("| ✓ | [compile]", check.Summary);
        Assert.Contains("````text\nx\nExpected: 119.00\n```\n@all\n````\n", check.Summary);
        Assert.Equal("failure: exit 1", check.Title);
    }

    [Fact]
    public void A_summary_never_exceeds_what_GitHub_takes_and_says_that_it_was_cut()
    {
        var steps = Enumerable.Range(0, 2000).Select(i => Step($"step-{i}", new Outcome.Error("image_not_found", new string('ü', 5000)))).ToArray();
        var many = Run("push", Workflow("build", new WorkflowPhase.Done(ExitOne, At, At), steps)) with
        {
            Tails = steps.ToDictionary(step => ("build", step.Name), _ => new LogTail(1, [new string('€', 100_000)])),
        };
        Assert.All(RunChecks.Of(many, "ci"), check => Assert.InRange(Encoding.UTF8.GetByteCount(check.Summary), 1, 65_535));
        Assert.Contains("more; see the details page", RunChecks.Of(many, "ci")[1].Summary);

        var problems = Run("push") with
        {
            State = null,
            EndedBefore = new(new Outcome.Invalid(), At),
            FileProblems = [.. Enumerable.Range(1, 500).Select(i => new CheckAnnotation("ci.yml", i, i, AnnotationLevel.Failure, new string('x', 5000)))],
        };
        Assert.InRange(Encoding.UTF8.GetByteCount(RunChecks.Of(problems, "ci").Single().Summary), 1, 65_535);
    }

    [Fact]
    public void A_run_that_waits_for_approval_is_queued_with_a_button_and_the_comment_that_approves_it()
    {
        var check = RunChecks.Of(Run("pull_request", Workflow("build", new WorkflowPhase.Waiting())) with { NeedsApproval = "pull requests from forks need an approval" }, "ci")[0];
        Assert.IsType<CheckStage.Queued>(check.Stage);
        Assert.Equal(["approve"], check.Buttons.Select(button => button.Id));
        Assert.Contains("/buildrunner approve 1111111111111111111111111111111111111111\n", check.Summary);
        Assert.StartsWith("Waits for approval", check.Title);
    }

    [Fact]
    public void Files_with_errors_are_a_failure_with_a_mark_at_each()
    {
        var run = Run("push") with
        {
            State = null,
            EndedBefore = new(new Outcome.Invalid(), At),
            FileProblems = [new(".buildrunner/ci.yml", 14, 14, AnnotationLevel.Failure, "unknown key 'comands'")],
        };
        var check = Assert.Single(RunChecks.Of(run, "ci"));
        Assert.Equal(CheckVerdict.Failure, Assert.IsType<CheckStage.Completed>(check.Stage).Verdict);
        Assert.Contains("ci\\.yml\\(14\\)\\: unknown key 'comands'", check.Summary);
        Assert.Equal(run.FileProblems, check.Annotations);
        Assert.Empty(check.Buttons);
    }

    [Fact]
    public void Buttons_keep_to_GitHubs_limits()
    {
        RunView[] runs = [Failed(), Run("push", Workflow("build", new WorkflowPhase.Waiting())), Run("push") with { NeedsApproval = "x" }];
        Assert.All(runs.SelectMany(run => RunChecks.Of(run, "ci")).SelectMany(check => check.Buttons), button =>
        {
            Assert.InRange(button.Id.Length, 1, 20);
            Assert.InRange(button.Label.Length, 1, 20);
            Assert.InRange(button.Description.Length, 1, 40);
        });
    }

    private static RunView Failed()
    {
        var run = Run("push", Workflow("build", new WorkflowPhase.Done(ExitOne, At, At.AddMinutes(2)), Step("compile", new Outcome.Success()), Step("te|st", ExitOne)));
        return run with { State = run.State! with { Result = new(new Outcome.Failure(), At) } };
    }

    private static RunView Run(string kind, params WorkflowState[] workflows) => new()
    {
        Id = new RunId(Guid.Empty),
        Number = 12,
        Commit = "1111111111111111111111111111111111111111",
        Event = kind,
        Revision = 1,
        Page = new("https://ci.example/acme/shop/runs/12"),
        State = new() { Id = new RunId(Guid.Empty), CreatedAt = At, Workflows = [.. workflows] },
    };

    private static WorkflowState Workflow(string name, WorkflowPhase phase, params StepState[] steps) => new() { Name = name, Phase = phase, Steps = [.. steps] };

    private static StepState Step(string name, Outcome outcome) => new()
    {
        Name = name,
        Phase = new StepPhase.Done(outcome, outcome, At),
        Attempts = ImmutableArray.Create(new AttemptRecord(1, outcome, At, At, null, PhaseTimes.Zero with { Run = TimeSpan.FromSeconds(31.7) })),
    };
}
