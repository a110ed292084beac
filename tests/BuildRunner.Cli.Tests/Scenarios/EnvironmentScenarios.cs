using BuildRunner.Core.Planning;

namespace BuildRunner.Cli.Tests.Scenarios;

/// <summary>«Environment variables» and «Secrets».</summary>
internal static class EnvironmentScenarios
{
    public static IEnumerable<Scenario> All =>
    [
        new("A step gets the variables that it sets", """
            steps:
              build: {image: golang, environment: {CGO: 0, GOOS: linux, VERSION: 1.10, ON: true, EMPTY: ""}, commands: 'echo "$CGO $GOOS $VERSION $ON [$EMPTY]"'}
            """, "build=success")
        {
            Real = true,
            Checks = [Must.Get("build", "CGO", "0"), Must.Get("build", "VERSION", "1.10"), Must.Get("build", "ON", "true"), Must.Print("build", "0 linux 1.10 true []")],
        },

        new("A list of variables works, with a warning", """
            steps:
              build: {image: golang, environment: [DOCKER_HOST=tcp://docker:2375, B=c=d], commands: echo}
            """, "build=success") { Warns = "BR1101", Checks = [Must.Get("build", "DOCKER_HOST", "tcp://docker:2375"), Must.Get("build", "B", "c=d")] },

        new("Variables are not expanded where they are set", """
            steps:
              build: {image: golang, environment: {MINE: '$HOME:/go'}, commands: 'printf "%s\n" "$MINE"'}
            """, "build=success") { Real = true, Checks = [Must.Get("build", "MINE", "$HOME:/go"), Must.Print("build", "$HOME:/go")] },

        new("Two dollars make one, for the shell's variables", """
            steps:
              build: {image: golang, environment: {A: one}, commands: ['export B=$${A}:two', 'echo $${B}']}
            """, "build=success") { Real = true, Checks = [Must.Print("build", "one:two")] },

        new("A name that nothing defines counts as empty, with a warning that says what to write", """
            steps:
              build:
                image: golang
                commands:
                  - B=two
                  - echo "[${B}]"
            """, "build=success") { Real = true, Warns = "BR1107", Checks = [Must.Print("build", "[]"), Must.SayAt("BR1107", 6), new(run => Assert.Contains("`$${B}`", run.Diagnostics[0].Hint))] },

        new("A misspelt variable is told from the right one", "steps: {build: {image: golang, environment: {A: '${CI_COMIT_BRANCH}'}, commands: echo}}\n", "build=success")
        {
            Warns = "BR1107",
            Checks = [new(run => Assert.Contains("Did you mean `CI_COMMIT_BRANCH`?", run.Diagnostics[0].Hint))],
        },

        new("A variable that Woodpecker or Drone once had is told by its name now", "steps: {build: {image: golang, environment: {A: '${CI_REPO_LINK}', B: '${DRONE_TAG}'}, commands: echo}}\n", "build=success")
        {
            Warns = "BR1107",
            Checks = [new(run => Assert.Equal(["It is called `CI_REPO_URL` now", "It is called `CI_COMMIT_TAG` now"], run.Diagnostics.Select(d => d.Hint!)))],
        },

        new("What is known when the step runs cannot be substituted, and the warning says so", "steps: {build: {image: golang, commands: 'echo ${CI_STEP_NAME}'}}\n", "build=success")
        {
            Warns = "BR1107",
            Checks = [new(run => Assert.StartsWith("It is known when the step runs", run.Diagnostics[0].Hint, StringComparison.Ordinal))],
        },

        new("A name with a default may be absent", "steps: {build: {image: 'golang:${TAG:-1.24}', environment: {A: '${B=c}'}, commands: echo}}\n", "build=success") { Checks = [Must.Get("build", "A", "c"), Must.PlanStep("build", step => Assert.Equal("golang:1.24", step.Image))] },

        new("An old variable works, with a warning", "steps: {build: {image: golang, environment: {A: '${CI_COMMIT_PRERELEASE}', B: '${CI_COMMIT_AUTHOR_AVATAR}'}, commands: echo}}\n", "build=success")
        {
            Event = On.Release.Knowing("CI_COMMIT_AUTHOR_AVATAR", "https://git.example.com/a"),
            Warns = "BR1101",
            Checks = [Must.Get("build", "A", "true"), Must.Get("build", "B", "https://git.example.com/a")],
        },

        new("A step knows repository, commit and run", Look, "look=success")
        {
            Real = true,
            Checks =
            [
                Must.Get("look", "CI_REPO", "octocat/hello-world"), Must.Get("look", "CI_REPO_OWNER", "octocat"), Must.Get("look", "CI_REPO_NAME", "hello-world"), Must.Get("look", "CI_REPO_REMOTE_ID", "82"),
                Must.Get("look", "CI_REPO_URL", "https://git.example.com/octocat/hello-world"), Must.Get("look", "CI_REPO_CLONE_URL", "https://git.example.com/octocat/hello-world.git"), Must.Get("look", "CI_REPO_PRIVATE", "true"),
                Must.Get("look", "CI_REPO_TRUSTED_NETWORK", "false"), Must.Get("look", "CI_REPO_DEFAULT_BRANCH", "main"), Must.Get("look", "CI_COMMIT_SHA", "0123456789abcdef0123456789abcdef01234567"),
                Must.Get("look", "CI_COMMIT_REF", "refs/heads/main"), Must.Get("look", "CI_COMMIT_BRANCH", "main"), Must.Get("look", "CI_COMMIT_MESSAGE", "Initial commit"), Must.Get("look", "CI_COMMIT_AUTHOR", "john-doe"),
                Must.Get("look", "CI_COMMIT_AUTHOR_EMAIL", "john-doe@example.com"), Must.Get("look", "CI_COMMIT_TIMESTAMP", "1722617519"), Must.Get("look", "CI_PIPELINE_EVENT", "push"), Must.Get("look", "CI_PIPELINE_STATUS", "success"),
                Must.Get("look", "CI_PIPELINE_FILES", "[]"), Must.Get("look", "CI_WORKFLOW_NAME", "woodpecker"), Must.Get("look", "CI_STEP_NAME", "look"), Must.Get("look", "CI_STEP_TYPE", "commands"),
                Must.Get("look", "CI_SYSTEM_HOST", "ci.example.com"), Must.Get("look", "CI_SYSTEM_NAME", "buildrunner"), Must.Get("look", "CI", "buildrunner"),
                Must.NotGet("look", "CI_COMMIT_TAG"), Must.NotGet("look", "CI_COMMIT_PULL_REQUEST"), Must.NotGet("look", "CI_COMMIT_SOURCE_BRANCH"), Must.Print("look", "octocat/hello-world push look success"),
            ],
        },

        new("A step of a pull request knows it", Look, "look=success")
        {
            Event = On.Pull,
            Checks =
            [
                Must.Get("look", "CI_COMMIT_PULL_REQUEST", "7"), Must.Get("look", "CI_COMMIT_SOURCE_BRANCH", "topic"), Must.Get("look", "CI_COMMIT_TARGET_BRANCH", "main"), Must.Get("look", "CI_COMMIT_REFSPEC", "topic:main"),
                Must.Get("look", "CI_COMMIT_PULL_REQUEST_LABELS", "deploy,fast"), Must.Get("look", "CI_COMMIT_PULL_REQUEST_MILESTONE", "summer"), Must.Get("look", "CI_COMMIT_PULL_REQUEST_DRAFT", "true"),
            ],
        },

        new("A step of a tag knows it", Look, "look=success") { Event = On.Tag, Checks = [Must.Get("look", "CI_COMMIT_TAG", "v1.10.3")] },
        new("A step of a deployment knows its target", Look, "look=success") { Event = On.Deployment, Checks = [Must.Get("look", "CI_PIPELINE_DEPLOY_TARGET", "production"), Must.Get("look", "CI_PIPELINE_DEPLOY_TASK", "migration")] },
        new("A step of a release knows it", Look, "look=success") { Event = On.Release, Checks = [Must.Get("look", "CI_PIPELINE_RELEASE_TITLE", "v1.10.3"), Must.Get("look", "CI_PIPELINE_RELEASE_PRE", "true")] },

        new("Changed files are told as JSON, unless there are more than 500", Look, "look=success") { Event = On.Push.Changing("a b.c", "\"q\"") with { Variables = new Dictionary<string, string>() }, Checks = [Must.Get("look", "CI_PIPELINE_FILES", """["a b.c","\"q\""]""")] },
        new("Too many changed files are not told", Look, "look=success") { Event = On.Push.Changing([.. Enumerable.Range(0, 501).Select(i => $"f{i}")]) with { Variables = new Dictionary<string, string>() }, Checks = [Must.NotGet("look", "CI_PIPELINE_FILES")] },
        new("Changed files with names that are too long together are not told", Look, "look=success") { Event = On.Push.Changing([.. Enumerable.Range(0, 400).Select(i => new string('f', 400) + i)]) with { Variables = new Dictionary<string, string>() }, Checks = [Must.NotGet("look", "CI_PIPELINE_FILES")] },

        // String operations, each in its own variable.
        new("Every documented string operation works", """
            steps:
              build:
                image: golang
                commands: echo
                environment:
                  PLAIN: ${CI_COMMIT_TAG}
                  LOWER_FIRST: ${NAME,}
                  LOWER: ${NAME,,}
                  UPPER_FIRST: ${WORD^}
                  UPPER: ${WORD^^}
                  FROM: ${CI_COMMIT_SHA:4}
                  PART: ${CI_COMMIT_SHA:0:8}
                  DEFAULT: ${NOTHING=otherwise}
                  PREFIX: ${CI_COMMIT_TAG##v}
                  SUFFIX: ${CI_COMMIT_TAG%%.*}
                  REPLACED: ${CI_COMMIT_TAG/1/one}
                  TARGET: /target/${CI_COMMIT_SHA:0:8}
            """, "build=success")
        {
            Event = On.Tag.Knowing("NAME", "NAME").Knowing("WORD", "word").Knowing("CI_COMMIT_SHA", "deadbeefcafe"),
            Checks =
            [
                Must.Get("build", "PLAIN", "v1.10.3"), Must.Get("build", "LOWER_FIRST", "nAME"), Must.Get("build", "LOWER", "name"), Must.Get("build", "UPPER_FIRST", "Word"), Must.Get("build", "UPPER", "WORD"),
                Must.Get("build", "FROM", "beefcafe"), Must.Get("build", "PART", "deadbeef"), Must.Get("build", "DEFAULT", "otherwise"), Must.Get("build", "PREFIX", "1.10.3"), Must.Get("build", "SUFFIX", "v1"),
                Must.Get("build", "REPLACED", "vone.10.3"), Must.Get("build", "TARGET", "/target/deadbeef"),
            ],
        },

        new("Global variables reach substitution and steps", "steps: {build: {image: 'golang:${GOLANG_VERSION}', commands: echo}}\n", "build=success")
        {
            Event = On.Push.Knowing("GOLANG_VERSION", "1.18"),
            Checks = [Must.Get("build", "GOLANG_VERSION", "1.18"), Must.PlanStep("build", step => Assert.Equal("golang:1.18", step.Image))],
        },

        new("A built-in variable can be replaced, with a warning", "steps: {build: {image: golang, environment: {CI_REPO: mine}, commands: echo}}\n", "build=success") { Warns = "BR1106", Checks = [Must.Get("build", "CI_REPO", "mine")] },

        new("A value may hand data from step to step in a file", """
            steps:
              init: {image: bash, commands: ['echo "FOO=hello" >> envvars', 'echo "BAR=world" >> envvars']}
              debug: {image: bash, commands: ['. ./envvars', 'echo $FOO $BAR']}
            """, "init=success debug=success") { Real = true, Checks = [Must.Print("debug", "hello world")] },

        // Secrets.
        new("A secret reaches the variable that asks for it, and is hidden in the log", """
            steps:
              build: {image: x, environment: {TOKEN_ENV: {from_secret: secret_token}}, commands: ['echo "it is $TOKEN_ENV"', 'echo $${TOKEN_ENV} | tr a-z A-Z']}
            """, "build=success")
        {
            Real = true,
            Secrets = new Dictionary<string, string> { ["secret_token"] = "very-private" },
            Checks = [Must.Get("build", "TOKEN_ENV", "very-private"), Must.Print("build", "it is ********"), Must.Print("build", "VERY-PRIVATE")],
        },

        new("The names of secrets have no case", "steps: {build: {image: x, environment: {A: {from_secret: SECRET_TOKEN}, B: {from_secret: Both}}, commands: echo}}\n", "build=success")
        {
            Secrets = new Dictionary<string, string> { ["secret_token"] = "very-private", ["both"] = "not-this-one", ["Both"] = "this-one" },
            Checks = [Must.Get("build", "A", "very-private"), Must.Get("build", "B", "this-one")],
        },

        new("A secret that there is none of is an error of the step", """
            steps:
              build: {image: x, environment: {TOKEN: {from_secret: nowhere}}, commands: echo}
              next: {image: x, commands: echo}
            """, "build=error next=skipped") { Real = true, Result = "error" },

        new("Old lists of secrets become variables in capital letters, with a warning", """
            steps:
              build: {image: x, secrets: [token, {source: key, target: other}], commands: echo}
            """, "build=success")
        {
            Warns = "BR1101",
            Secrets = new Dictionary<string, string> { ["token"] = "very-private", ["key"] = "also-private" },
            Checks = [Must.Get("build", "TOKEN", "very-private"), Must.Get("build", "OTHER", "also-private")],
        },

        // What no program can be given.
        new("A commit message that is too long for a variable is cut, and says so", "steps: {look: {image: x, commands: 'printf %s \"$CI_COMMIT_MESSAGE\" | tail -n 1'}}\n", "look=success")
        {
            Real = true,
            Event = On.Push.Knowing("CI_COMMIT_MESSAGE", new string('é', 200_000)),
            Checks = [new(run => Assert.InRange(EnvironmentLimit.SizeOf("DRONE_COMMIT_MESSAGE", run.Engine!["look"].Environment["CI_COMMIT_MESSAGE"]), 98_000, EnvironmentLimit.Bytes)), Must.Print("look", "[BuildRunner: cut; the whole has 400000 bytes]")],
        },
        new("A NUL in event data becomes another sign", "steps: {look: {image: x, commands: 'printf \"%s\\n\" \"$CI_COMMIT_MESSAGE\"'}}\n", "look=success") { Real = true, Event = On.Push.Knowing("CI_COMMIT_MESSAGE", "a\0b"), Checks = [Must.Print("look", "a\uFFFDb")] },
        new("A variable that is too long is refused in the file", $"steps:\n  build:\n    image: x\n    commands: echo\n    environment:\n      A: {new string('x', 131_070)}\n", "") { Refused = "BR1051", Checks = [Must.SayAt("BR1051", 6)] },
        new("The longest variable that Linux takes is taken", $"steps:\n  build:\n    image: x\n    commands: 'echo $${{#A}}'\n    environment:\n      A: {new string('x', 131_069)}\n", "build=success") { Real = true, Checks = [Must.Print("build", "131069")] },
        new("Secrets that are too long for a variable together are an error that names it", "steps: {build: {image: x, settings: {keys: [" + string.Join(", ", Enumerable.Repeat("{from_secret: key}", 40)) + "]}}}\n", "build=error")
        {
            Result = "error",
            Secrets = new Dictionary<string, string> { ["key"] = new('k', 4000) },
            Checks = [new(run => Assert.Contains("the variable 'PLUGIN_KEYS' of step 'build' has 160133 bytes", Assert.IsType<Core.Runs.Outcome.Error>(((Core.Runs.StepPhase.Done)run.StateOf("build").Phase).Outcome).Message))],
        },
        new("A NUL that a file writes refuses it", "steps: {build: {image: x, environment: {A: \"a\\0b\"}, commands: echo}}\n", "") { Refused = "BR1002" },
    ];

    private const string Look = "steps: {look: {image: x, commands: 'echo \"$CI_REPO $CI_PIPELINE_EVENT $CI_STEP_NAME $CI_PIPELINE_STATUS\"'}}\n";
}
