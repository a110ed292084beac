namespace BuildRunner.Cli.Tests.Scenarios;

/// <summary>«Workflows»: several files, their conditions and dependencies.</summary>
internal static class WorkflowScenarios
{
    public static IEnumerable<Scenario> All =>
    [
        new("Workflows are called after their files, and run in the order of their dependencies", """
            === .woodpecker/build.yaml
            steps: [{name: build, image: debian, commands: [echo building]}]
            === .woodpecker/deploy.yaml
            depends_on: [lint, build, test]
            steps: [{name: deploy, image: debian, commands: [echo deploying]}]
            === .woodpecker/.lint.yml
            steps: [{name: lint, image: debian, commands: [echo linting]}]
            === .woodpecker/test.yaml
            depends_on: [build]
            steps: [{name: test, image: debian, commands: [echo testing]}]
            """, "build/build=success deploy/deploy=success lint/lint=success test/test=success")
        {
            Real = true,
            Checks = [Must.Follow("test/test", "build/build"), Must.Follow("deploy/deploy", "test/test"), Must.Follow("deploy/deploy", "lint/lint")],
        },

        new("Names of workflows may have spaces, and a file may begin with dots", """
            === .woodpecker/Build Auth.yaml
            steps: [{name: a, image: x, commands: echo}]
            === .woodpecker/..Auth server tests.yml
            depends_on: [Build Auth]
            steps: [{name: b, image: x, commands: echo}]
            === .woodpecker/last.yml
            depends_on: [Auth server tests]
            steps: [{name: c, image: x, commands: echo}]
            """, "")
        {
            Checks = [Must.Plan(plan => Assert.Equal(["Build Auth", "Auth server tests", "last"], plan.Workflows.Select(w => w.Name))), Must.Leave("Auth server tests", null), Must.Leave("last", null)],
        },

        new("Workflows without dependencies run at the same time", """
            === .woodpecker/a.yml
            steps: [{name: one, image: x, commands: echo}]
            === .woodpecker/b.yml
            steps: [{name: two, image: x, commands: echo}]
            """, "a/one=success b/two=success") { Real = true, Meet = ["one two"], Checks = [Must.Overlap("one", "two")] },

        new("Workflows share nothing", """
            === .woodpecker/a.yml
            steps: [{name: one, image: x, commands: [echo 1 > file]}]
            === .woodpecker/b.yml
            depends_on: a
            steps: [{name: two, image: x, commands: [test ! -e file]}]
            """, "a/one=success b/two=success") { Real = true },

        new("A workflow that fails fails the run, and others run on", """
            === .woodpecker/failing.yml
            steps: [{name: bad-step, image: dummy, environment: {STEP_EXIT_CODE: '1'}, commands: exit $STEP_EXIT_CODE}]
            === .woodpecker/passing.yml
            steps: [{name: ok-step, image: dummy, commands: echo}]
            """, "failing/bad-step=failure passing/ok-step=success") { Real = true, Result = "failure" },

        new("A workflow whose dependency failed is left out", """
            === .woodpecker/build.yml
            steps: [{name: compile, image: dummy, environment: {STEP_EXIT_CODE: '1'}, commands: exit $STEP_EXIT_CODE}]
            === .woodpecker/deploy.yml
            depends_on: build
            steps: [{name: deploy, image: dummy, commands: echo}]
            """, "build/compile=failure deploy/deploy=skipped") { Real = true, Result = "failure", Checks = [Must.Because("deploy", "workflow 'build' ended with failure")] },

        new("A workflow that runs on failure runs after one", """
            === .woodpecker/deploy.yml
            steps: [{name: deploy, image: dummy, environment: {STEP_EXIT_CODE: '1'}, commands: exit $STEP_EXIT_CODE}]
            === .woodpecker/notify.yml
            depends_on: deploy
            when: [{status: [success, failure]}]
            steps: [{name: notify, image: dummy, commands: echo}]
            === .woodpecker/only.yml
            depends_on: deploy
            when: {status: failure}
            steps: [{name: tell, image: dummy, commands: echo}]
            """, "deploy/deploy=failure notify/notify=success only/tell=success") { Real = true, Result = "failure", Checks = [Must.Follow("notify", "deploy/deploy")] },

        new("A workflow that runs on failure only is left out without one", """
            === .woodpecker/deploy.yml
            steps: [{name: deploy, image: dummy, commands: echo}]
            === .woodpecker/only.yml
            depends_on: deploy
            when: {status: failure}
            steps: [{name: tell, image: dummy, commands: echo}]
            """, "deploy/deploy=success only/tell=skipped"),

        new("The old form runs_on works, with a warning", """
            === .woodpecker/deploy.yml
            steps: [{name: deploy, image: dummy, environment: {STEP_EXIT_CODE: '1'}, commands: echo}]
            === .woodpecker/notify.yml
            depends_on: deploy
            runs_on: [success, failure]
            steps: [{name: notify, image: dummy, commands: echo}]
            """, "deploy/deploy=failure notify/notify=success") { Result = "failure", Warns = "BR1101" },

        new("A workflow whose condition does not hold takes those with it that need it", """
            === .woodpecker/a.yml
            when: {event: tag}
            steps: [{name: a, image: x, commands: echo}]
            === .woodpecker/b.yml
            depends_on: a
            steps: [{name: b, image: x, commands: echo}]
            === .woodpecker/c.yml
            steps: [{name: c, image: x, commands: echo}]
            """, "a/a=skipped b/b=skipped c/c=success") { Checks = [Must.Leave("a", "the event is `push`, not `tag`"), Must.Leave("b", "it depends on workflow `a`, which does not run")] },

        new("An optional dependency on a workflow that does not run is dropped", """
            === .woodpecker/check-a.yml
            steps: [{name: check-a, image: dummy, commands: echo}]
            === .woodpecker/check-b.yml
            when: {event: tag}
            steps: [{name: check-b, image: dummy, commands: echo}]
            === .woodpecker/deploy.yml
            depends_on: [check-a, {name: check-b, optional: true}]
            steps: [{name: deploy, image: dummy, commands: echo}]
            """, "check-a/check-a=success check-b/check-b=skipped deploy/deploy=success") { Checks = [Must.Follow("deploy/deploy", "check-a/check-a")] },

        new("A workflow that needs one which does not exist is left out with a warning, and others run", """
            === .woodpecker/check-a.yml
            steps: [{name: check-a, image: dummy, commands: echo}]
            === .woodpecker/deploy.yml
            depends_on: [check-a, ghost-workflow]
            steps: [{name: deploy, image: dummy, commands: echo}]
            """, "check-a/check-a=success deploy/deploy=skipped") { Warns = "BR1103", Checks = [Must.Leave("deploy", "it depends on workflow `ghost-workflow`, which does not exist")] },

        new("Workflows that wait for each other are refused", """
            === .woodpecker/a.yml
            depends_on: b
            steps: [{name: a, image: x, commands: echo}]
            === .woodpecker/b.yml
            depends_on: a
            steps: [{name: b, image: x, commands: echo}]
            """, "") { Refused = "BR1042" },

        new("A workflow has the conditions that steps have", """
            when: {branch: develop}
            steps: [{name: a, image: x, commands: echo}]
            """, "a=skipped") { Result = "skipped", Checks = [Must.Leave("woodpecker", "the branch is `main`, not `develop`")] },

        new("Old branches are conditions, with a warning", """
            branches: develop
            steps: [{name: a, image: x, commands: echo}]
            """, "a=skipped") { Result = "skipped", Warns = "BR1101", Checks = [Must.Leave("woodpecker", "the branch is `main`, not `develop`")] },

        new("No more workflows of a group run at once than its limit", """
            === .woodpecker/a.yml
            concurrency: {limit: 1, group: 'deploy-${CI_COMMIT_BRANCH}'}
            steps: [{name: one, image: x, commands: echo}]
            === .woodpecker/b.yml
            concurrency: {limit: 1, group: deploy-main}
            steps: [{name: two, image: x, commands: echo}]
            === .woodpecker/c.yml
            concurrency: {limit: 1, group: other}
            steps: [{name: three, image: x, commands: echo}]
            """, "a/one=success b/two=success c/three=success")
        {
            Real = true,
            Checks = [Must.Follow("two", "one"), Must.Plan(plan => Assert.Equal(["deploy-main", "deploy-main", "other"], plan.Workflows.Select(w => w.ConcurrencyGroup)))],
        },

        new("A concurrency limit without a group is that of the workflow, all cells together", """
            matrix: {N: [1, 2]}
            concurrency: 1
            steps: [{name: work, image: x, commands: echo}]
            """, "woodpecker/1/work=success woodpecker/2/work=success")
        {
            Checks = [Must.Follow("woodpecker/2/work", "woodpecker/1/work"), Must.Plan(plan => Assert.Equal([("woodpecker", 1), ("woodpecker", 1)], plan.Workflows.Select(w => (w.ConcurrencyGroup!, w.Concurrency!.Limit))))],
        },

        new("A concurrency group needs a limit", "concurrency: {group: deploy}\nsteps: [{name: a, image: x, commands: echo}]\n", "") { Refused = "BR1029" },

        new("Labels ask for agents; empty and reserved ones are left out", """
            labels: {location: europe, weather: sun, hostname: "", woodpecker-ci.org/agent: x, platform: linux/arm64}
            steps: [{name: a, image: x, commands: echo, when: {platform: linux/arm*}}]
            """, "")
        {
            Warns = "BR1102",
            Checks =
            [
                Must.Plan(plan => Assert.Equal(["location=europe", "platform=linux/arm64", "weather=sun"], plan.Workflows[0].Labels.Select(l => $"{l.Key}={l.Value}").Order(StringComparer.Ordinal))),
                Must.PlanOut("a", null),
            ],
        },

        new("A file that is no workflow refuses them all", """
            === .woodpecker/a.yml
            steps: [{name: a, image: x, commands: echo}]
            === .woodpecker/b.yml
            when: {event: push}
            """, "") { Refused = "BR1029" },
    ];
}
