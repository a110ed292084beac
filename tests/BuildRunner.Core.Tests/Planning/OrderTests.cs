using BuildRunner.Core.Planning;

namespace BuildRunner.Core.Tests.Planning;

public sealed class OrderTests
{
    [Fact]
    public void Without_depends_on_each_step_waits_for_the_one_before()
    {
        var steps = Plans.Workflow("steps: {a: {image: x}, b: {image: x}, c: {image: x}}").Steps;
        Assert.Equal(["clone", "a", "b", "c"], steps.Select(step => step.Name));
        Assert.Equal(StepKind.Clone, steps[0].Kind);
        Assert.Equal(["", "clone", "a", "b"], steps.Select(step => string.Join(',', step.Needs())));
    }

    [Fact]
    public void A_step_that_does_not_run_is_passed_over_in_the_chain()
    {
        var steps = Plans.Steps("""
            skip_clone: true
            steps:
              a: {image: x}
              b: {image: x, when: {event: tag}}
              c: {image: x}
            """);
        Assert.Equal("the event is `push`, not `tag`", steps[1].SkipReason);
        Assert.Equal(["a"], steps[2].Needs());
    }

    [Fact]
    public void With_depends_on_steps_wait_for_their_own_dependencies_only()
    {
        var steps = Plans.Steps("""
            steps:
              - {name: build, image: x}
              - {name: deploy, image: x, depends_on: [build, test]}
              - {name: test, image: x}
            """);
        Assert.Equal(["clone"], steps[0].Needs());
        Assert.Equal(["build", "test"], steps[1].Needs());
        Assert.Equal(["clone"], steps[2].Needs());
    }

    [Fact]
    public void An_empty_depends_on_starts_every_step_at_once()
    {
        var steps = Plans.Steps("skip_clone: true\nsteps:\n- {name: a, image: x, depends_on: []}\n- {name: b, image: x}");
        Assert.All(steps, step => Assert.Empty(step.DependsOn));
    }

    [Fact]
    public void An_optional_dependency_on_a_step_that_does_not_run_is_dropped()
    {
        var steps = Plans.Steps("""
            steps:
              - {name: lint, image: x, when: {event: tag}}
              - {name: build, image: x}
              - {name: deploy, image: x, depends_on: [build, {name: lint, optional: true}]}
            """);
        Assert.Null(steps[2].SkipReason);
        Assert.Equal(["build"], steps[2].Needs());
    }

    [Fact]
    public void A_step_that_needs_one_which_does_not_run_does_not_run_either()
    {
        var steps = Plans.Steps("""
            steps:
              - {name: lint, image: x, when: {event: tag}}
              - {name: build, image: x, depends_on: lint}
              - {name: deploy, image: x, depends_on: build}
            """);
        Assert.Equal("it depends on `lint`, which does not run", steps[1].SkipReason);
        Assert.Equal("it depends on `build`, which does not run", steps[2].SkipReason);
    }

    [Fact]
    public void Steps_of_one_group_run_together_and_the_next_waits_for_all()
    {
        var result = Plans.Result("""
            skip_clone: true
            steps:
              a: {image: x}
              b: {image: x, group: t}
              c: {image: x, group: t}
              d: {image: x}
            """);
        Assert.Equal(["", "a", "a", "b,c"], result.Plan!.Workflows[0].Steps.Select(step => string.Join(',', step.Needs())));
        Assert.All(result.Diagnostics, diagnostic => Assert.Equal("BR1101", diagnostic.Code));
    }

    [Fact]
    public void A_circle_is_reported_once_where_it_closes()
    {
        var error = Plans.Error("steps:\n- name: a\n  image: x\n  depends_on: c\n- name: b\n  image: x\n  depends_on: a\n- name: c\n  image: x\n  depends_on: b\n");
        Assert.Equal("BR1042", error.Code);
        Assert.Equal("steps wait for each other: `a` needs `c` needs `b` needs `a`", error.Message);
        Assert.Equal(7, error.Location.Line);
    }

    [Fact]
    public void A_step_that_depends_on_itself_is_an_error()
    {
        Assert.Equal("step `a` depends on itself", Plans.Error("steps: {a: {image: x, depends_on: a}}").Message);
    }

    [Fact]
    public void An_unknown_dependency_is_an_error_with_the_nearest_name()
    {
        var error = Plans.Error("steps:\n- name: build\n  image: x\n- name: deploy\n  image: x\n  depends_on:\n  - biuld\n");
        Assert.Equal(("BR1041", "Did you mean `build`?", 7), (error.Code, error.Hint, error.Location.Line));
    }

    [Fact]
    public void Steps_without_names_are_numbered_by_their_place()
    {
        Assert.Equal(["step-0", "b", "step-2"], Plans.Steps("steps: [{image: x}, {image: x, name: b}, {image: x}]").Select(step => step.Name));
    }

    [Fact]
    public void Of_two_steps_with_one_name_the_second_gets_a_number_unless_dependencies_name_steps()
    {
        Assert.Equal(["a", "a-2"], Plans.Steps("steps: [{image: x, name: a}, {image: x, name: a}]").Select(step => step.Name));
        Assert.Equal("BR1040", Plans.Error("steps: [{image: x, name: a}, {image: x, name: a, depends_on: []}]").Code);
    }

    [Fact]
    public void A_workflow_that_needs_one_which_does_not_run_is_left_out()
    {
        var plan = Plans.Run(
            Plans.Push,
            ("w/a.yml", "when: {event: tag}\nsteps: {a: {image: x}}"),
            ("w/b.yml", "depends_on: a\nsteps: {a: {image: x}}"),
            ("w/c.yml", "depends_on: [{name: a, optional: true}]\nsteps: {a: {image: x}}"));
        Assert.Equal(["the event is `push`, not `tag`", "it depends on workflow `a`, which does not run", null], plan.Workflows.Select(workflow => workflow.SkipReason));
        Assert.Empty(plan.Workflows[2].DependsOn);
    }

    [Fact]
    public void A_workflow_that_needs_one_which_does_not_exist_is_left_out_with_a_warning()
    {
        var result = Planner.Plan([Plans.Source("steps: {a: {image: x}}", "w/check-a.yml"), Plans.Source("depends_on: [check-a, ghost]\nsteps: {a: {image: x}}", "w/deploy.yml")], Plans.Push);
        Assert.Equal("BR1103", Assert.Single(result.Diagnostics).Code);
        Assert.Equal([null, "it depends on workflow `ghost`, which does not exist"], result.Plan!.Workflows.Select(workflow => workflow.SkipReason));
    }

    [Fact]
    public void A_dependency_on_a_matrix_is_one_on_each_cell()
    {
        var plan = Plans.Run(Plans.Push, ("w/a.yml", "matrix: {V: [1, 2]}\nsteps: {a: {image: x}}"), ("w/b.yml", "depends_on: a\nsteps: {a: {image: x}}"));
        Assert.Equal(["a/1", "a/2"], plan.Workflows[2].DependsOn.Select(dependency => dependency.Name));
    }

    [Fact]
    public void Workflows_that_wait_for_each_other_are_an_error()
    {
        var result = Planner.Plan([Plans.Source("depends_on: b\nsteps: {a: {image: x}}", "w/a.yml"), Plans.Source("depends_on: a\nsteps: {a: {image: x}}", "w/b.yml")], Plans.Push);
        Assert.Equal(("BR1042", "w/b.yml"), (Assert.Single(result.Diagnostics).Code, result.Diagnostics[0].Location.File));
    }
}
