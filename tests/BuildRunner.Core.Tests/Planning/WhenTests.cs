using BuildRunner.Core.Expressions.Conditions;
using BuildRunner.Core.Planning;

namespace BuildRunner.Core.Tests.Planning;

public sealed class WhenTests
{
    private static readonly RunEvent Pull = Plans.Push with { Kind = "pull_request", Ref = "refs/pull/7/head" };
    private static readonly RunEvent Tag = Plans.Push with { Kind = "tag", Ref = "refs/tags/v1.2.3" };

    [Theory]
    [InlineData("{event: push}", null)]
    [InlineData("{event: [tag, push]}", null)]
    [InlineData("{event: tag}", "the event is `push`, not `tag`")]
    [InlineData("{event: {exclude: push}}", "the event is `push`, which is excluded")]
    [InlineData("{event: {exclude: [tag]}}", null)]
    [InlineData("{branch: main}", null)]
    [InlineData("{branch: [dev, ma*]}", null)]
    [InlineData("{branch: dev}", "the branch is `main`, not `dev`")]
    [InlineData("{branch: {include: '**', exclude: main}}", "the branch is `main`, which is excluded")]
    [InlineData("{branch: {exclude: dev}}", null)]
    [InlineData("{branch: '${CI_REPO_DEFAULT_BRANCH}'}", null)]
    [InlineData("{ref: refs/heads/*}", null)]
    [InlineData("{ref: refs/tags/*}", "the ref is `refs/heads/main`, not `refs/tags/*`")]
    [InlineData("{repo: octocat/*}", null)]
    [InlineData("{repo: other/*}", "the repository is `octocat/hello`, not `other/*`")]
    [InlineData("{cron: nightly}", null)]
    [InlineData("{platform: linux/*}", null)]
    [InlineData("{platform: [windows/*, darwin/*]}", "the platform is `linux/amd64`, not `windows/*` or `darwin/*`")]
    [InlineData("{instance: ci.example.com}", null)]
    [InlineData("{instance: other.example.com}", "the server is `ci.example.com`, not `other.example.com`")]
    [InlineData("{evaluate: 'CI_COMMIT_BRANCH == \"main\"'}", null)]
    [InlineData("{evaluate: 'CI_COMMIT_BRANCH != \"main\"'}", "`CI_COMMIT_BRANCH != \"main\"` is false")]
    [InlineData("[{event: tag}, {branch: main}]", null)]
    [InlineData("[{event: tag}, {branch: dev}]", "none of its 2 conditions holds: the event is `push`, not `tag`; the branch is `main`, not `dev`")]
    [InlineData("{event: push, branch: dev}", "the branch is `main`, not `dev`")]
    [InlineData("[]", null)]
    [InlineData("{}", null)]
    public void A_condition_holds_or_says_why_not(string when, string? reason)
    {
        var push = Plans.Push.With("CI_SYSTEM_PLATFORM", "linux/amd64").With("CI_SYSTEM_HOST", "ci.example.com");
        Assert.Equal(reason, Plans.StepWith("when: " + when, push).SkipReason);
    }

    [Fact]
    public void Branches_are_not_looked_at_for_a_tag()
    {
        Assert.Null(Plans.StepWith("when: {branch: dev}", Tag).SkipReason);
    }

    [Fact]
    public void Schedules_are_looked_at_for_cron_only()
    {
        var cron = Plans.Push with { Kind = "cron", Cron = "nightly" };
        Assert.Null(Plans.StepWith("when: {cron: night*}", cron).SkipReason);
        Assert.Equal("the schedule is `nightly`, not `weekly`", Plans.StepWith("when: {cron: weekly}", cron).SkipReason);
    }

    [Theory]
    [InlineData("src/*", null)]
    [InlineData("[docs/**, src/a.c]", null)]
    [InlineData("docs/**", "no changed file matches `docs/**`")]
    [InlineData("{exclude: 'src/**'}", null)]
    [InlineData("{exclude: ['src/**', '*.md']}", "all changed files are excluded")]
    [InlineData("{include: '*.c', exclude: '*.md'}", "no changed file matches `*.c`")]
    [InlineData("{include: docs/**, ignore_message: '[all]'}", null)]
    public void Paths_are_judged_by_the_changed_files(string path, string? reason)
    {
        var push = Plans.Push.With("CI_COMMIT_MESSAGE", "Do it [ALL]") with { ChangedFiles = ["src/a.c", "README.md"] };
        Assert.Equal(reason, Plans.StepWith("when: {path: " + path + "}", push).SkipReason);
        Assert.Equal(reason, Plans.StepWith("when: {path: " + path + "}", push with { Kind = "pull_request" }).SkipReason);
        Assert.Null(Plans.StepWith("when: {path: " + path + "}", push with { Kind = "manual" }).SkipReason);
        Assert.Null(Plans.StepWith("when: {path: " + path + "}", push with { ChangedFiles = null }).SkipReason);
    }

    [Fact]
    public void Without_changed_files_on_empty_decides()
    {
        var push = Plans.Push with { ChangedFiles = [] };
        Assert.Null(Plans.StepWith("when: {path: docs/**}", push).SkipReason);
        Assert.Equal("no file was changed", Plans.StepWith("when: {path: {include: docs/**, on_empty: false}}", push).SkipReason);
    }

    [Theory]
    [InlineData("{status: failure}", "failure")]
    [InlineData("{status: [success, failure]}", "failure,success")]
    [InlineData("{status: cancelled}", "cancelled")]
    [InlineData("{event: pull_request}", "success")]
    [InlineData("[{event: tag, status: failure}, {event: pull_request, status: [success, failure]}]", "failure,success")]
    [InlineData("[{event: tag, status: [success, failure]}, {event: pull_request, status: failure}]", "failure")]
    [InlineData("[{}, {status: failure}]", "failure,success")]
    [InlineData("[{event: push, status: success}, {status: failure}]", "failure")]
    public void Status_counts_of_conditions_that_hold(string when, string status)
    {
        Assert.Equal(status, string.Join(',', Plans.StepWith("when: " + when, Pull).RunsOnStatus.Order()));
    }

    [Fact]
    public void Without_a_condition_a_step_runs_on_success()
    {
        Assert.Equal(["success"], Plans.StepWith("pull: true").RunsOnStatus);
    }

    [Fact]
    public void A_matrix_value_can_be_asked_for()
    {
        var plan = Plans.Run(Plans.Push, ("a.yml", "matrix: {GO: [1.20, 1.21], platform: [linux/amd64, linux/arm64]}\nlabels: {platform: '${platform}'}\nsteps:\n- {name: a, image: x, when: {matrix: {GO: 1.20}}}\n- {name: b, image: x, when: {platform: linux/arm*}}"));
        Assert.Equal(["a", "a,b", "", "b"], plan.Workflows.Select(workflow => string.Join(',', workflow.Steps.Skip(1).Where(step => step.SkipReason is null).Select(step => step.Name))));
        Assert.Equal("GO is `1.21` in this cell, not `1.20`", plan.Workflows[2].Steps[1].SkipReason);
    }

    [Fact]
    public void A_workflow_has_conditions_too()
    {
        var workflow = Plans.Workflow("when: [{event: tag}, {branch: dev, status: failure}]\nsteps: {a: {image: x}}");
        Assert.StartsWith("none of its 2 conditions holds", workflow.SkipReason, StringComparison.Ordinal);
        Assert.Equal([false, false], workflow.Conditions.Select(condition => condition.Holds));
        Assert.Equal(["failure"], Plans.Workflow("when: {status: failure}\nsteps: {a: {image: x}}").RunsOn);
        Assert.Equal(["failure", "success"], Plans.Workflow("runs_on: [success, failure]\nsteps: {a: {image: x}}").RunsOn.Order());
        Assert.Equal("the branch is `main`, not `dev`", Plans.Workflow("branches: dev\nsteps: {a: {image: x}}").SkipReason);
    }

    [Fact]
    public void A_workflow_none_of_whose_steps_runs_does_not_run()
    {
        Assert.Equal("none of its steps runs", Plans.Workflow("steps: {a: {image: x, when: {event: tag}}}").SkipReason);
    }

    [Fact]
    public void An_expression_that_cannot_be_read_is_an_error_at_its_line()
    {
        var error = Plans.Error("steps:\n- name: a\n  image: x\n  when:\n  - event: push\n    evaluate: 'CI_COMMIT_BRANCH = \"main\"'\n");
        Assert.Equal(("BR1027", 6), (error.Code, error.Location.Line));
    }

    [Fact]
    public void An_expression_that_cannot_be_evaluated_is_an_error()
    {
        Assert.Equal(("BR1027", "the expression cannot be evaluated: `<` cannot join string and int"), (Plans.ErrorOfStepWith("when: {evaluate: 'CI_COMMIT_BRANCH < 1'}").Code, Plans.ErrorOfStepWith("when: {evaluate: 'CI_COMMIT_BRANCH < 1'}").Message));
    }

    [Fact]
    public void A_condition_on_an_output_is_left_for_later()
    {
        var steps = Plans.Steps("""
            steps:
              a: {image: x}
              b: {image: x, when: {evaluate: 'steps.a.outputs.v == CI_COMMIT_BRANCH'}}
              c: {image: x, when: [{evaluate: 'steps.a.outputs.v == "1"'}, {event: push}]}
              d: {image: x, when: [{evaluate: 'steps.a.outputs.v == "1"', status: failure}, {event: push}]}
            """);
        Assert.True(LateCondition.Holds(steps[1].LateCondition!, "success", (_, _) => "main", out _));
        Assert.False(LateCondition.Holds(steps[1].LateCondition!, "success", (_, _) => "dev", out _));
        Assert.Null(steps[2].LateCondition);
        Assert.True(LateCondition.Holds(steps[3].LateCondition!, "success", (_, _) => "0", out _));
        Assert.True(LateCondition.Holds(steps[3].LateCondition!, "failure", (_, _) => "1", out _));
        Assert.False(LateCondition.Holds(steps[3].LateCondition!, "failure", (_, _) => "0", out _));
    }

    [Fact]
    public void A_branch_with_the_signs_of_a_pattern_matches_only_itself()
    {
        var hostile = Plans.Push with { Branch = "a[b{c*" };
        Assert.Null(Plans.StepWith("when: {branch: '${CI_COMMIT_BRANCH}'}", hostile).SkipReason);
        Assert.NotNull(Plans.StepWith("when: {ref: 'refs/heads/${CI_COMMIT_BRANCH}'}", hostile with { Branch = "**" }).SkipReason);
    }
}
