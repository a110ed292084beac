using BuildRunner.Core.Planning;

namespace BuildRunner.Core.Tests.Planning;

public sealed class PlannerTests
{
    [Fact]
    public void A_step_carries_what_was_written()
    {
        var step = Plans.StepWith("""
            commands: [make, make test]
            entrypoint: [/bin/bash, -e]
            environment: {A: 1, B: "two", YES: yes, T: True, S: {from_secret: token}}
            directory: sub
            timeout: 1h30m
            failure: ignore
            detach: true
            pull: yes
            privileged: on
            volumes: /a:/b:ro
            dns: 1.1.1.1
            extra_hosts: [db:10.0.0.1]
            backend_options: {docker: {user: 1000:1000}}
            retry: {max: 2, on: failure, exit_codes: [3], delay: 10s}
            resources: {cpus: 0.5, memory: 512m, pids: 64}
            network: none
            allow_exit_codes: 77
            permissions: {secrets: none}
            """);
        Assert.Equal(["make", "make test"], step.Commands);
        Assert.Equal(["/bin/bash", "-e"], step.Entrypoint!);
        Assert.Equal(("1", "two", "yes", "true"), (step.Literal("A"), step.Literal("B"), step.Literal("YES"), step.Literal("T")));
        Assert.Equal(new PlanValue.Secret("token"), step.Environment["S"]);
        Assert.Equal("/woodpecker/src/sub", step.Directory);
        Assert.Equal(TimeSpan.FromMinutes(90), step.Timeout);
        Assert.Equal(FailureMode.Ignore, step.Failure);
        Assert.True(step.Detached && step.AlwaysPull && step.Privileged && step.WithoutSecrets && !step.Networked);
        Assert.Equal(["/a:/b:ro"], step.Volumes);
        Assert.Equal("1000:1000", step.User);
        Assert.Equal((2, TimeSpan.FromSeconds(10)), (step.Retry.Max, step.Retry.Delay));
        Assert.Equal(new ResourcePlan(512L << 20, 0.5, 64), step.Resources);
        Assert.Equal([77], step.AllowedExitCodes);
    }

    [Theory]
    [InlineData("resources: {memory: 1g, disk: 10GiB}\nsteps: [{name: a, image: x, commands: b}]", null)]
    [InlineData("resources: {disk: 1m}\nsteps: [{name: a, image: x, commands: b}]", "1,19 BR1023")]
    [InlineData("steps: [{name: a, image: x, commands: b, resources: {disk: 10g}}]", "1,54 BR1020")]
    public void The_disk_is_a_limit_of_a_workflow_that_a_file_system_fits_into(string yaml, string? error)
    {
        Assert.Equal(error is null ? [] : [error], Plans.Errors(yaml).Select(e => $"{e.Location.Line},{e.Location.Column} {e.Code}"));
        if (error is null)
        {
            Assert.Equal(new ResourcePlan(MemoryBytes: 1L << 30, DiskBytes: 10L << 30), Plans.Workflow(yaml).Resources);
        }
    }

    [Theory]
    [InlineData("49d", 49)]
    [InlineData("49d1ms", null)]
    [InlineData("366d", null)]
    [InlineData("99999999999999999999999d", null)]
    public void A_time_is_no_longer_than_timers_take(string text, int? days)
    {
        var yaml = $"steps: [{{name: a, image: x, commands: b, timeout: {text}}}]";
        Assert.Equal(days is null, Plans.Errors(yaml).Count > 0);
        if (days is { } all)
        {
            var time = Assert.Single(Plans.Workflow(yaml).Steps, s => s.Name == "a").Timeout!.Value;
            Assert.Equal(TimeSpan.FromDays(all), time);
            using var limit = new CancellationTokenSource(time);
        }
    }

    /// <summary>A workspace there would stand in the place of devices and of what the kernel shows, which runtimes look for by name.</summary>
    [Theory]
    [InlineData("workspace: {base: /dev}\nsteps: [{name: a, image: x, commands: b}]")]
    [InlineData("workspace: {base: /./dev/../shm}\nsteps: [{name: a, image: x, commands: b}]")]
    [InlineData("workspace: {base: /, path: dev}\nsteps: [{name: a, image: x, commands: b}]")]
    [InlineData("workspace: {base: //proc/sys}\nsteps: [{name: a, image: x, commands: b}]")]
    [InlineData("workspace: {base: /sys}\nsteps: [{name: a, image: x, commands: b}]")]
    [InlineData("workspace: {base: /.buildrunner/x}\nsteps: [{name: a, image: x, commands: b}]")]
    [InlineData("matrix: {D: [dev]}\nworkspace: {base: '/${D}'}\nsteps: [{name: a, image: x, commands: b}]")]
    public void A_workspace_is_not_where_the_kernels_files_are(string yaml) =>
        Assert.Equal(["BR1032"], Plans.Errors(yaml).Select(e => e.Code));

    [Fact]
    public void Every_problem_is_reported_at_once_at_its_place()
    {
        var errors = Plans.Errors("""
            steps:
              - name: a
                imagee: x
                timeout: soon
              - name: b
                image: y
                failure: ignored
                commands: {a: b}
            servces: []
            """);
        Assert.Equal(
            ["2,5 BR1029", "3,5 BR1020", "4,14 BR1024", "7,14 BR1022", "8,15 BR1021", "9,1 BR1020"],
            errors.Select(error => $"{error.Location.Line},{error.Location.Column} {error.Code}"));
        Assert.Equal("Did you mean `image`?", errors[1].Hint);
        Assert.Equal("Did you mean `ignore`?", errors[3].Hint);
        Assert.Equal("Did you mean `services`?", errors[5].Hint);
    }

    [Fact]
    public void A_diagnostic_reads_like_a_compilers()
    {
        Assert.Equal(".woodpecker/build.yml(1,1): error BR1029: a workflow needs `steps`. Write at least one step", Plans.Error("labels: {a: b}").ToString());
    }

    [Fact]
    public void A_key_of_another_place_is_named()
    {
        Assert.Equal("`commands` is a key of a step", Plans.Error("commands: make\nsteps: {a: {image: x}}").Hint);
    }

    [Theory]
    [InlineData("trigger: {event: push}", "Drone's `trigger` is `when` here")]
    [InlineData("jobs: {}", "That is a file of GitHub Actions; here a file has `steps`")]
    [InlineData("stages: [test]", "That is a file of GitLab; here steps are put in order by `depends_on`")]
    public void A_key_of_another_system_is_translated(string key, string hint)
    {
        Assert.Equal(hint, Plans.Error(key + "\nsteps: {a: {image: x}}\n").Hint);
    }

    [Theory]
    [InlineData("tag: v*", "Tags are chosen with `event: tag` and `ref: refs/tags/v*`")]
    [InlineData("target: production", "Deployment targets are compared with `evaluate: 'CI_PIPELINE_DEPLOY_TARGET == \"production\"'`")]
    public void A_condition_of_another_system_is_translated(string condition, string hint)
    {
        Assert.Equal(hint, Plans.Error($"when: {{{condition}}}\nsteps: {{a: {{image: x}}}}\n").Hint);
    }

    [Fact]
    public void A_colon_in_a_command_that_makes_a_mapping_of_it_is_explained()
    {
        Assert.Equal("A colon followed by a space makes a mapping of a line; put the line in quotes", Plans.ErrorOfStepWith("commands:\n- echo a: b").Hint);
    }

    [Fact]
    public void Settings_become_variables_as_in_Woodpecker()
    {
        var step = Plans.StepWith("""
            settings:
              some-bool: false
              some_String: hello
              an.Int: 3
              nothing: ~
              tags: [next, 1.10, true]
              complex: {b: [2, "3", null], a: 1.10, flag: True}
              secret: {from_secret: token}
              with: {password: {from_secret: token}}
            """);
        Assert.Equal(StepKind.Plugin, step.Kind);
        Assert.Equal(("false", "hello", "3"), (step.Literal("PLUGIN_SOME_BOOL"), step.Literal("PLUGIN_SOME_STRING"), step.Literal("PLUGIN_AN_INT")));
        Assert.False(step.Environment.ContainsKey("PLUGIN_NOTHING"));
        Assert.Equal("next,1.10,true", step.Literal("PLUGIN_TAGS"));
        Assert.Equal("""{"a":1.10,"b":[2,"3",null],"flag":true}""", step.Literal("PLUGIN_COMPLEX"));
        Assert.Equal(new PlanValue.Secret("token"), step.Environment["PLUGIN_SECRET"]);
        Assert.Equal(new PlanValue.Json("""{"password":{"from_secret":"token"}}"""), step.Environment["PLUGIN_WITH"]);
    }

    [Fact]
    public void Plugins_get_drones_names_too_and_no_matrix()
    {
        var plan = Plans.Run(Plans.Push, ("a.yml", "matrix: {V: [1]}\nsteps: {p: {image: x}, c: {image: x, commands: make}}"));
        var steps = plan.Workflows[0].Steps;
        Assert.Equal("main", steps[1].Literal("DRONE_BRANCH"));
        Assert.False(steps[1].Environment.ContainsKey("V"));
        Assert.Equal("1", steps[2].Literal("V"));
        Assert.False(steps[2].Environment.ContainsKey("DRONE_BRANCH"));
    }

    [Fact]
    public void A_step_sees_the_documented_variables()
    {
        var step = Plans.StepWith("commands: make", Plans.Push.With("CI_REPO_URL", "https://git.example.com:8443/octocat/hello"));
        Assert.Equal("/woodpecker/src/git.example.com/octocat/hello", step.Literal("CI_WORKSPACE"));
        Assert.Equal(("a", "1", "commands"), (step.Literal("CI_STEP_NAME"), step.Literal("CI_STEP_NUMBER"), step.Literal("CI_STEP_TYPE")));
        Assert.Equal(("build", "1"), (step.Literal("CI_WORKFLOW_NAME"), step.Literal("CI_WORKFLOW_NUMBER")));
        Assert.Equal(("octocat/hello", "octocat", "hello"), (step.Literal("CI_REPO"), step.Literal("CI_REPO_OWNER"), step.Literal("CI_REPO_NAME")));
        Assert.Equal(("push", "main", "buildrunner"), (step.Literal("CI_PIPELINE_EVENT"), step.Literal("CI_COMMIT_BRANCH"), step.Literal("CI")));
    }

    [Fact]
    public void A_value_that_replaces_a_built_in_variable_wins_with_a_warning()
    {
        var result = Plans.Result("steps: {a: {image: x, commands: make, environment: {CI_COMMIT_BRANCH: other}}}");
        Assert.Equal("BR1106", Assert.Single(result.Diagnostics).Code);
        Assert.Equal("other", result.Plan!.Workflows[0].Steps[1].Literal("CI_COMMIT_BRANCH"));
    }

    [Fact]
    public void Variables_are_substituted_in_values_and_never_in_keys()
    {
        var workflow = Plans.Workflow("""
            labels: {"${CI_COMMIT_BRANCH}": "${CI_COMMIT_BRANCH}"}
            steps:
              - name: build-${CI_COMMIT_BRANCH}
                image: go:${CI_COMMIT_SHA:0:8}
                commands: echo $${HOME} $HOME ${CI_COMMIT_BRANCH^^}
                environment: {X: "${NOPE:-none}"}
            """);
        Assert.Equal(new Dictionary<string, string> { ["${CI_COMMIT_BRANCH}"] = "main" }, workflow.Labels);
        var step = workflow.Steps[1];
        Assert.Equal(("build-main", "go:01234567", "none"), (step.Name, step.Image, step.Literal("X")));
        Assert.Equal(["echo ${HOME} $HOME MAIN"], step.Commands);
    }

    [Fact]
    public void Data_with_any_content_changes_no_structure()
    {
        var hostile = "x\n  evil: {image: bad}\n- \"}]'${CI}$${CI}: #";
        var step = Plans.StepWith("environment: {M: \"${CI_COMMIT_MESSAGE}\"}", Plans.Push.With("CI_COMMIT_MESSAGE", hostile));
        Assert.Equal(hostile, step.Literal("M"));
    }

    [Fact]
    public void A_matrix_runs_the_workflow_once_for_each_combination()
    {
        var plan = Plans.Run(Plans.Push, ("build.yml", """
            matrix:
              GO: [1.20, "1.21"]
              OS: [linux, windows]
              exclude: [{GO: 1.20, OS: windows}]
              max_parallel: 2
              fail_fast: true
            steps:
              build: {image: "golang:${GO}", commands: ["echo ${OS}"]}
            """));
        Assert.Equal(["build/1", "build/2", "build/3"], plan.Workflows.Select(workflow => workflow.Name));
        Assert.Equal(["golang:1.20", "golang:1.21", "golang:1.21"], plan.Workflows.Select(workflow => workflow.Steps[1].Image));
        Assert.Equal(["linux", "linux", "windows"], plan.Workflows.Select(workflow => workflow.Matrix["OS"]));
        Assert.All(plan.Workflows, workflow => Assert.Equal(new MatrixPlan("build", 2, true), workflow.MatrixRules));
    }

    [Fact]
    public void A_matrix_with_too_many_cells_is_an_error_with_the_count()
    {
        var error = Plans.Error($"steps: {{a: {{image: x}}}}\nmatrix:\n  A: [{string.Join(',', Enumerable.Range(0, 20))}]\n  B: [{string.Join(',', Enumerable.Range(0, 20))}]");
        Assert.Equal(("BR1046", "the matrix has 400 cells; 256 are allowed"), (error.Code, error.Message));
    }

    [Fact]
    public void Services_are_planned_apart_and_need_names()
    {
        var workflow = Plans.Workflow("""
            steps: {a: {image: x}}
            services:
              db: {image: postgres, ports: [5432], environment: {A: b}, healthcheck: {test: pg_isready, interval: 2s}}
            """);
        var service = Assert.Single(workflow.Services);
        Assert.Equal((StepKind.Service, "db"), (service.Kind, service.Name));
        Assert.Equal(["/bin/sh", "-c", "pg_isready"], service.HealthCheck!.Test);
        Assert.Equal("BR1029", Plans.Error("steps: {a: {image: x}}\nservices: [{image: x}]").Code);
        Assert.Equal("BR1040", Plans.Error("steps: {a: {image: x}}\nservices: [{image: x, name: a}, {image: x, name: a}]").Code);
    }

    [Fact]
    public void Lint_does_not_judge_what_depends_on_the_event()
    {
        Assert.All(Planner.Lint([Plans.Source("steps:\n- image: ${IMAGE}\n  detach: ${FLAG}\n  timeout: ${LIMIT}\n  when: {branch: '${B}['}\n")]), remark => Assert.Equal("BR1107", remark.Code));
        Assert.Equal(["BR1030", "BR1021", "BR1024", "BR1026"], Plans.Errors("steps:\n- image: ${IMAGE}\n  detach: ${FLAG}\n  timeout: ${LIMIT}\n  when: {branch: '${B}['}\n").Select(error => error.Code));
    }

    [Fact]
    public void Settings_exclude_commands()
    {
        Assert.Equal("BR1043", Plans.ErrorOfStepWith("commands: make\nsettings: {a: b}").Code);
        Assert.Equal("BR1043", Plans.ErrorOfStepWith("entrypoint: make\nsettings: {a: b}").Code);
    }

    [Fact]
    public void A_skipped_clone_leaves_no_clone_step()
    {
        Assert.Equal(["a"], Plans.Workflow("skip_clone: true\nsteps: {a: {image: x}}").Steps.Select(step => step.Name));
        Assert.Equal(["git", "a"], Plans.Workflow("clone: {git: {image: y, settings: {depth: 1}}}\nsteps: {a: {image: x}}").Steps.Select(step => step.Name));
    }

    [Fact]
    public void Two_files_with_the_same_workflow_name_are_an_error()
    {
        var result = Planner.Plan([Plans.Source("steps: {a: {image: x}}", "w/a.yml"), Plans.Source("steps: {a: {image: x}}", "w/a.yaml")], Plans.Push);
        Assert.Equal("BR1040", Assert.Single(result.Diagnostics).Code);
        Assert.Null(result.Plan);
    }
}
