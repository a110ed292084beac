using BuildRunner.Core.Pipelines;

namespace BuildRunner.Core.Tests.Pipelines;

public sealed class PipelineLocatorTests
{
    private static readonly string[] Files =
    [
        "pipelines/z.yml", ".woodpecker.yml", ".woodpecker/b.yaml", ".woodpecker/a.yml", ".woodpecker/sub/c.yml", ".woodpecker/notes.md", ".buildrunner.yaml", ".buildrunner/x.yml", "ci/build.yml",
    ];

    [Fact]
    public void The_first_place_that_has_files_wins()
    {
        Assert.Equal([".buildrunner/x.yml"], PipelineLocator.Find(Files));
        Assert.Equal([".buildrunner.yaml"], PipelineLocator.Find(Files.Where(file => !file.StartsWith(".buildrunner/", StringComparison.Ordinal))));
        Assert.Equal([".woodpecker/a.yml", ".woodpecker/b.yaml"], PipelineLocator.Find(Files.Where(file => !file.StartsWith(".buildrunner", StringComparison.Ordinal))));
        Assert.Equal(["pipelines/z.yml"], PipelineLocator.Find(["pipelines/z.yml", "src/a.c"]));
        Assert.Empty(PipelineLocator.Find(["src/a.yml"]));
    }

    [Fact]
    public void A_setting_names_another_place()
    {
        Assert.Equal(["ci/build.yml"], PipelineLocator.Find(Files, "ci/"));
        Assert.Equal(["ci/build.yml"], PipelineLocator.Find(Files, "ci/build.yml"));
        Assert.Empty(PipelineLocator.Find(Files, "other/"));
    }
}
