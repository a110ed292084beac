using BuildRunner.Cli.Output;

namespace BuildRunner.Cli.Tests.Output;

public sealed class Step_spool
{
    [Theory]
    [InlineData(1)]
    [InlineData(100_000)]
    public void What_was_written_comes_back_and_nothing_stays(int lines)
    {
        var before = Directory.GetFiles(Path.GetTempPath(), "buildrunner-log-*").Length;
        var text = string.Concat(Enumerable.Range(0, lines).Select(i => $"line {i}\n"));
        using var target = new MemoryStream();
        using (var spool = new StepSpool())
        {
            foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                new LineWriter(spool.Stream).Add(line).EndLine();
            }

            spool.CopyTo(target);
        }

        Assert.Equal(text, System.Text.Encoding.UTF8.GetString(target.ToArray()));
        Assert.Equal(before, Directory.GetFiles(Path.GetTempPath(), "buildrunner-log-*").Length);
    }
}
