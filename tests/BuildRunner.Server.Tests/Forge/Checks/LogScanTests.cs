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

    [Theory]
    [InlineData("src/a.cs(3,7): error CS1002: ; expected [/woodpecker/src/shop/shop.csproj]", "src/a.cs", 3, true, "; expected", "CS1002")]
    [InlineData("/woodpecker/src/shop/src/a.cs(3,7,3,9): warning CA1822: Mark it static", "src/a.cs", 3, false, "Mark it static", "CA1822")]
    [InlineData("app/main.ts(12,1): error TS2304: Cannot find name 'x'.", "app/main.ts", 12, true, "Cannot find name 'x'.", "TS2304")]
    [InlineData("./lib/x.c:41:5: error: expected ';' before 'return'", "lib/x.c", 41, true, "expected ';' before 'return'", null)]
    [InlineData("\e[1mlib/x.c:41:5: \e[31mfatal error: \e[0mno such file", "lib/x.c", 41, true, "no such file", null)]
    [InlineData("Main.java:7: error: class not found", "Main.java", 7, true, "class not found", null)]
    [InlineData("src/lib.rs:2:1: warning[E0001]: unused", "src/lib.rs", 2, false, "unused", "E0001")]
    public void What_compilers_print_becomes_marks_without_a_word_in_the_pipeline(string line, string file, int number, bool isError, string message, string? code)
    {
        var scan = Scan($"building\n{line}\n{line}\n", "/woodpecker/src/shop");
        Assert.Equal(new CheckAnnotation(file, number, number, isError ? AnnotationLevel.Failure : AnnotationLevel.Warning, message, code), Assert.Single(scan.Annotations));
        Assert.Equal(isError ? 2 : (int?)null, scan.Tail!.ErrorLine);
    }

    [Theory]
    [InlineData("/usr/include/x.h:3:1: error: not of the tree")]
    [InlineData("../x.c:3:1: error: outside")]
    [InlineData("12:30:15: error: a time")]
    [InlineData("there was an error: x")]
    [InlineData("a.c:99999999:1: error: no line")]
    [InlineData("a(b): error X: y")]
    public void What_only_looks_like_it_makes_none(string line) => Assert.Empty(Scan(line + "\n", "/woodpecker/src/shop").Annotations);

    [Fact]
    public void A_copy_ends_where_the_log_is_now_and_the_scan_goes_on()
    {
        var scan = new LogScan();
        scan.Add(new LogFrame(LogStream.Out, DateTimeOffset.UnixEpoch, Unterminated: true, "::error file=a::half"u8.ToArray()));
        var copy = scan.Copy();
        copy.End();
        Assert.Equal("half", Assert.Single(copy.Annotations).Message);
        scan.Add(new LogFrame(LogStream.Out, DateTimeOffset.UnixEpoch, Unterminated: false, " and whole"u8.ToArray()));
        scan.End();
        Assert.Equal("half and whole", Assert.Single(scan.Annotations).Message);
        Assert.Equal(1, scan.Tail!.FirstLine);
    }

    private static LogScan Scan(string text, string? root = null)
    {
        var scan = new LogScan(root);
        foreach (var line in text.TrimEnd('\n').Split('\n'))
        {
            scan.Add(new LogFrame(LogStream.Out, DateTimeOffset.UnixEpoch, Unterminated: false, Encoding.UTF8.GetBytes(line)));
        }

        scan.End();
        return scan;
    }
}
