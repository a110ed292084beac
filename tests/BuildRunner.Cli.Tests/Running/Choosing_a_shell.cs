using System.Text;
using BuildRunner.Cli.Shell;
using BuildRunner.Containers.Engine.Kept;
using BuildRunner.Core.Planning;

namespace BuildRunner.Cli.Tests.Running;

/// <summary>Which of several steps of one name <c>shell</c> opens.</summary>
public sealed class Choosing_a_shell
{
    private static readonly RunPlan Cells = Planner.Plan(
        [new PipelineSource("ci.yml", Encoding.UTF8.GetBytes("matrix:\n  V: [1, 2, 3]\nsteps:\n  - { name: test, image: alpine, commands: [x] }\n  - { name: lint, image: alpine, commands: [x] }\n"))],
        new RunEvent { Kind = "push", Branch = "main", Ref = "refs/heads/main", Repository = "a/b", Commit = "0123" }).Plan!;

    [Fact]
    public void Of_the_cells_that_matrix_chose_the_first()
    {
        var choice = ShellChoice.Of(Cells, "test", [KeyValuePair.Create("V", "2"), KeyValuePair.Create("V", "3")], []);
        Assert.Equal(("ci/2", "test"), (choice.Workflow.Name, choice.Step.Name));
        Assert.Equal(["ci/3/test"], choice.Others);
    }

    [Fact]
    public void The_one_whose_container_was_kept_last_goes_before_the_first()
    {
        var choice = ShellChoice.Of(Cells, "test", [], [Kept("ci/3", "lint"), Kept("ci/2", "test"), Kept("ci/1", "test")]);
        Assert.Equal(("ci/2", "test", "ci/2 test"), (choice.Workflow.Name, choice.Step.Name, choice.Kept?.Outcome));
        Assert.Empty(choice.Others);
    }

    [Fact]
    public void What_was_kept_of_another_cell_is_not_taken()
    {
        var choice = ShellChoice.Of(Cells, "test", [KeyValuePair.Create("V", "3")], [Kept("ci/2", "test")]);
        Assert.Equal(("ci/3", null), (choice.Workflow.Name, choice.Kept));
    }

    [Fact]
    public void A_cell_that_matrix_did_not_choose_is_refused() =>
        Assert.Contains("--matrix", Assert.Throws<CliException>(() => ShellChoice.Of(Cells, "ci/1/test", [KeyValuePair.Create("V", "2")], [])).Message, StringComparison.Ordinal);

    [Fact]
    public void Nothing_is_kept_and_several_have_the_name_so_the_others_are_told() =>
        Assert.Equal(["ci/2/test", "ci/3/test"], ShellChoice.Of(Cells, "test", [], []).Others);

    private static KeptContainer Kept(string workflow, string step) => new()
    {
        Id = "01234567",
        Engine = "oci",
        Group = "g",
        Owner = "o",
        Run = "r",
        Workflow = workflow,
        Step = step,
        Attempt = 1,
        Outcome = $"{workflow} {step}",
        At = DateTimeOffset.UnixEpoch,
        Image = "alpine",
    };
}
