using BuildRunner.Core.Pipelines.Keys;

namespace BuildRunner.Core.Tests.Pipelines;

/// <summary>An example of each key: it stands in the list of keys, and a test puts it into a file and lints that.</summary>
internal static class KeyExamples
{
    // group | key: value
    private const string Text = """
        workflow | steps: {build: {image: golang, commands: go build}}
        workflow | services: {database: {image: 'postgres:17'}}
        workflow | when: [{event: push, branch: main}, {event: tag}]
        workflow | depends_on: [build, {name: lint, optional: true}]
        workflow | runs_on: [success, failure]
        workflow | matrix: {GO: [1.23, 1.24], OS: [linux, windows]}
        workflow | labels: {platform: linux/arm64, location: europe}
        workflow | concurrency: {limit: 1, group: 'deploy-${CI_COMMIT_BRANCH}'}
        workflow | workspace: {base: /go, path: src/example.com/octocat/hello}
        workflow | clone: {git: {image: woodpeckerci/plugin-git, settings: {depth: 50}}}
        workflow | skip_clone: true
        workflow | variables: [&golang 'golang:1.24']
        workflow | inputs: {target: {type: choice, options: [test, live], default: test}}
        workflow | timeout: 1h30m
        workflow | resources: {cpus: 4, memory: 8g, disk: 10g}
        workflow | cache: {key: go-1, paths: [.cache]}
        workflow | pipeline: {build: {image: golang, commands: go build}}
        workflow | branches: [main, release/*]
        workflow | platform: linux/amd64
        step | name: build
        step | image: 'golang:1.24'
        step | commands: [go build ./..., go test ./...]
        step | entrypoint: [/bin/sh, -c, id]
        step | environment: {CGO_ENABLED: 0, TOKEN: {from_secret: build_token}}
        step | settings: {repo: octocat/hello, tags: [latest, '${CI_COMMIT_TAG##v}']}
        step | when: {event: tag, ref: refs/tags/v*}
        step | pull: true
        step | privileged: true
        step | volumes: ['/var/cache/tools:/tools:ro']
        step | devices: [/dev/kvm, '/dev/snd:/dev/sound:rw']
        step | directory: backend
        step | dns: 10.0.0.1
        step | dns_search: internal.example
        step | extra_hosts: ['registry:10.0.0.2']
        step | backend_options: {docker: {user: '1000:1000'}}
        step | resources: {cpus: 0.5, memory: 512m, pids: 100}
        step | secrets: [build_token]
        step | depends_on: [build, {name: lint, optional: true}]
        step | detach: true
        step | failure: ignore
        step | timeout: 10m
        step | retry: {max: 2, on: [timed_out, lost], delay: 5s}
        step | network: none
        step | allow_exit_codes: [77]
        step | outputs: [version]
        step | permissions: {secrets: none}
        step | cache: {key: 'npm-{{ hashFiles("package-lock.json") }}', paths: [.npm]}
        step | artifacts: {paths: ['out/**'], expire_in: 7d}
        step | needs_artifacts: [site]
        step | reports: {junit: ['**/TEST-*.xml']}
        step | group: tests
        build | build: docker
        build | file: Dockerfile.ci
        build | args: {VERSION: '${CI_COMMIT_TAG}'}
        build | target: test
        when | event: [push, pull_request]
        when | branch: {include: [main, release/*], exclude: release/1.*}
        when | ref: refs/tags/v*
        when | repo: octocat/*
        when | path: {include: ['src/**'], exclude: ['**/*.md']}
        when | cron: nightly-*
        when | status: [success, failure]
        when | platform: [linux/*, windows/amd64]
        when | matrix: {GO: 1.24}
        when | instance: ci.example.com
        when | evaluate: 'CI_COMMIT_BRANCH == CI_REPO_DEFAULT_BRANCH'
        event | include: [push, tag]
        event | exclude: pull_request_closed
        patterns | include: [main, release/*]
        patterns | exclude: release/1.*
        path | include: ['src/**', '*.ini']
        path | exclude: ['docs/**', '**/*.md']
        path | ignore_message: '[all]'
        path | on_empty: false
        backend_options | docker: {user: '1000'}
        docker | user: '1000:1000'
        workflow_resources | cpus: 4
        workflow_resources | memory: 8g
        workflow_resources | pids: 1000
        workflow_resources | disk: 10g
        resources | cpus: 0.5
        resources | memory: 512m
        resources | pids: 100
        secret | source: build_token
        secret | target: TOKEN
        dependency | name: build
        dependency | optional: true
        retry | max: 2
        retry | on: [failure, timed_out]
        retry | exit_codes: [1, 75]
        retry | delay: 10s
        permissions | secrets: none
        cache | key: 'go-{{ hashFiles("go.sum") }}'
        cache | restore_keys: [go-]
        cache | paths: [.cache/go]
        cache | policy: pull
        artifacts | paths: ['out/**']
        artifacts | exclude: ['**/*.tmp']
        artifacts | name: site
        artifacts | when: always
        artifacts | expire_in: 30d
        reports | junit: ['**/TEST-*.xml']
        reports | coverage: coverage.xml
        service | name: database
        service | image: 'postgres:17'
        service | commands: exec ./serve.sh
        service | entrypoint: [dockerd, --tls]
        service | environment: {POSTGRES_PASSWORD: example}
        service | settings: {mode: test}
        service | when: {event: push}
        service | pull: true
        service | privileged: true
        service | volumes: ['/var/cache/tools:/tools:ro']
        service | devices: /dev/kvm
        service | directory: /tmp
        service | dns: 10.0.0.1
        service | dns_search: internal.example
        service | extra_hosts: ['registry:10.0.0.2']
        service | backend_options: {docker: {user: postgres}}
        service | resources: {memory: 1g}
        service | secrets: [database_password]
        service | ports: [5432, 53/udp]
        service | failure: ignore
        service | healthcheck: {test: pg_isready -U postgres, interval: 1s}
        healthcheck | test: [CMD, pg_isready, -U, postgres]
        healthcheck | interval: 500ms
        healthcheck | timeout: 5s
        healthcheck | retries: 60
        healthcheck | start_period: 10s
        matrix | include: [{GO: 1.24, OS: linux}, {GO: 1.23, OS: windows}]
        matrix | exclude: [{GO: 1.23, OS: windows}]
        matrix | max_parallel: 2
        matrix | fail_fast: true
        concurrency | limit: 1
        concurrency | group: deploy-production
        workspace | base: /go
        workspace | path: src/example.com/octocat/hello
        clone | name: git
        clone | image: woodpeckerci/plugin-git
        clone | commands: git clone https://git.example.com/octocat/hello .
        clone | entrypoint: [/bin/clone]
        clone | environment: {GIT_TRACE: 1}
        clone | settings: {depth: 50, recursive: true}
        clone | when: {event: push}
        clone | pull: true
        clone | privileged: true
        clone | volumes: ['/var/cache/git:/cache:ro']
        clone | devices: /dev/fuse
        clone | directory: src
        clone | dns: 10.0.0.1
        clone | dns_search: internal.example
        clone | extra_hosts: ['git.example.com:10.0.0.2']
        clone | backend_options: {docker: {user: '1000'}}
        clone | resources: {memory: 1g}
        clone | secrets: [git_token]
        input | type: choice
        input | description: Where to deploy to
        input | default: test
        input | options: [test, live]
        input | required: true
        """;

    // Where a group stands, and what it needs besides the example.
    private static readonly Dictionary<string, (string Before, string[] Needs, string After)> Places = new()
    {
        ["workflow"] = ("{", ["steps: {a: {image: x, commands: b}}"], "}"),
        ["step"] = ("steps: {build: {image: x, commands: b}, a: {", ["image: x"], "}}"),
        ["build"] = ("steps: {a: {commands: b, image: {", ["build: ."], "}}}"),
        ["when"] = ("steps: {a: {image: x, when: {", [], "}}}"),
        ["event"] = ("steps: {a: {image: x, when: {event: {", [], "}}}}"),
        ["patterns"] = ("steps: {a: {image: x, when: {branch: {", [], "}}}}"),
        ["path"] = ("steps: {a: {image: x, when: {path: {", [], "}}}}"),
        ["backend_options"] = ("steps: {a: {image: x, backend_options: {", [], "}}}"),
        ["docker"] = ("steps: {a: {image: x, backend_options: {docker: {", [], "}}}}"),
        ["workflow_resources"] = ("{steps: {a: {image: x, commands: b}}, resources: {", [], "}}"),
        ["resources"] = ("steps: {a: {image: x, resources: {", [], "}}}"),
        ["secret"] = ("steps: {a: {image: x, secrets: [{", ["source: a", "target: b"], "}]}}"),
        ["dependency"] = ("steps: {build: {image: x}, a: {image: x, depends_on: [{", ["name: build"], "}]}}"),
        ["retry"] = ("steps: {a: {image: x, retry: {", ["max: 1"], "}}}"),
        ["permissions"] = ("steps: {a: {image: x, permissions: {", [], "}}}"),
        ["cache"] = ("steps: {a: {image: x, cache: {", ["key: a", "paths: [b]"], "}}}"),
        ["artifacts"] = ("steps: {a: {image: x, artifacts: {", ["paths: [b]"], "}}}"),
        ["reports"] = ("steps: {a: {image: x, reports: {", [], "}}}"),
        ["service"] = ("{steps: {a: {image: x, commands: b}}, services: {db: {", ["image: x"], "}}}"),
        ["healthcheck"] = ("{steps: {a: {image: x, commands: b}}, services: {db: {image: x, healthcheck: {", ["test: 'true'"], "}}}}"),
        ["matrix"] = ("{steps: {a: {image: x, commands: b}}, matrix: {GO: [1.23, 1.24], OS: [linux, windows], ", [], "}}"),
        ["concurrency"] = ("{steps: {a: {image: x, commands: b}}, concurrency: {", ["limit: 1"], "}}"),
        ["workspace"] = ("{steps: {a: {image: x, commands: b}}, workspace: {", [], "}}"),
        ["clone"] = ("{steps: {a: {image: x, commands: b}}, clone: {git: {", ["image: x"], "}}}"),
        ["input"] = ("{steps: {a: {image: x, commands: b}}, inputs: {target: {", ["options: [test, live]"], "}}}"),
    };

    private static readonly Dictionary<(string Group, string Key), string> All = Text.Split('\n')
        .Select(line => line.Split(" | ", 2))
        .ToDictionary(parts => (parts[0].Trim(), parts[1].Split(':')[0]), parts => parts[1]);

    /// <summary>Group and key of every example.</summary>
    public static IEnumerable<(string Group, string Key)> Names => All.Keys;

    /// <summary>The example of a key: <c>timeout: 10m</c>.</summary>
    public static string Of(KeyGroup group, KeyDefinition key) => All[(group.Name, key.Name)];

    /// <summary>A whole file with an example in it.</summary>
    public static string File((string Group, string Key) name)
    {
        var (before, needs, after) = Places[name.Group];
        return before + string.Join(", ", needs.Where(need => need.Split(':')[0] != name.Key && !(name.Key == "pipeline" && need.StartsWith("steps", StringComparison.Ordinal))).Append(All[name])) + after + "\n";
    }
}
