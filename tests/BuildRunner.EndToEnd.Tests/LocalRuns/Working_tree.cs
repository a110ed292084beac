namespace BuildRunner.EndToEnd.Tests.LocalRuns;

public sealed class Working_tree
{
    private const string Pipeline = """
        steps:
          - name: change
            image: rootfs:/
            commands:
              - cat seed.txt
              - echo changed > seed.txt
              - mkdir -p out && echo made > out/new.txt
              - rm gone.txt
        """;

    private static Tree NewTree() => new(("ci.yml", Pipeline), ("seed.txt", "as it was\n"), ("gone.txt", "here\n"));

    [Fact]
    public async Task Is_not_changed_by_a_run()
    {
        using var tree = NewTree();
        var run = await Release.RunInAsync(tree.Path, "run", "ci.yml");

        Assert.True(run.Code == 0, run.All);
        Assert.Contains("as it was", run.Error);
        Assert.Equal("as it was\n", await File.ReadAllTextAsync(tree["seed.txt"], TestContext.Current.CancellationToken));
        Assert.True(File.Exists(tree["gone.txt"]));
        Assert.False(Directory.Exists(tree["out"]));
    }

    [Fact]
    public async Task Is_changed_in_place_when_asked_for()
    {
        using var tree = NewTree();
        var run = await Release.RunInAsync(tree.Path, "run", "ci.yml", "--in-place");

        Assert.True(run.Code == 0, run.All);
        Assert.Equal("changed\n", await File.ReadAllTextAsync(tree["seed.txt"], TestContext.Current.CancellationToken));
        Assert.Equal("made\n", await File.ReadAllTextAsync(tree["out/new.txt"], TestContext.Current.CancellationToken));
        Assert.False(File.Exists(tree["gone.txt"]));
    }

    [Fact]
    public async Task Changes_are_copied_out_when_asked_for()
    {
        using var tree = NewTree();
        using var destination = new Tree();
        var run = await Release.RunInAsync(tree.Path, "run", "ci.yml", "--out", destination["result"]);

        Assert.True(run.Code == 0, run.All);
        Assert.Equal("changed\n", await File.ReadAllTextAsync(destination["result/seed.txt"], TestContext.Current.CancellationToken));
        Assert.Equal("made\n", await File.ReadAllTextAsync(destination["result/out/new.txt"], TestContext.Current.CancellationToken));
        Assert.False(File.Exists(destination["result/ci.yml"]), "what was not changed is not copied");
        Assert.Equal("as it was\n", await File.ReadAllTextAsync(tree["seed.txt"], TestContext.Current.CancellationToken));
    }
}
