using System.Text;
using BuildRunner.Core.Logs;
using CsCheck;

namespace BuildRunner.Core.Tests.Logs;

public sealed class Splitting_into_lines
{
    [Theory]
    [InlineData("a\nb\n", "a|b")]
    [InlineData("a\r\nb", "a|b")]
    [InlineData("\n\n", "|")]
    [InlineData("no end", "no end")]
    [InlineData("10%\r20%\r\n", "10%\r20%")]
    public async Task A_line_ends_with_its_line_feed(string text, string lines) => Assert.Equal(lines, string.Join('|', await Split(text, 100)));

    [Fact]
    public async Task A_line_that_is_too_long_comes_in_pieces()
    {
        var lines = new List<string>();
        var splitter = new LineSplitter(maxLine: 4);
        await splitter.AddAsync("abcdefghij\nk\n"u8.ToArray(), Keep(lines));
        Assert.Equal(["abcd", "efgh", "ij", "k"], lines);
    }

    [Fact]
    public void It_does_not_matter_where_the_stream_is_cut() => Gen.Select(Gen.String[Gen.Char["ab\n\r"], 0, 40], Gen.Int[1, 6]).Sample(async (text, size) =>
    {
        Assert.Equal(await Split(text, 1000), await Split(text, size));
    });

    private static async Task<List<string>> Split(string text, int size)
    {
        var lines = new List<string>();
        var splitter = new LineSplitter();
        var bytes = Encoding.UTF8.GetBytes(text);
        for (var at = 0; at < bytes.Length; at += size)
        {
            await splitter.AddAsync(bytes.AsMemory(at, Math.Min(size, bytes.Length - at)), Keep(lines));
        }

        await splitter.FlushAsync(Keep(lines));
        return lines;
    }

    private static Func<ReadOnlyMemory<byte>, ValueTask> Keep(List<string> lines) => line =>
    {
        lines.Add(Encoding.UTF8.GetString(line.Span));
        return ValueTask.CompletedTask;
    };
}
