using System.Text;
using BuildRunner.Core.Logs;

namespace BuildRunner.Core.Tests.Logs;

public sealed class LogAnnotationTests
{
    [Theory]
    [InlineData("::error file=src/a.cs,line=41,col=7,title=T::m", AnnotationKind.Error, "m", "src/a.cs", 41, 7, "T")]
    [InlineData("  ::warning FILE=a.cs, line=3::text: with :: in it", AnnotationKind.Warning, "text: with :: in it", "a.cs", 3, null, null)]
    [InlineData("::notice::only a message", AnnotationKind.Notice, "only a message", null, null, null, null)]
    [InlineData("::error file=a%2Cb%3A%25.cs::50%25%0Aof it%250A", AnnotationKind.Error, "50%\nof it%0A", "a,b:%.cs", null, null, null)]
    [InlineData("::error file=,line=x,endLine=4,nonsense::m", AnnotationKind.Error, "m", null, null, null, null)]
    public void A_line_as_GitHub_takes_it_is_read(string line, AnnotationKind kind, string message, string? file, int? at, int? column, string? title) =>
        Assert.Equal(new LogAnnotation(kind, message, file, at, column, title), LogAnnotation.Parse(Encoding.UTF8.GetBytes(line)));

    [Theory]
    [InlineData("")]
    [InlineData("error: a.cs")]
    [InlineData("std::error::x")]
    [InlineData("::error file=a")]
    [InlineData("::group::x")]
    [InlineData("::errors::x")]
    [InlineData("::::")]
    public void Anything_else_is_output(string line) => Assert.Null(LogAnnotation.Parse(Encoding.UTF8.GetBytes(line)));

    [Fact]
    public void Bytes_that_are_no_text_do_no_harm() => Assert.NotNull(LogAnnotation.Parse([.. "::error file="u8, 0xff, 0xfe, .. "::"u8, 0x00, 0xc3]));
}
