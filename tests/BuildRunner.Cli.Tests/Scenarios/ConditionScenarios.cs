using BuildRunner.Core.Planning;

namespace BuildRunner.Cli.Tests.Scenarios;

/// <summary>«Workflow syntax»: <c>when</c>. Each row is a step that runs or not; they are planned and run as one step each.</summary>
internal static class ConditionScenarios
{
    public static IEnumerable<Scenario> All =>
    [
        // One of the conditions, all of its keys.
        Runs("One of several conditions must hold", "[{event: pull_request, repo: test/test}, {event: push, branch: main}]"),
        Not("All keys of a condition must hold", "[{event: pull_request, repo: test/test}, {event: push, branch: develop}]", "none of its 2 conditions holds: the event is `push`, not `pull_request`; the branch is `main`, not `develop`"),
        Runs("A condition may stand without a list", "{event: push}"),

        // repo
        Runs("A repository is compared", "{repo: octocat/hello-world}"),
        Runs("A repository may be a pattern", "{repo: 'octocat/*'}"),
        Not("Another repository is left out", "{repo: test/test}", "the repository is `octocat/hello-world`, not `test/test`"),

        // branch
        Runs("A branch is compared", "{branch: main}"),
        Runs("A branch may be one of several", "{branch: [main, develop]}"),
        Runs("The branch of a pull request is its target", "{branch: main}", On.Pull),
        Runs("Branches are not looked at for a tag", "{branch: develop}", On.Tag),
        Runs("A branch may begin with a prefix", "{branch: prefix/*}", On.Push.Branch("prefix/one")),
        Not("A star stops at a slash", "{branch: '*'}", "the branch is `feature/a`, not `*`", On.Push.Branch("feature/a")),
        Runs("A star matches a name without a slash", "{branch: '*'}"),
        Runs("Two stars match everything", "{branch: '**'}", On.Push.Branch("feature/a/b")),
        Runs("A slash may be escaped, as Woodpecker's documentation has it", "{branch: \"*\\\\/*\"}", On.Push.Branch("feature/a")),
        Not("A pattern with one slash does not match two", "{branch: \"*\\\\/*\"}", "the branch is `feature/a/b`, not `*\\/*`", On.Push.Branch("feature/a/b")),
        Runs("A pattern with a slash and two stars matches one slash and more", "{branch: \"*\\\\/**\"}", On.Push.Branch("feature/a/b")),
        Runs("Branches can be included", "{branch: {include: [main, release/*], exclude: [release/1.0.0, release/1.1.*]}}", On.Push.Branch("release/2.0.0")),
        Not("Branches can be excluded", "{branch: {include: [main, release/*], exclude: [release/1.0.0, release/1.1.*]}}", "the branch is `release/1.1.4`, which is excluded", On.Push.Branch("release/1.1.4")),

        // event
        Runs("An event is compared", "{event: tag}", On.Tag),
        Runs("An event may be one of several", "{event: [push, tag, deployment]}", On.Deployment),
        Not("Another event is left out", "{event: [push, tag, deployment]}", "the event is `manual`, not `push` or `tag` or `deployment`", On.Manual),
        Not("An event can be excluded", "{event: {exclude: push}}", "the event is `push`, which is excluded"),
        Runs("A closed pull request is an event of its own", "{event: pull_request_closed}", On.Pull with { Kind = "pull_request_closed" }),
        Runs("A pull request's metadata are an event of their own", "{event: pull_request_metadata}", On.Pull with { Kind = "pull_request_metadata" }),
        Runs("A release is an event", "{event: release}", On.Release),
        Runs("A webhook of anybody is an event of our own", "{event: webhook}", On.Webhook),

        // cron, ref, platform, instance
        Runs("A schedule's name may be a pattern", "{event: cron, cron: sync_*}", On.Cron),
        Not("Another schedule is left out", "{event: cron, cron: nightly}", "the schedule is `sync_locales`, not `nightly`", On.Cron),
        Runs("Schedules are only looked at for schedules", "{cron: nightly}"),
        Runs("A ref may be a pattern", "{event: tag, ref: refs/tags/v*}", On.Tag),
        Not("Another ref is left out", "{event: tag, ref: refs/tags/w*}", "the ref is `refs/tags/v1.10.3`, not `refs/tags/w*`", On.Tag),
        Runs("A platform is compared", "{platform: linux/amd64}"),
        Runs("A platform may be a pattern", "{platform: [linux/*, windows/amd64]}"),
        Not("Another platform is left out", "{platform: windows/*}", "the platform is `linux/amd64`, not `windows/*`"),
        Runs("The server is compared", "{instance: ci.example.com}"),
        Not("Another server is left out", "{instance: stage.woodpecker.company.com}", "the server is `ci.example.com`, not `stage.woodpecker.company.com`"),

        // path
        Runs("One changed file that matches is enough", "{path: 'src/*'}", On.Push.Changing("README.md", "src/a.c")),
        Not("Without a changed file that matches a step does not run", "{path: 'src/*'}", "no changed file matches `src/*`", On.Push.Changing("README.md")),
        Not("Files can be excluded", Paths, "all changed files are excluded", On.Push.Changing("a.md", "docs/b/c.txt")),
        Runs("A file beside the excluded ones counts", Paths, On.Push.Changing("a.md", "a.ini")),
        Runs("A message can make paths be passed over", Paths, On.Push.Changing("a.md").Knowing("CI_COMMIT_MESSAGE", "test it [all]")),
        Runs("Without changed files the condition holds", Paths, On.Push.Changing()),
        Not("Without changed files it can be made not to hold", "{path: {include: ['*.ini'], on_empty: false}}", "no file was changed", On.Push.Changing()),
        Runs("Paths are looked at for pull requests too", "{path: 'src/*'}", On.Pull.Changing("src/a")),
        Runs("Paths are not looked at for other events", "{path: 'src/*'}", On.Tag.Changing("README.md")),

        // evaluate
        Runs("A dot of a version may be written with four backslashes, as the substitution of Woodpecker wants it", "{evaluate: 'CI_COMMIT_TAG matches \"^v?[0-9]+\\\\\\\\.[0-9]+\\\\\\\\.[0-9]+$\"'}", On.Tag),
        Runs("Or with three", "{evaluate: '\"${CI_COMMIT_TAG}\" matches ''^v([0-9]+)\\\\\\.([0-9]+)\\\\\\.([0-9]+)$'''}", On.Tag),
        Not("A dot that is written so is no other sign", "{evaluate: 'CI_COMMIT_TAG matches \"^v1\\\\\\\\.1\\\\\\\\.\\\\\\\\.3$\"'}", "`CI_COMMIT_TAG matches \"^v1\\\\\\\\.1\\\\\\\\.\\\\\\\\.3$\"` is false", On.Tag),
        Runs("An expression can combine variables", "{evaluate: 'CI_PIPELINE_EVENT == \"push\" && CI_REPO == \"octocat/hello-world\" && CI_COMMIT_BRANCH == CI_REPO_DEFAULT_BRANCH'}"),
        Runs("An expression can ask for an author", "{evaluate: 'CI_COMMIT_AUTHOR == \"john-doe\"'}"),
        Not("An expression can look for a text", "{evaluate: 'not (CI_COMMIT_MESSAGE contains \"please ignore me\")'}", "`not (CI_COMMIT_MESSAGE contains \"please ignore me\")` is false", On.Push.Knowing("CI_COMMIT_MESSAGE", "x please ignore me")),
        Runs("An expression can look for a label", "{evaluate: 'CI_COMMIT_PULL_REQUEST_LABELS contains \"deploy\"'}", On.Pull),
        Runs("A variable that is not defined is the empty text", "{evaluate: 'SKIP != \"true\"'}"),
        Not("A custom variable counts", "{evaluate: 'SKIP != \"true\"'}", "`SKIP != \"true\"` is false", On.Push.Knowing("SKIP", "true")),
        Runs("A release that is a draft of one can be told", "{evaluate: 'CI_PIPELINE_RELEASE_PRE == \"true\"'}", On.Release),
        Runs("Variables may be substituted in conditions", "{branch: '${CI_REPO_DEFAULT_BRANCH}'}"),

        // remarks
        new("A list in which one condition forgets the event is remarked", "steps: [{name: a, image: x, commands: [echo], when: [{branch: main}, {event: tag}]}]\n", "a=success") { Warns = "BR1108" },
        new("A list in which every condition names an event is not remarked", "steps: [{name: a, image: x, commands: [echo], when: [{branch: main, event: push}, {event: tag}]}]\n", "a=success"),
        new("An expression that cannot be read refuses the file", "steps: [{name: a, image: x, commands: [echo], when: {evaluate: 'CI_REPO =='}}]\n", "") { Refused = "BR1027" },
        new("An event that does not exist refuses the file", "steps: [{name: a, image: x, commands: [echo], when: {event: pushed}}]\n", "") { Refused = "BR1022" },
    ];

    private const string Paths = "{path: {include: ['.woodpecker/*.yaml', '*.ini'], exclude: ['*.md', 'docs/**'], ignore_message: '[ALL]', on_empty: true}}";

    private static Scenario Runs(string title, string when, RunEvent? runEvent = null) => Of(title, when, runEvent, "it=success other=success", null);

    private static Scenario Not(string title, string when, string reason, RunEvent? runEvent = null) => Of(title, when, runEvent, "it=skipped other=success", reason);

    private static Scenario Of(string title, string when, RunEvent? runEvent, string outcomes, string? reason) =>
        new(title, $"steps:\n- {{name: it, image: x, commands: [echo], when: {when}}}\n- {{name: other, image: x, commands: [echo]}}\n", outcomes)
        {
            Event = runEvent ?? On.Push,
            Checks = [Must.PlanOut("it", reason)],
        };
}
