namespace BuildRunner.Cli.Tests.Scenarios;

/// <summary>«Creating plugins»: steps with settings.</summary>
internal static class PluginScenarios
{
    public static IEnumerable<Scenario> All =>
    [
        new("Settings become variables in capital letters", """
            steps:
              plugin:
                image: foo/plugin
                settings: {url: https://example.com, some-bool: false, some_String: hello, anInt: 3, with.dot: x, skip: ~}
            """, "plugin=success")
        {
            Checks =
            [
                Must.Get("plugin", "PLUGIN_URL", "https://example.com"), Must.Get("plugin", "PLUGIN_SOME_BOOL", "false"), Must.Get("plugin", "PLUGIN_SOME_STRING", "hello"), Must.Get("plugin", "PLUGIN_ANINT", "3"),
                Must.Get("plugin", "PLUGIN_WITH_DOT", "x"), Must.NotGet("plugin", "PLUGIN_SKIP"), Must.Get("plugin", "CI_STEP_TYPE", "plugin"),
            ],
        },

        new("Settings that are more than a value become JSON, and lists of values are joined", """
            steps:
              plugin:
                image: foo/plugin
                settings:
                  complex: {abc: 2, list: [2, 3]}
                  tags: [next, latest]
                  body: |
                    hello world
                  tag: [next]
                  holes: [a, ~]
            """, "plugin=success")
        {
            Checks =
            [
                Must.Get("plugin", "PLUGIN_COMPLEX", """{"abc":2,"list":[2,3]}"""), Must.Get("plugin", "PLUGIN_TAGS", "next,latest"), Must.Get("plugin", "PLUGIN_TAG", "next"), Must.Get("plugin", "PLUGIN_HOLES", "a,"),
                Must.Get("plugin", "PLUGIN_BODY", "hello world\n"),
            ],
        },

        new("Secrets in settings reach the plugin, at any depth", """
            steps:
              plugin:
                image: foo/plugin
                settings:
                  TOKEN: {from_secret: secret_token}
                  list.map: [{registry: https://codeberg.org, username: "6543", password: {from_secret: cb_password}}]
            """, "plugin=success")
        {
            Secrets = new Dictionary<string, string> { ["secret_token"] = "FooBar", ["cb_password"] = "a\"b" },
            Checks = [Must.Get("plugin", "PLUGIN_TOKEN", "FooBar"), Must.Get("plugin", "PLUGIN_LIST_MAP", """[{"password":"a\"b","registry":"https://codeberg.org","username":"6543"}]""")],
        },

        new("Plugins get Drone's names of the variables too", "steps: {plugin: {image: plugins/slack, settings: {channel: dev}}}\n", "plugin=success")
        {
            Checks = [Must.Get("plugin", "DRONE_REPO", "octocat/hello-world"), Must.Get("plugin", "DRONE_COMMIT_SHA", "0123456789abcdef0123456789abcdef01234567"), Must.Get("plugin", "DRONE_BUILD_EVENT", "push"), Must.Get("plugin", "PULLREQUEST_DRONE_PULL_REQUEST", "0")],
        },

        new("Steps with commands get no names of Drone", "steps: {build: {image: x, commands: echo}}\n", "build=success") { Checks = [Must.NotGet("build", "DRONE_REPO")] },

        new("A plugin runs its image's own entry point", "steps: {plugin: {image: plugins/docker, settings: {repo: foo/bar}}}\n", "plugin=success")
        {
            Checks = [new(run => Assert.Null(run.Engine!["plugin"].Spec.Entrypoint)), new(run => Assert.Empty(run.Engine!["plugin"].Spec.Files))],
        },

        new("Settings and commands exclude each other", "steps:\n  publish:\n    image: plugins/docker\n    settings: {repo: foo/bar}\n    commands: [env]\n", "") { Refused = "BR1043" },
        new("Settings and an entry point exclude each other", "steps: {publish: {image: plugins/docker, settings: {repo: foo/bar}, entrypoint: [x]}}\n", "") { Refused = "BR1043" },
        new("Settings beside environment are remarked", "steps: {publish: {image: plugins/docker, settings: {repo: foo/bar}, environment: {CGO: 0}}}\n", "publish=success") { Warns = "BR1043", Checks = [Must.Get("publish", "PLUGIN_REPO", "foo/bar")] },
        new("A setting whose name cannot be a variable's is refused", "steps: {publish: {image: plugins/docker, settings: {'a=b': c}}}\n", "") { Refused = "BR1031" },

        new("Event data is substituted in settings", "steps: {s3: {image: woodpeckerci/plugin-s3, settings: {target: '/target/${CI_COMMIT_SHA:0:8}/${CI_COMMIT_TAG##v}'}}}\n", "s3=success")
        {
            Event = On.Tag,
            Checks = [Must.Get("s3", "PLUGIN_TARGET", "/target/01234567/1.10.3")],
        },
    ];
}
