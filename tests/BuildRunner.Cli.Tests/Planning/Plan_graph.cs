using BuildRunner.Cli.Planning;
using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Planning;
using BuildRunner.Cli.Output;

namespace BuildRunner.Cli.Tests.Planning;

/// <summary><c>plan --graph</c> as ux.md B.3.3 draws it.</summary>
public sealed class Plan_graph
{
    [Fact]
    public void Branches_stand_behind_what_they_wait_for() => Draws(
        ["clone", "restore<clone", "build<restore", "test<build", "docs<restore", "lint<clone"],
        """
        clone ─┬─ restore ─┬─ build ── test
               └─ lint     └─ docs
        """);

    [Fact]
    public void A_branch_that_would_touch_its_neighbour_goes_below_it() => Draws(
        ["a", "b<a", "c<b", "d<b", "a-long-name-of-a-step<a", "e<a"],
        """
        a ─┬─ b ─┬─ c
           │     └─ d
           ├─ a-long-name-of-a-step
           └─ e
        """);

    [Fact]
    public void What_waits_for_several_hangs_behind_the_last_and_names_the_others() => Draws(
        ["a", "b<a", "c<a", "d<b", "e<d,c,a"],
        """
        a ─┬─ b ── d ── e (also after c)
           └─ c
        """);

    [Fact]
    public void Each_beginning_has_a_line_of_its_own() => Draws(["a", "b", "c<b"], "a\nb ── c");

    [Fact]
    public void Without_unicode_it_is_drawn_in_ascii() => Draws(
        ["clone", "restore<clone", "build<restore", "docs<restore", "x<clone", "lint<clone"],
        """
        clone -+- restore -+- build
               +- x        `- docs
               `- lint
        """,
        unicode: false);

    [Fact]
    public void What_is_too_wide_goes_from_top_to_bottom() => Draws(
        ["clone", "restore<clone", "build<restore", "test<build", "docs<restore", "lint<clone"],
        """
        clone
        ├─ restore
        │  ├─ build
        │  │  └─ test
        │  └─ docs
        └─ lint
        """,
        width: 20);

    [Fact]
    public void Wide_characters_count_as_two() => Draws(["宽", "b<宽", "c<宽"], "宽 ─┬─ b\n    └─ c");

    [Fact]
    public async Task Services_and_what_would_not_run_stand_below()
    {
        using var cli = new TestCli(("ci.yml", """
            services:
              - name: db
                image: postgres:17
            steps:
              - name: build
                image: alpine:3
                commands: [make]
              - name: tell
                image: alpine:3
                commands: [tell]
                depends_on: [build]
                when: { status: [success, failure] }
              - name: deploy
                image: alpine:3
                commands: [deploy]
                depends_on: [build]
                when: { event: [push, tag] }
            """));
        Assert.Equal(0, await cli.RunAsync("plan", "--graph", "--event", "pull_request", "ci.yml"));
        Assert.Equal(
            """
            clone ── build ── tell (on success or failure)
            db       service
            deploy   would not run: the event is `pull_request`, not `push` or `tag`

            """,
            cli.Output);
    }

    [Fact]
    public async Task Several_workflows_are_drawn_with_what_they_wait_for()
    {
        using var cli = new TestCli(
            (".woodpecker/build.yml", "skip_clone: true\nmatrix: { GO: ['1.23', '1.24'] }\nsteps:\n  - name: make\n    image: golang:${GO}\n    commands: [make]\n"),
            (".woodpecker/ship.yml", "skip_clone: true\ndepends_on: [build]\nsteps:\n  - name: ship\n    image: alpine:3\n    commands: [ship]\n"),
            (".woodpecker/tag.yml", "skip_clone: true\nwhen: { event: tag }\nsteps:\n  - name: x\n    image: alpine:3\n    commands: [x]\n"));
        Assert.Equal(0, await cli.RunAsync("plan", "--graph"));
        Assert.Equal(
            """
            workflows
              build/1
              build/2 ── ship (also after build/1)
            build/1 (GO=1.23)
              make
            build/2 (GO=1.24)
              make
            ship after build/1, build/2
              ship
            tag would not run: the event is `push`, not `tag`

            """,
            cli.Output);
    }

    [Fact]
    public void Two_hundred_and_fifty_six_steps_that_all_wait_for_each_other_are_drawn_at_once()
    {
        var steps = Enumerable.Range(0, 256).Select(i => $"s{i}<{string.Join(',', Enumerable.Range(0, i).Select(j => $"s{j}"))}").ToArray();
        Assert.Equal(256, Text(steps, 80, true).Split('\n').Length);
    }

    private static void Draws(string[] steps, string drawing, int width = 80, bool unicode = true) => Assert.Equal(drawing, Text(steps, width, unicode));

    // `name<first,second`
    private static string Text(string[] steps, int width, bool unicode)
    {
        var plans = steps.Select(s => s.Split('<', ',')).Select(parts => new StepPlan
        {
            Name = parts[0],
            Kind = StepKind.Commands,
            Image = "alpine",
            Location = new SourceLocation("ci.yml", 1, 1),
            DependsOn = [.. parts.Skip(1).Where(p => p.Length > 0).Select(n => new PlanDependency(n))],
        });
        var workflow = new WorkflowPlan { Name = "ci", File = "ci.yml", WorkspaceBase = "/w", WorkspaceTree = "/w", Steps = [.. plans] };
        return PlanGraph.Write(new RunPlan([workflow], new RunEvent { Kind = "push" }), new Style(false, unicode), width).TrimEnd('\n');
    }
}
