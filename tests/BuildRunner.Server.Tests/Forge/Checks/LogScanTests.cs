using System.Text;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Logs;
using BuildRunner.Server.Forge.Checks;

namespace BuildRunner.Server.Tests.Forge.Checks;

public sealed class LogScanTests
{
    [Fact]
    public void Commands_in_the_output_become_marks_and_the_first_error_is_the_line_to_look_at()
    {
        var scan = Scan("building\n::warning file=a/b.cs,line=3,endLine=5,title=Old%2C really::do%0Anot\n::error file=src/x.cs,line=7::it broke\n::error::without a file\ndone\n");
        Assert.Equal(
            [new CheckAnnotation("a/b.cs", 3, 5, AnnotationLevel.Warning, "do\nnot", "Old, really"), new CheckAnnotation("src/x.cs", 7, 7, AnnotationLevel.Failure, "it broke")],
            scan.Annotations);
        Assert.Equal((1, 3), (scan.Tail!.FirstLine, scan.Tail.ErrorLine));
        Assert.Equal("done", scan.Tail.Lines[^1]);
    }

    [Theory]
    [InlineData("::error file=/etc/passwd,line=1::x")]
    [InlineData("::error file=../up,line=1::x")]
    [InlineData("::error file=a/../../b::x")]
    [InlineData(" ::error file=a::indented")]
    [InlineData("::notify file=a::unknown")]
    public void What_points_outside_or_is_no_command_makes_no_mark(string line) => Assert.Empty(Scan(line + "\n").Annotations);

    [Fact]
    public void Ten_of_a_kind_and_the_last_twenty_lines_are_kept()
    {
        var text = new StringBuilder();
        for (var i = 1; i <= 50; i++)
        {
            text.Append(System.Globalization.CultureInfo.InvariantCulture, $"::error file=f{i}::m\n");
        }

        var scan = Scan(text.ToString());
        Assert.Equal(10, scan.Annotations.Count);
        Assert.Equal((31, 20), (scan.Tail!.FirstLine, scan.Tail.Lines.Count));
    }

    private static LogScan Scan(string text)
    {
        var scan = new LogScan();
        foreach (var line in text.TrimEnd('\n').Split('\n'))
        {
            scan.Add(new LogFrame(LogStream.Out, DateTimeOffset.UnixEpoch, Unterminated: false, Encoding.UTF8.GetBytes(line)));
        }

        scan.End();
        return scan;
    }
}
