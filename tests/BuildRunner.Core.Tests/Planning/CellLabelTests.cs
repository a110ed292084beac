using BuildRunner.Core.Planning;

namespace BuildRunner.Core.Tests.Planning;

public sealed class CellLabelTests
{
    [Fact]
    public void A_cell_is_called_by_its_values_in_the_order_of_the_axes()
    {
        var cells = Plans.Result("matrix: {go: ['1.22', '1.23'], os: [linux]}\nsteps: {a: {image: x}}").Plan!.Workflows;
        Assert.Equal(["go=1.22, os=linux", "go=1.23, os=linux"], cells.Select(cell => cell.Label.Split('(', ')')[1]));
        Assert.All(cells, cell => Assert.Equal($"{cell.MatrixRules!.Workflow} (go={cell.Matrix["go"]}, os=linux)", cell.Label));
        Assert.Equal("build (1.22, linux)", CellLabel.Short("build/1", cells[0].Matrix));
    }

    [Theory]
    [InlineData("build")]
    [InlineData("build/2")]
    public void What_is_no_cell_keeps_its_name(string name) => Assert.Equal(name, CellLabel.Of(name, new Dictionary<string, string>()));

    [Fact]
    public void The_only_cell_of_a_matrix_has_no_number_and_shows_its_values_all_the_same() =>
        Assert.Equal("build (go=1.22)", CellLabel.Of("build", new Dictionary<string, string> { ["go"] = "1.22" }));

    [Fact]
    public void Cells_that_differ_in_what_is_cut_differ_in_their_numbers()
    {
        var matrix = new Dictionary<string, string> { ["a"] = new('x', 1000), ["b"] = string.Concat(Enumerable.Repeat("\U0001f600", 100)), ["c"] = "last" };
        Assert.NotEqual(CellLabel.Of("build/1", matrix), CellLabel.Of("build/2", matrix));
        Assert.InRange(CellLabel.Of("build/1", matrix).Length, 1, 100);
        Assert.True(CellLabel.Of("build/1", matrix).IsNormalized(), "half a character was left");
    }

    [Fact]
    public void Whatever_a_value_is_it_moves_nothing() =>
        Assert.Equal("build (a=?[2J?x?)", CellLabel.Of("build", new Dictionary<string, string> { ["a"] = "\e[2J\nx\u202e" }));
}
