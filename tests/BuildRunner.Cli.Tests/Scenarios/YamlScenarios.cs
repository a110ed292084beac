namespace BuildRunner.Cli.Tests.Scenarios;

/// <summary>«Advanced usage» and the YAML of pipelines.</summary>
internal static class YamlScenarios
{
    public static IEnumerable<Scenario> All =>
    [
        new("Anchors and aliases stand for values", """
            variables:
              - &golang_image 'golang:1.18'
            steps:
              - {name: test, image: *golang_image, commands: go test ./...}
              - {name: build, image: *golang_image, commands: build}
            """, "") { Checks = [Must.PlanStep("test", step => Assert.Equal("golang:1.18", step.Image)), Must.PlanStep("build", step => Assert.Equal("golang:1.18", step.Image))] },

        new("One or several mappings are merged, and what is written wins", """
            variables:
              - &base-plugin-settings
                target: dist
                recursive: false
                try: true
              - &special-setting
                special: true
              - &some-plugin codeberg.org/6543/docker-images/print_env
            steps:
              - name: develop
                image: *some-plugin
                settings:
                  <<: [*base-plugin-settings, *special-setting]
              - name: main
                image: *some-plugin
                settings:
                  <<: *base-plugin-settings
                  try: false
                  ongoing: false
            """, "develop=success main=success")
        {
            Checks =
            [
                Must.Get("develop", "PLUGIN_TARGET", "dist"), Must.Get("develop", "PLUGIN_SPECIAL", "true"), Must.Get("develop", "PLUGIN_TRY", "true"),
                Must.Get("main", "PLUGIN_TRY", "false"), Must.Get("main", "PLUGIN_ONGOING", "false"), Must.NotGet("main", "PLUGIN_SPECIAL"),
            ],
        },

        new("Lists are merged into lists", """
            variables:
              pre_cmds: &pre_cmds
                - echo start
                - echo prepared
              post_cmds: &post_cmds
                - echo stop
              hello_cmd: &hello_cmd
                - echo hello
            steps:
              - name: step1
                image: debian
                commands:
                  - <<: *pre_cmds
                  - echo exec step now do dedicated things
                  - <<: *post_cmds
              - name: step2
                image: debian
                commands:
                  - <<: [*pre_cmds, *hello_cmd]
                  - echo echo from second step
                  - <<: *post_cmds
            """, "step1=success step2=success")
        {
            Real = true,
            Checks =
            [
                Must.PlanStep("step1", step => Assert.Equal(["echo start", "echo prepared", "echo exec step now do dedicated things", "echo stop"], step.Commands)),
                Must.PlanStep("step2", step => Assert.Equal(["echo start", "echo prepared", "echo hello", "echo echo from second step", "echo stop"], step.Commands)),
                Must.Print("step2", "hello"),
            ],
        },

        new("A step can be a template, and its list be replaced", """
            variables:
              step_template: &base-step
                image: golang:1.19
                commands: &base-cmds [echo version, echo whoami]
            steps:
              test-base-step:
                <<: *base-step
              test base step with latest image:
                <<: *base-step
                image: golang:latest
              test list overwrite:
                <<: *base-step
                commands:
                  - <<: *base-cmds
                  - echo hostname
            """, "") { Checks = [Must.PlanStep("test base step with latest image", step => Assert.Equal("golang:latest", step.Image)), Must.PlanStep("test list overwrite", step => Assert.Equal(3, step.Commands.Count))] },

        new("The booleans of YAML 1.1 are booleans where one is expected", "skip_clone: yes\nsteps: {a: {image: x, pull: On, detach: no, commands: echo}}\n", "") { Checks = [Must.PlanStep("a", step => Assert.Equal((true, false), (step.AlwaysPull, step.Detached))), Must.Plan(plan => Assert.Single(plan.Workflows[0].Steps))] },

        new("A substitution may stand in a flow list without quotes", "steps: {a: {image: x, settings: {tags: [latest, ${CI_COMMIT_TAG##v}]}}}\n", "a=success") { Event = On.Tag, Checks = [Must.Get("a", "PLUGIN_TAGS", "latest,1.10.3")] },

        new("The old key pipeline stands for steps, with a warning", "pipeline: {a: {image: x, commands: echo}}\n", "a=success") { Warns = "BR1101" },
        new("The old key platform is a label, with a warning", "platform: linux/arm64\nsteps: {a: {image: x, commands: echo}}\n", "") { Warns = "BR1101", Checks = [Must.Plan(plan => Assert.Equal("linux/arm64", plan.Workflows[0].Labels["platform"]))] },
        new("A key that does not exist refuses the file, with the nearest one", "steps: {a: {image: x, comands: echo}}\n", "") { Refused = "BR1020", Checks = [new(run => Assert.Equal("Did you mean `commands`?", run.Diagnostics[0].Hint))] },
        new("A misspelt key at the top refuses the file", "matri: {GO: [1]}\nsteps: {a: {image: x, commands: echo}}\n", "") { Refused = "BR1020" },
        new("What cannot be merged is refused", "variables: [&x text]\nsteps: {a: {<<: *x, image: x, commands: echo}}\n", "") { Refused = "BR1010", Checks = [Must.SayAt("BR1010", 2)] },
        new("A workflow has at most 256 steps", "steps:\n" + string.Concat(Enumerable.Range(0, 257).Select(i => $"- {{name: s{i}, image: x, commands: echo}}\n")), "") { Refused = "BR1045" },
        new("A step needs an image", "steps: {a: {commands: echo}}\n", "") { Refused = "BR1029" },
        new("A workflow needs steps", "when: {event: push}\n", "") { Refused = "BR1029" },
    ];
}
