namespace BuildRunner.Cli.Tests.Scenarios;

/// <summary>«Workflow syntax»: steps and their keys.</summary>
internal static class StepScenarios
{
    public static IEnumerable<Scenario> All =>
    [
        new("Steps run one after the other in the order of the file", """
            steps:
              - name: backend
                image: golang
                commands: [echo go build, echo go test]
              - name: frontend
                image: node
                commands: [echo npm install]
            """, "backend=success frontend=success") { Real = true, Checks = [Must.Follow("frontend", "backend"), Must.Print("backend", "go test"), Must.Print("frontend", "npm install")] },

        new("Steps may be written as a mapping from name to step", """
            steps:
              backend: {image: golang, commands: [echo 1]}
              frontend: {image: node, commands: [echo 2]}
            """, "backend=success frontend=success") { Checks = [Must.Follow("frontend", "backend")] },

        new("Steps without a name are numbered", """
            steps:
              - {image: golang, commands: [echo 1]}
              - {image: node, commands: [echo 2]}
            """, "step-0=success step-1=success"),

        new("A command that fails ends its step and with it the workflow", """
            steps:
              - name: build
                image: golang
                environment: {STEP_EXIT_CODE: "3"}
                commands: [echo before, "(exit $STEP_EXIT_CODE)", echo after]
              - name: deploy
                image: golang
                commands: [echo deploying]
            """, "build=failure deploy=skipped")
        {
            Real = true,
            Result = "failure",
            Checks = [Must.Print("build", "before"), Must.Because("deploy", "'build' ended with failure"), new(run => Assert.DoesNotContain("after", run.View.LinesOf("build").Where(line => run.IsReal || line != "echo after")))],
        },

        new("Changes to files are kept from step to step", """
            steps:
              - name: build
                image: debian
                commands: echo "test content" > myfile
              - name: a-test-step
                image: debian
                commands: cat myfile
            """, "build=success a-test-step=success") { Real = true, Checks = [Must.Print("a-test-step", "test content")] },

        new("Steps begin in the workspace, where the repository's files are", """
            steps:
              - name: look
                image: alpine
                commands: [pwd, cat hello.txt, 'test "$PWD" = "$CI_WORKSPACE"']
            """, "look=success")
        {
            Real = true,
            Tree = new Dictionary<string, string> { ["hello.txt"] = "from the repository\n" },
            Checks = [Must.Get("look", "CI_WORKSPACE", "/woodpecker/src/git.example.com/octocat/hello-world"), Must.Print("look", "/woodpecker/src/git.example.com/octocat/hello-world"), Must.Print("look", "from the repository")],
        },

        new("Base and path of the workspace can be set, and plugins keep their base", """
            workspace: {base: /go, path: src/github.com/octocat/hello-world}
            steps:
              - name: build
                image: golang
                commands: pwd
              - name: plugin
                image: plugins/git
            """, "build=success plugin=success")
        {
            Checks =
            [
                Must.Get("build", "CI_WORKSPACE", "/go/src/github.com/octocat/hello-world"),
                Must.Get("plugin", "CI_WORKSPACE", "/woodpecker/src/github.com/octocat/hello-world"),
                new(run => Assert.Equal("/woodpecker/src/github.com/octocat/hello-world", run.Engine!["plugin"].Spec.WorkingDirectory)),
            ],
        },

        new("The base of the workspace is one volume for all steps", """
            workspace: {base: /go, path: src/x}
            steps:
              - {name: deps, image: golang, commands: [pwd, mkdir -p /go/pkg, echo kept > /go/pkg/dep]}
              - {name: build, image: node, commands: cat /go/pkg/dep}
            """, "deps=success build=success") { Real = true, Checks = [Must.Print("deps", "/go/src/x"), Must.Print("build", "kept")] },

        new("An image may be written in every way that Docker takes", """
            steps:
              - {name: a, image: golang, commands: [echo]}
              - {name: b, image: 'golang:1.7', commands: [echo]}
              - {name: c, image: 'library/golang:1.7', commands: [echo]}
              - {name: d, image: index.docker.io/library/golang, commands: [echo]}
              - {name: e, image: 'index.docker.io/library/golang:1.7', commands: [echo]}
            """, "a=success b=success c=success d=success e=success")
        {
            Checks =
            [
                new(run => Assert.Equal(
                    ["golang:latest", "golang:1.7", "golang:1.7", "golang:latest", "golang:1.7"],
                    new[] { "a", "b", "c", "d", "e" }.Select(step => run.Engine![step].Spec.Image.DisplayName))),
            ],
        },

        new("An image is pulled again only if the step says so", """
            steps:
              - {name: old, image: golang, commands: [echo]}
              - {name: fresh, image: golang, pull: true, commands: [echo]}
            """, "") { Checks = [Must.PlanStep("old", step => Assert.False(step.AlwaysPull)), Must.PlanStep("fresh", step => Assert.True(step.AlwaysPull))] },

        new("Commands may be one text", "steps: {build: {image: golang, commands: echo one}}\n", "build=success") { Real = true, Checks = [Must.Print("build", "one")] },

        new("Commands of several lines run as one", """
            steps:
              build:
                image: golang
                commands:
                  - |
                    if true; then
                      echo inside
                    fi
            """, "build=success") { Real = true, Checks = [Must.Print("build", "inside"), Must.Print("build", "+ if true; then")] },

        new("An entry point replaces that of the image", """
            steps:
              build: {image: golang, entrypoint: [/bin/sh, -c, echo from the entry point]}
            """, "build=success") { Real = true, Checks = [Must.Print("build", "from the entry point")] },

        new("An entry point may be one text", "steps: {build: {image: golang, entrypoint: /bin/true}}\n", "build=success") { Real = true },

        new("An entry point beside commands gets them in CI_SCRIPT", """
            steps:
              build:
                image: golang
                entrypoint: [/bin/sh, -c, 'echo $CI_SCRIPT | base64 -d | /bin/sh -e']
                commands: [echo from the script]
            """, "build=success") { Real = true, Checks = [Must.Print("build", "from the script")] },

        new("Commands without an entry point do not see CI_SCRIPT", "steps: {build: {image: golang, commands: 'test -z \"$CI_SCRIPT\"'}}\n", "build=success") { Real = true, Checks = [Must.NotGet("build", "CI_SCRIPT")] },

        new("A step may begin in a folder of the repository or anywhere", """
            steps:
              - {name: below, image: golang, directory: sub/folder, commands: [pwd, cat file]}
              - {name: elsewhere, image: golang, directory: /usr/lib, commands: pwd}
            """, "below=success elsewhere=success")
        {
            Real = true,
            Tree = new Dictionary<string, string> { ["sub/folder/file"] = "here" },
            Checks = [Must.Print("below", "/woodpecker/src/git.example.com/octocat/hello-world/sub/folder"), Must.Print("below", "here"), Must.Print("elsewhere", "/usr/lib")],
        },

        new("The user of the container can be chosen", """
            steps:
              build: {image: alpine, commands: 'echo "$(id -u):$(id -g)"', backend_options: {docker: {user: '1000:1001'}}}
            """, "build=success") { Real = true, Checks = [Must.Print("build", "1000:1001"), new(run => Assert.Equal("1000:1001", run.Engine!["build"].Spec.User))] },

        new("Options of other engines are passed over", """
            steps:
              build: {image: golang, commands: [echo], backend_options: {kubernetes: {resources: {requests: {memory: 200Mi}}}, custom_backend: {option1: xyz, option2: [1, 2]}}}
            """, "build=success"),
    ];
}
