namespace BuildRunner.Cli.Tests.Scenarios;

/// <summary>«Matrix workflows», and what is ours of them.</summary>
internal static class MatrixScenarios
{
    public static IEnumerable<Scenario> All =>
    [
        new("A matrix runs the workflow once for each combination", """
            matrix:
              GO_VERSION: [1.24, 1.26]
              OS: [linux, windows]
            steps:
              - {name: build, image: dummy, commands: ['echo "go=${GO_VERSION} os=${OS}"']}
            """, "woodpecker/1/build=success woodpecker/2/build=success woodpecker/3/build=success woodpecker/4/build=success")
        {
            Real = true,
            Checks =
            [
                Must.Plan(plan => Assert.Equal(["1.24 linux", "1.24 windows", "1.26 linux", "1.26 windows"], plan.Workflows.Select(w => $"{w.Matrix["GO_VERSION"]} {w.Matrix["OS"]}"))),
                Must.Get("woodpecker/3/build", "GO_VERSION", "1.26"),
                Must.Print("build", "go=1.26 os=windows"),
            ],
        },

        new("Only the combinations that include lists are run", """
            matrix:
              include:
                - {GO_VERSION: 1.4, REDIS_VERSION: 2.8}
                - {GO_VERSION: 1.5, REDIS_VERSION: 2.8}
                - {GO_VERSION: 1.6, REDIS_VERSION: 3.0}
            steps:
              - {name: build, image: 'golang:${GO_VERSION}', commands: echo}
            """, "woodpecker/1/build=success woodpecker/2/build=success woodpecker/3/build=success")
        {
            Checks = [Must.Plan(plan => Assert.Equal(["golang:1.4", "golang:1.5", "golang:1.6"], plan.Workflows.Select(w => w.Steps[^1].Image))), Must.Get("woodpecker/3/build", "REDIS_VERSION", "3.0")],
        },

        new("Matrix values stand in images of steps and services, and in the environment", """
            matrix:
              TAG: [1.7, latest]
              DATABASE: [mysql:8, mariadb:10.1]
            steps: [{name: build, image: 'golang:${TAG}', commands: echo}]
            services: [{name: database, image: '${DATABASE}'}]
            """, "")
        {
            Checks =
            [
                Must.Plan(plan => Assert.Equal(
                    ["golang:1.7 mysql:8", "golang:1.7 mariadb:10.1", "golang:latest mysql:8", "golang:latest mariadb:10.1"],
                    plan.Workflows.Select(w => $"{w.Steps[^1].Image} {w.Services[0].Image}"))),
            ],
        },

        new("A matrix can run on several platforms", """
            matrix: {platform: [linux/amd64, linux/arm64]}
            labels: {platform: '${platform}'}
            steps:
              - {name: test, image: alpine, commands: 'echo "I am running on ${platform}"'}
              - {name: test-arm-only, image: alpine, commands: echo, when: {platform: linux/arm*}}
            """, "woodpecker/1/test=success woodpecker/1/test-arm-only=skipped woodpecker/2/test=success woodpecker/2/test-arm-only=success")
        {
            Checks = [Must.Plan(plan => Assert.Equal(["linux/amd64", "linux/arm64"], plan.Workflows.Select(w => w.Labels["platform"])))],
        },

        new("A step can run in one cell only", """
            matrix: {GO_VERSION: [1.4, 1.5], REDIS_VERSION: [2.8]}
            steps:
              - {name: a, image: x, commands: echo, when: {matrix: {GO_VERSION: 1.5, REDIS_VERSION: 2.8}}}
              - {name: b, image: x, commands: echo}
            """, "woodpecker/1/a=skipped woodpecker/1/b=success woodpecker/2/a=success woodpecker/2/b=success"),

        new("A dependency on a matrix is one on all its cells", """
            === .woodpecker/many.yml
            matrix: {N: [1, 2]}
            steps: [{name: work, image: x, commands: echo}]
            === .woodpecker/after.yml
            depends_on: many
            steps: [{name: last, image: x, commands: echo}]
            """, "many/1/work=success many/2/work=success after/last=success") { Checks = [Must.Follow("last", "many/1/work"), Must.Follow("last", "many/2/work")] },

        new("A cell that keeps another workflow from running is told by its values", """
            === .woodpecker/many.yml
            matrix: {CODE: [0, 1], OS: [linux]}
            steps: [{name: work, image: x, environment: {STEP_EXIT_CODE: '${CODE}'}, commands: [exit $STEP_EXIT_CODE]}]
            === .woodpecker/after.yml
            depends_on: many
            steps: [{name: last, image: x, commands: echo}]
            """, "many/1/work=success many/2/work=failure after/last=skipped") { Result = "failure", Checks = [Must.Because("last", "workflow 'many (CODE=1, OS=linux)' ended with failure")] },

        new("A matrix of one cell has no numbers", "matrix: {N: [1]}\nsteps: [{name: a, image: x, commands: echo}]\n", "a=success") { Checks = [Must.Plan(plan => Assert.Equal("woodpecker", Assert.Single(plan.Workflows).Name))] },

        new("A matrix may have more than 27 axes",
            "matrix:\n" + string.Concat(Enumerable.Range(0, 40).Select(i => $"  A{i}: [{i}]\n")) + "steps: [{name: a, image: 'x:${A39}', commands: echo}]\n", "a=success") { Checks = [Must.PlanStep("a", step => Assert.Equal("x:39", step.Image))] },

        new("A matrix of more than 256 cells is refused with the count",
            $"matrix:\n  A: [{string.Join(", ", Enumerable.Range(0, 20))}]\n  B: [{string.Join(", ", Enumerable.Range(0, 20))}]\nsteps: [{{name: a, image: x, commands: echo}}]\n", "") { Refused = "BR1046", Checks = [new(run => Assert.Contains("400 cells", Assert.Single(run.Diagnostics).Message))] },

        new("Cells can be excluded", """
            matrix: {GO: [1, 2], OS: [linux, windows], exclude: [{GO: 1, OS: windows}, {GO: 2, OS: linux}]}
            steps: [{name: a, image: x, commands: echo}]
            """, "woodpecker/1/a=success woodpecker/2/a=success") { Checks = [Must.Plan(plan => Assert.Equal(["1 linux", "2 windows"], plan.Workflows.Select(w => $"{w.Matrix["GO"]} {w.Matrix["OS"]}")))] },

        new("No more cells run at once than max_parallel", """
            matrix: {N: [1, 2, 3], max_parallel: 1}
            steps: [{name: work, image: x, commands: echo}]
            """, "woodpecker/1/work=success woodpecker/2/work=success woodpecker/3/work=success")
        {
            Real = true,
            Checks = [Must.Follow("woodpecker/2/work", "woodpecker/1/work"), Must.Follow("woodpecker/3/work", "woodpecker/2/work")],
        },

        new("With fail_fast the first cell that fails cancels the others", """
            matrix: {include: [{CODE: 1, TIME: '0'}, {CODE: 0, TIME: 40s}], fail_fast: true}
            steps: [{name: work, image: x, environment: {SLEEP: '${TIME}', STEP_EXIT_CODE: '${CODE}'}, commands: [sleep $SLEEP, exit $STEP_EXIT_CODE]}]
            """, "woodpecker/1/work=failure woodpecker/2/work=cancelled") { Real = true, Meet = ["woodpecker/1/work woodpecker/2/work"], Result = "failure" },

        new("Without fail_fast every cell runs to its end", """
            matrix: {CODE: [1, 0]}
            steps: [{name: work, image: x, environment: {STEP_EXIT_CODE: '${CODE}'}, commands: [echo]}]
            """, "woodpecker/1/work=failure woodpecker/2/work=success") { Held = new Dictionary<string, string> { ["woodpecker/2/work"] = "woodpecker/1/work" }, Result = "failure" },

        new("A matrix without cells is refused", "matrix: {GO: [1], exclude: [{GO: 1}]}\nsteps: [{name: a, image: x, commands: echo}]\n", "") { Refused = "BR1047" },
    ];
}
