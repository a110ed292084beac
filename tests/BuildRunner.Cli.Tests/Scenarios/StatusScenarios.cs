namespace BuildRunner.Cli.Tests.Scenarios;

/// <summary>«Workflow syntax»: <c>status</c>, and what a run ends with.</summary>
internal static class StatusScenarios
{
    public static IEnumerable<Scenario> All =>
    [
        new("A step that runs on failure runs after one, and knows of it", """
            steps:
              - {name: build, image: dummy, environment: {STEP_EXIT_CODE: '2'}, commands: exit $STEP_EXIT_CODE}
              - {name: notify, image: dummy, commands: 'echo "it is $CI_PIPELINE_STATUS"', when: [{status: [failure]}]}
            """, "build=failure notify=success") { Real = true, Result = "failure", Checks = [Must.Get("notify", "CI_PIPELINE_STATUS", "failure"), Must.Print("notify", "it is failure")] },

        new("A step that runs on failure is left out without one", """
            steps:
              - {name: build, image: dummy, commands: echo}
              - {name: notify, image: dummy, commands: echo, when: {status: failure}}
            """, "build=success notify=skipped") { Real = true, Checks = [Must.Because("notify", "nothing has failed")] },

        new("A step that runs always runs in both cases", """
            steps:
              - {name: before, image: dummy, commands: echo, when: [{status: [success, failure]}]}
              - {name: build, image: dummy, environment: {STEP_EXIT_CODE: '1'}, commands: exit $STEP_EXIT_CODE}
              - {name: always-cleanup, image: dummy, commands: echo, when: [{status: [success, failure]}]}
              - {name: deploy, image: dummy, commands: echo}
            """, "before=success build=failure always-cleanup=success deploy=skipped") { Real = true, Result = "failure", Checks = [Must.Get("before", "CI_PIPELINE_STATUS", "success"), Must.Get("always-cleanup", "CI_PIPELINE_STATUS", "failure")] },

        new("An ignored failure is none for the status", """
            steps:
              - {name: lint, image: dummy, failure: ignore, environment: {STEP_EXIT_CODE: '1'}, commands: echo}
              - {name: notify, image: dummy, commands: echo, when: {status: failure}}
              - {name: build, image: dummy, commands: echo}
            """, "lint=failure notify=skipped build=success"),

        new("Of several conditions the status of those that hold counts, on one event", Mixed, "build=failure tell=success") { Event = On.Tag, Result = "failure" },
        new("Of several conditions the status of those that hold counts, on another event", Mixed, "build=failure tell=success") { Event = On.Pull, Result = "failure" },
        new("Of several conditions the status of those that hold counts, without a failure", Fine, "build=success tell=skipped") { Event = On.Tag },
        new("Of several conditions the status of those that hold counts, in both cases", Fine, "build=success tell=success") { Event = On.Pull },
        new("A step none of whose conditions holds does not run, whatever their status", Fine, "build=success tell=skipped"),

        new("A status of old files is remarked and means nothing", """
            steps:
              - {name: build, image: dummy, commands: echo}
              - {name: tell, image: dummy, commands: echo, when: {status: [success, failure, changed]}}
              - {name: never, image: dummy, commands: echo, when: {status: changed}}
            """, "build=success tell=success never=skipped") { Warns = "BR1102" },

        new("A condition without a status means success", """
            steps:
              - {name: build, image: dummy, environment: {STEP_EXIT_CODE: '1'}, commands: echo}
              - {name: tell, image: dummy, commands: echo, when: {event: push}}
            """, "build=failure tell=skipped") { Result = "failure" },

        new("A step that runs at cancellation runs then, and others do not", """
            steps:
              - {name: long-running, image: dummy, environment: {SLEEP: 40s}, commands: exec sleep $SLEEP}
              - {name: after-cancel, image: dummy, commands: echo}
              - {name: clean-up, image: dummy, commands: echo, when: {status: cancelled}}
            """, "long-running=cancelled after-cancel=skipped clean-up=success") { Real = true, Result = "cancelled", CancelledAt = "long-running" },

        new("A step out of memory fails the run", """
            steps:
              - {name: hungry, image: dummy, commands: echo, environment: {STEP_OOM_KILLED: 'true'}}
            """, "hungry=failure") { Result = "failure" },

        new("A step that cannot be started is an error of the run", """
            steps:
              - {name: broken, image: dummy, commands: echo, environment: {STEP_START_FAIL: 'true'}}
              - {name: next, image: dummy, commands: echo}
            """, "broken=error next=skipped") { Result = "error" },
    ];

    private const string Mixed = """
        steps:
          - {name: build, image: dummy, environment: {STEP_EXIT_CODE: '1'}, commands: echo}
          - name: tell
            image: dummy
            commands: echo
            when: [{event: tag, status: [failure]}, {event: pull_request, status: [success, failure]}]
        """;

    private const string Fine = """
        steps:
          - {name: build, image: dummy, commands: echo}
          - name: tell
            image: dummy
            commands: echo
            when: [{event: tag, status: [failure]}, {event: pull_request, status: [success, failure]}]
        """;
}
