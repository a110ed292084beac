using BuildRunner.Core.Planning;

namespace BuildRunner.Cli.Tests.Scenarios;

/// <summary>«Workflow syntax»: <c>clone</c> and <c>skip_clone</c>. A local run has its source already, so the plan is looked at.</summary>
internal static class CloneScenarios
{
    private const string Step = "steps: {build: {image: golang, commands: echo}}\n";

    public static IEnumerable<Scenario> All =>
    [
        new("A clone step comes first by itself", Step, "")
        {
            Checks =
            [
                Must.PlanStep("clone", step => Assert.Equal((StepKind.Clone, "clone"), (step.Kind, ((PlanValue.Literal)step.Environment["CI_STEP_TYPE"]).Text))),
                Must.PlanStep("build", step => Assert.Equal(["clone"], step.DependsOn.Select(dependency => dependency.Name))),
            ],
        },

        new("In a local run the working tree takes the place of the clone step", Step, "build=success") { Real = true },
        new("A clone step fetches tags for a tag", Step, "") { Event = On.Tag, Checks = [Must.PlanStep("clone", step => Assert.Equal("true", ((PlanValue.Literal)step.Environment["PLUGIN_TAGS"]).Text))] },

        new("A clone step can be configured", """
            clone:
              - name: git
                image: woodpeckerci/plugin-git
                settings: {partial: false, depth: 50, recursive: true, submodule_override: {my-module: https://github.com/octocat/my-module.git}}
            """ + "\n" + Step, "")
        {
            Checks =
            [
                Must.PlanStep("git", step => Assert.Equal(
                    (StepKind.Clone, "woodpeckerci/plugin-git", "50", """{"my-module":"https://github.com/octocat/my-module.git"}"""),
                    (step.Kind, step.Image, Text(step, "PLUGIN_DEPTH"), Text(step, "PLUGIN_SUBMODULE_OVERRIDE")))),
                Must.Plan(plan => Assert.Equal(["git", "build"], plan.Workflows[0].Steps.Select(step => step.Name))),
            ],
        },

        new("Another clone plugin can be named, in a mapping too", "clone: {git: {image: octocat/custom-git-plugin}}\n" + Step, "") { Checks = [Must.PlanStep("git", step => Assert.Equal("octocat/custom-git-plugin", step.Image))] },

        new("Several clone steps run before all others", """
            clone:
              - {name: git, image: woodpeckerci/plugin-git}
              - {name: testdata, image: woodpeckerci/plugin-git, settings: {remote: https://gitserver/owner/testdata.git, path: testdata}}
            """ + "\n" + Step, "")
        {
            Checks =
            [
                Must.PlanStep("testdata", step => Assert.Equal(["git"], step.DependsOn.Select(dependency => dependency.Name))),
                Must.PlanStep("build", step => Assert.Contains(step.DependsOn, dependency => dependency.Name is "testdata" or "git")),
            ],
        },

        new("The source need not be fetched", "skip_clone: true\n" + Step, "build=success") { Checks = [Must.Plan(plan => Assert.Equal(["build"], plan.Workflows[0].Steps.Select(step => step.Name)))] },
        new("A local run has the working tree even if the source is not to be fetched", "skip_clone: true\nsteps: {build: {image: golang, commands: cat hello.txt}}\n", "build=success")
        {
            Real = true,
            Tree = new Dictionary<string, string> { ["hello.txt"] = "here\n" },
            Checks = [Must.Print("build", "here")],
        },
        new("Very old settings beside the image are remarked", "clone: {git: {image: plugins/git:next, depth: 50, path: bitbucket.org/foo/bar}}\n" + Step, "") { Warns = "BR1102" },
    ];

    private static string Text(StepPlan step, string name) => step.Environment[name] switch
    {
        PlanValue.Literal(var text) => text,
        PlanValue.Json(var text) => text,
        var other => other.ToString()!,
    };
}
