namespace BuildRunner.Cli.Tests.Scenarios;

/// <summary>«Services», and their health checks.</summary>
internal static class ServiceScenarios
{
    public static IEnumerable<Scenario> All =>
    [
        new("Services run beside the steps and are reached by their names", """
            steps:
              - {name: build, image: golang, commands: ['getent hosts database > /dev/null', 'getent hosts cache > /dev/null', echo both are there]}
            services:
              - {name: database, image: mysql, commands: exec sleep 60}
              - {name: cache, image: redis, commands: exec sleep 60}
            """, "build=success database=success cache=success") { Real = true, Checks = [Must.Print("build", "both are there")] },

        new("Services may be a mapping from name to service", """
            steps: {build: {image: golang, commands: echo}}
            services: {database: {image: mysql, ports: [3306, 51820/udp], environment: {MYSQL_DATABASE: test, MYSQL_ALLOW_EMPTY_PASSWORD: yes}}, cache: {image: redis, directory: /tmp/, ports: ['6379']}}
            """, "build=success database=success cache=success")
        {
            Checks =
            [
                Must.Get("database", "MYSQL_DATABASE", "test"), Must.Get("database", "MYSQL_ALLOW_EMPTY_PASSWORD", "yes"), Must.Get("database", "CI_STEP_TYPE", "service"),
                Must.PlanStep("database", step => Assert.Equal(["3306", "51820/udp"], step.Ports)),
            ],
        },

        new("A service in a list needs a name", "steps: [{name: build, image: golang, commands: echo}]\nservices:\n  - image: mysql\n", "") { Refused = "BR1029", Checks = [Must.SayAt("BR1029", 3)] },
        new("Names of services are unique", "steps: [{name: a, image: x, commands: echo}]\nservices:\n  - {name: db, image: x}\n  - {name: db, image: y}\n", "") { Refused = "BR1040", Checks = [Must.SayAt("BR1040", 4)] },
        new("A port that is none is refused", "steps: [{name: a, image: x, commands: echo}]\nservices: [{name: db, image: x, ports: [99999]}]\n", "") { Refused = "BR1032" },

        new("A service that fails by itself fails the workflow at its end, and steps go on", """
            steps: [{name: build, image: golang, commands: echo}, {name: more, image: golang, commands: echo}]
            services: [{name: database, image: mysql, environment: {SLEEP: 1ms, STEP_EXIT_CODE: '1'}, commands: exit $STEP_EXIT_CODE}]
            """, "build=success more=success database=failure") { Real = true, Held = new Dictionary<string, string> { ["build"] = "database" }, Result = "failure" },

        new("A service whose failure is ignored fails nothing", """
            steps: [{name: build, image: golang, commands: echo}]
            services: [{name: database, image: mysql, failure: ignore, environment: {SLEEP: 1ms, STEP_EXIT_CODE: '1'}, commands: exit $STEP_EXIT_CODE}]
            """, "build=success database=failure") { Real = true, Held = new Dictionary<string, string> { ["build"] = "database" } },

        new("A service that ends by itself without a failure is no obstacle", """
            steps: [{name: build, image: golang, commands: echo}]
            services: [{name: setup, image: mysql, environment: {SLEEP: 1ms}, commands: echo}]
            """, "build=success setup=success") { Real = true, Held = new Dictionary<string, string> { ["build"] = "setup" } },

        new("A service that does not end when asked to is killed, and fails nothing", """
            steps: [{name: build, image: golang, commands: echo}]
            services: [{name: stubborn, image: x, commands: ["trap '' TERM", 'while :; do sleep 1; done']}]
            """, "build=success stubborn=success") { OnlyReal = true },

        new("Steps wait until a service is healthy", """
            steps: [{name: build, image: golang, commands: cat ready}]
            services: [{name: slow, image: x, commands: [sleep 0.7, echo is ready > ready, exec sleep 60], healthcheck: {test: test -e ready, interval: 100ms, timeout: 5s, retries: 100}}]
            """, "build=success slow=success") { OnlyReal = true, Checks = [Must.Print("build", "is ready")] },

        new("A service that never becomes healthy is an error of the workflow", """
            steps: [{name: build, image: golang, commands: echo}]
            services: [{name: sick, image: x, commands: exec sleep 60, healthcheck: {test: 'false', interval: 50ms, timeout: 1s, retries: 2}}]
            """, "build=skipped sick=error") { OnlyReal = true, Result = "error" },

        new("A service whose condition does not hold is not started", """
            steps: [{name: build, image: golang, commands: echo}]
            services: [{name: database, image: mysql, when: {event: tag}}]
            """, "build=success database=skipped"),

        new("Commands of a health check are put in place as they are", "steps: [{name: a, image: x, commands: echo}]\nservices: [{name: db, image: x, healthcheck: {test: [CMD, pg_isready, -U, postgres], interval: 2s, start_period: 1s}}]\n", "")
        {
            Checks = [Must.PlanStep("db", step => Assert.Equal((("pg_isready -U postgres"), TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(30), 30, TimeSpan.FromSeconds(1)), (string.Join(' ', step.HealthCheck!.Test), step.HealthCheck.Interval, step.HealthCheck.Timeout, step.HealthCheck.Retries, step.HealthCheck.StartPeriod)))],
        },
    ];
}
