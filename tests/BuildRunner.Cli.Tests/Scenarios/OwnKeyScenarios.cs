namespace BuildRunner.Cli.Tests.Scenarios;

/// <summary>The keys that are BuildRunner's own.</summary>
internal static class OwnKeyScenarios
{
    public static IEnumerable<Scenario> All =>
    [
        new("A step that takes too long is ended", "steps: [{name: slow, image: x, timeout: 300ms, environment: {SLEEP: 40s}, commands: exec sleep $SLEEP}, {name: next, image: x, commands: echo}]\n", "slow=timed_out next=skipped") { Real = true, Result = "timed_out" },
        new("A workflow that takes too long is ended, with what is left of it", "timeout: 2s\nsteps: [{name: slow, image: x, environment: {SLEEP: 40s}, commands: exec sleep $SLEEP}, {name: next, image: x, commands: echo}]\n", "slow=timed_out next=skipped") { Result = "timed_out" },

        new("A step is tried again, each time in a fresh container", "steps: [{name: flaky, image: x, retry: {max: 2, delay: 100ms}, environment: {STEP_EXIT_CODE: '1'}, commands: ['test ! -e /tmp/mark', touch /tmp/mark, exit $STEP_EXIT_CODE]}]\n", "flaky=failure")
        {
            Real = true,
            Result = "failure",
            Checks = [Must.Try("flaky", 3), new(run => Assert.Equal(3, run.StateOf("flaky").Attempts.Length))],
        },
        new("A step that succeeds at last is a success", "steps: [{name: flaky, image: x, retry: 3, commands: [echo x >> tries, 'test $(wc -l < tries) -ge 3']}]\n", "flaky=success") { OnlyReal = true, Checks = [Must.Try("flaky", 3)] },
        new("Only the exit codes that are named are tried again", "steps: [{name: flaky, image: x, retry: {max: 2, exit_codes: [7]}, environment: {STEP_EXIT_CODE: '8'}, commands: exit $STEP_EXIT_CODE}]\n", "flaky=failure") { Real = true, Result = "failure", Checks = [Must.Try("flaky", 1)] },
        new("Only the outcomes that are named are tried again", "steps: [{name: flaky, image: x, retry: {max: 2, on: timed_out}, environment: {STEP_EXIT_CODE: '1'}, commands: exit $STEP_EXIT_CODE}]\n", "flaky=failure") { Result = "failure", Checks = [Must.Try("flaky", 1)] },
        new("Time that is up can be tried again", "steps: [{name: flaky, image: x, timeout: 100ms, retry: {max: 1, on: timed_out}, environment: {SLEEP: 40s}, commands: exec sleep $SLEEP}]\n", "flaky=timed_out") { Result = "timed_out", Checks = [Must.Try("flaky", 2)] },

        new("An allowed exit code is a success", "steps: [{name: soft, image: x, allow_exit_codes: [77], environment: {STEP_EXIT_CODE: '77'}, commands: exit $STEP_EXIT_CODE}, {name: next, image: x, commands: echo}]\n", "soft=success next=success") { Real = true },

        new("Outputs reach environment, settings and conditions of later steps", """
            steps:
              - {name: version, image: x, outputs: [version, changed], commands: ['echo "version=1.2.3 $(echo hi)" >> $CI_OUTPUT', echo changed=yes >> $CI_OUTPUT]}
              - {name: release, image: x, environment: {VERSION: 'v${steps.version.outputs.version}'}, commands: 'echo "$VERSION"', when: {evaluate: 'steps.version.outputs.changed == "yes"'}}
              - {name: not, image: x, commands: echo, when: {evaluate: 'steps.version.outputs.changed != "yes"'}}
            """, "version=success release=success not=skipped") { OnlyReal = true, Checks = [Must.Get("release", "VERSION", "v1.2.3 hi"), Must.Print("release", "v1.2.3 hi")] },
        new("Without an output a condition on it does not hold", "steps: [{name: a, image: x, commands: echo}, {name: b, image: x, commands: echo, when: {evaluate: 'steps.a.outputs.x == \"y\"'}}]\n", "a=success b=skipped") { Real = true },
        new("A line of outputs that is none is remarked in the log", "steps: [{name: a, image: x, commands: ['echo \"no line\" >> $CI_OUTPUT']}]\n", "a=success") { OnlyReal = true, Checks = [Must.Tell("a", "'no line' is not KEY=value")] },
        new("Outputs that are too long are an error of the step", "steps: [{name: a, image: x, commands: ['head -c 300000 /dev/zero | tr \"\\0\" x > $CI_OUTPUT']}, {name: b, image: x, commands: echo}]\n", "a=error b=skipped") { OnlyReal = true, Result = "error", Checks = [Must.Tell("a", "the file $CI_OUTPUT has 300000 bytes; 262144 are allowed")] },
        new("An output that holds a secret is left out, and said", "steps: [{name: a, image: x, environment: {T: {from_secret: t}}, commands: ['echo \"x=$T\" >> $CI_OUTPUT']}, {name: b, image: x, environment: {X: '[${steps.a.outputs.x}]'}, commands: echo}]\n", "a=success b=success")
        {
            OnlyReal = true,
            Secrets = new Dictionary<string, string> { ["t"] = "very-private" },
            Checks = [Must.Get("b", "X", "[]"), Must.Tell("a", "the output 'x' is not used: its value holds a secret")],
        },
        new("An output of a step that is not waited for is refused", "steps:\n  - {name: a, image: x, commands: echo, depends_on: []}\n  - {name: b, image: x, environment: {X: '${steps.a.outputs.x}'}, commands: echo}\n", "") { Refused = "BR1048" },

        new("Inputs have defaults", Inputs, "deploy=success") { Event = On.Manual, Real = true, Checks = [Must.Get("deploy", "target", "test"), Must.Print("deploy", "to test")] },
        new("Inputs that are given win", Inputs, "deploy=success") { Event = On.Manual.Given("target", "live"), Real = true, Checks = [Must.Print("deploy", "to live")] },
        new("An input outside of its choices is refused", Inputs, "") { Event = On.Manual.Given("target", "moon"), Refused = "BR1050" },
        new("An input that does not exist is refused", Inputs, "") { Event = On.Manual.Given("tarjet", "live"), Refused = "BR1050" },
        new("A required input must be given to a manual run", "inputs: {why: {required: true}}\nsteps: [{name: a, image: x, commands: echo}]\n", "") { Event = On.Manual, Refused = "BR1050" },
        new("A push is not asked for inputs", "inputs: {why: {required: true}}\nsteps: [{name: a, image: x, commands: echo}]\n", "a=success"),
        new("An input with a NUL is refused", Inputs, "") { Event = On.Manual.Given("note", "a\0b"), Refused = "BR1050" },
        new("An input that is too long for a variable is refused", Inputs, "") { Event = On.Manual.Given("note", new string('x', 140_000)), Refused = "BR1050" },

        new("A step can do without every secret", "steps: [{name: a, image: x, permissions: {secrets: none}, environment: {T: {from_secret: t}}, commands: echo}]\n", "a=error") { Real = true, Result = "error", Secrets = new Dictionary<string, string> { ["t"] = "very-private" } },
        new("A step can do without the network", "steps: [{name: a, image: x, network: none, commands: ['ls /sys/class/net | tr \"\\n\" \" \"']}]\n", "a=success") { Real = true, Checks = [Must.Print("a", "lo ")] },
        new("Limits reach the container", "resources: {memory: 2g}\nsteps: [{name: a, image: x, resources: {cpus: 0.5, memory: 512m, pids: 100}, commands: echo}]\n", "a=success")
        {
            Real = true,
            Checks = [new(run => Assert.Equal((512L << 20, 0.5, 100), (run.Engine!["a"].Spec.Limits.MemoryBytes!.Value, run.Engine["a"].Spec.Limits.Cpus!.Value, run.Engine["a"].Spec.Limits.Pids!.Value)))],
        },

        new("An image that is to be built is not where nobody allows it, and its step says so", "steps: [{name: a, image: {build: docker}, commands: echo}, {name: b, image: x, commands: echo}]\n", "a=error b=skipped")
        {
            Result = "error",
            Checks = [new(run => Assert.StartsWith("The image of 'docker' is not built here", Assert.IsType<Core.Runs.Outcome.Error>(((Core.Runs.StepPhase.Done)run.StateOf("a").Phase).Outcome).Message, StringComparison.Ordinal))],
        },
        new("What is not built yet is read, and a run warns and goes on", """
            cache: {key: go-1, restore_keys: go-, paths: [.cache]}
            steps: [{name: a, image: x, commands: echo, artifacts: {paths: ['out/**'], expire_in: 7d}, needs_artifacts: [b], reports: {junit: ['**/*.xml']}, cache: [{key: k, paths: [p]}]}]
            """, "a=success") { Real = true, Warns = "BR1102" },
        new("What is not built yet is checked all the same", "steps: [{name: a, image: x, commands: echo, artifacts: {paths: ['out[']}, cache: {key: k}}]\n", "") { Refused = "BR1026 BR1029", Warns = "BR1102" },
    ];

    private const string Inputs = """
        inputs: {target: {type: choice, options: [test, live], default: test}, note: {type: string}}
        steps: [{name: deploy, image: x, commands: 'echo "to ${target}"'}]
        """;
}
