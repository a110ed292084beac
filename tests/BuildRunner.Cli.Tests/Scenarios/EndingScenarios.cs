namespace BuildRunner.Cli.Tests.Scenarios;

/// <summary>Whole pipelines as people write them.</summary>
internal static class EndingScenarios
{
    public static IEnumerable<Scenario> All =>
    [
        new("A database, a build, parallel tests, a deployment on main and a mail on failure", """
            when:
              - event: [push, manual]
              - event: pull_request
            variables:
              - &go {image: golang, pull: true}
            services:
              - {name: database, image: 'postgres:17', environment: {POSTGRES_PASSWORD: example}, commands: exec sleep 60}
            steps:
              - {<<: *go, name: build, commands: [echo built > app]}
              - {<<: *go, name: unit, commands: [cat app], depends_on: build}
              - {<<: *go, name: integration, commands: [getent hosts database], depends_on: build}
              - name: publish
                image: x
                commands: echo published
                when: {branch: '${CI_REPO_DEFAULT_BRANCH}', event: push}
                depends_on: [unit, integration]
              - {name: mail, image: x, commands: echo, when: {status: failure}, depends_on: [publish]}
            """, "build=success unit=success integration=success publish=success mail=skipped database=success")
        {
            Real = true,
            Checks = [Must.Follow("publish", "unit"), Must.Follow("publish", "integration"), Must.Print("unit", "built")],
        },

        new("Several files with a matrix, an optional check and a notification", """
            === .woodpecker/check.yaml
            when: {event: push, path: 'docs/**'}
            steps: [{name: spelling, image: x, commands: echo}]
            === .woodpecker/test.yaml
            matrix: {GO: [1.23, 1.24]}
            steps: [{name: test, image: 'golang:${GO}', environment: {STEP_EXIT_CODE: '1'}, failure: ignore, commands: exit $STEP_EXIT_CODE}]
            === .woodpecker/release.yaml
            depends_on: [test, {name: check, optional: true}]
            skip_clone: true
            steps: [{name: ship, image: x, commands: echo}]
            """, "check/spelling=skipped test/1/test=failure test/2/test=failure release/ship=success")
        {
            Real = true,
            Event = On.Push.Changing("src/main.go"),
            Checks = [Must.Leave("check", "no changed file matches `docs/**`")],
        },
    ];
}
