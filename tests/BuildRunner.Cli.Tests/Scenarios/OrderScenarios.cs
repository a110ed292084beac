namespace BuildRunner.Cli.Tests.Scenarios;

/// <summary>«Workflow syntax»: <c>depends_on</c>, <c>detach</c>, <c>failure</c>.</summary>
internal static class OrderScenarios
{
    public static IEnumerable<Scenario> All =>
    [
        new("With depends_on steps run in parallel but for their own dependencies", """
            steps:
              - {name: build, image: golang, commands: echo}
              - {name: deploy, image: plugins/s3, commands: echo, depends_on: [build, test]}
              - {name: test, image: golang, commands: echo}
            """, "build=success deploy=success test=success") { Real = true, Meet = ["build test"], Checks = [Must.Overlap("build", "test"), Must.Follow("deploy", "build"), Must.Follow("deploy", "test")] },

        new("An empty depends_on lets every step start at once", """
            steps:
              - {name: a, image: x, commands: [echo], depends_on: []}
              - {name: b, image: x, commands: [echo]}
              - {name: c, image: x, commands: [echo]}
            """, "a=success b=success c=success") { Meet = ["a b c"], Checks = [Must.Overlap("a", "b"), Must.Overlap("b", "c")] },

        new("A step starts when its own dependencies have ended, not when a level has", """
            steps:
              - {name: quick, image: x, commands: [echo], depends_on: []}
              - {name: slow, image: x, commands: [echo]}
              - {name: after-quick, image: x, commands: [echo], depends_on: quick}
            """, "quick=success slow=success after-quick=success") { Meet = ["slow after-quick"], Checks = [Must.Overlap("after-quick", "slow")] },

        new("One depends_on in the file is enough for that, also of a step that does not run", """
            steps:
              - {name: a, image: x, commands: [echo]}
              - {name: b, image: x, commands: [echo], when: {event: tag}, depends_on: a}
              - {name: c, image: x, commands: [echo]}
            """, "a=success b=skipped c=success") { Meet = ["a c"], Checks = [Must.Overlap("a", "c")] },

        new("Names that dependencies name must be unique", """
            steps:
              - {name: a, image: x, commands: [echo]}
              - {name: a, image: x, commands: [echo]}
              - {name: b, image: x, commands: [echo], depends_on: a}
            """, "") { Refused = "BR1040", Checks = [Must.SayAt("BR1040", 3)] },

        new("Without dependencies a name may occur twice, with a warning", """
            steps:
              - {name: a, image: x, commands: [echo]}
              - {name: a, image: x, commands: [echo]}
            """, "a=success a-2=success") { Warns = "BR1105" },

        new("A dependency on a step that does not exist refuses the file", """
            steps:
              - {name: build, image: dummy, commands: [echo]}
              - name: deploy
                image: dummy
                commands: [echo]
                depends_on:
                  - build
                  - ghost-step
            """, "") { Refused = "BR1041", Checks = [Must.SayAt("BR1041", 8)] },

        new("An optional dependency on a step that does not exist is a warning", """
            steps:
              - {name: build, image: dummy, commands: [echo], depends_on: [{name: ghost, optional: true}]}
            """, "build=success") { Warns = "BR1041" },

        new("An optional dependency on a step that does not run is dropped", """
            skip_clone: true
            when: {event: push}
            steps:
              - {name: build, image: dummy, commands: [echo]}
              - {name: lint, image: dummy, when: {event: tag}, commands: [echo]}
              - {name: deploy, image: dummy, commands: [echo], depends_on: [build, {name: lint, optional: true}]}
            """, "build=success lint=skipped deploy=success") { Real = true, Checks = [Must.Follow("deploy", "build")] },

        new("An optional dependency on a step that runs is waited for", """
            steps:
              - {name: lint, image: dummy, environment: {SLEEP: 300ms}, commands: [echo]}
              - {name: deploy, image: dummy, commands: [echo], depends_on: [{name: lint, optional: true}]}
            """, "lint=success deploy=success") { Checks = [Must.Follow("deploy", "lint")] },

        new("A step whose dependency does not run is left out too", """
            steps:
              - {name: lint, image: dummy, when: {event: tag}, commands: [echo]}
              - {name: deploy, image: dummy, commands: [echo], depends_on: lint}
              - {name: other, image: dummy, commands: [echo]}
            """, "lint=skipped deploy=skipped other=success") { Checks = [Must.Because("deploy", "it depends on `lint`, which does not run")] },

        new("Steps that wait for each other are refused", """
            steps:
              - {name: a, image: x, commands: [echo], depends_on: b}
              - {name: b, image: x, commands: [echo], depends_on: a}
            """, "") { Refused = "BR1042" },

        new("A failure that is ignored is reported and does not stop what follows", """
            steps:
              - {name: lint, image: dummy, failure: ignore, environment: {STEP_EXIT_CODE: '1'}, commands: exit $STEP_EXIT_CODE}
              - {name: build, image: dummy, commands: echo}
            """, "lint=failure build=success") { Real = true },

        new("A failure that cancels ends every workflow of the run but what is there for failures", """
            === .woodpecker/bad.yml
            steps:
              - {name: check, image: x, failure: cancel, environment: {STEP_EXIT_CODE: '1'}, commands: exit $STEP_EXIT_CODE}
              - {name: tell, image: x, commands: [echo], when: {status: failure}}
            === .woodpecker/long.yml
            steps:
              - {name: work, image: x, environment: {SLEEP: 40s}, commands: exec sleep $SLEEP}
              - {name: more, image: x, commands: [echo]}
            === .woodpecker/later.yml
            depends_on: long
            steps: [{name: ship, image: x, commands: [echo]}]
            === .woodpecker/notify.yml
            depends_on: bad
            when: {status: [failure]}
            steps: [{name: mail, image: x, commands: [echo]}]
            """, "bad/check=failure bad/tell=success long/work=cancelled long/more=skipped later/ship=skipped notify/mail=success")
        {
            Real = true,
            Result = "failure",
            Meet = ["bad/check long/work"],
            Checks = [Must.Because("ship", "'check' ended with failure")],
        },

        new("A detached step runs beside the others and ends with the workflow", """
            steps:
              - {name: database, image: redis, detach: true, environment: {SLEEP: 60s}, commands: exec sleep $SLEEP}
              - {name: test, image: golang, commands: echo}
            """, "database=success test=success") { Real = true, Checks = [Must.Overlap("database", "test")] },

        new("A detached step that fails decides nothing", """
            steps:
              - {name: database, image: redis, detach: true, environment: {STEP_EXIT_CODE: '1'}, commands: exit $STEP_EXIT_CODE}
              - {name: test, image: golang, commands: echo}
            """, "database=failure test=success") { Real = true, Held = new Dictionary<string, string> { ["test"] = "database" } },

        new("Steps of one group run together, in the old form", """
            steps:
              - {name: a, image: x, group: g, commands: [echo]}
              - {name: b, image: x, group: g, commands: [echo]}
              - {name: c, image: x, commands: [echo]}
            """, "a=success b=success c=success") { Warns = "BR1101", Meet = ["a b"], Checks = [Must.Overlap("a", "b"), Must.Follow("c", "b")] },
    ];
}
