using System.Text;
using BuildRunner.Server.Forge.Checks;
using CsCheck;

namespace BuildRunner.Server.Tests.Forge.Checks;

public sealed class MarkdownTests
{
    [Theory]
    [InlineData("plain text", "plain text")]
    [InlineData("a|b\nc", "a\\|b c")]
    [InlineData("[x](http://evil)", "\\[x\\]\\(http\\://evil\\)")]
    [InlineData("<img src=x onerror=alert(1)>", "&#60;img src=x onerror=alert\\(1\\)&#62;")]
    [InlineData("@octocat & co", "&#64;octocat &#38; co")]
    [InlineData("**bold** `code` #12", "\\*\\*bold\\*\\* \\`code\\` \\#12")]
    public void What_people_wrote_shows_as_they_wrote_it(string text, string expected) => Assert.Equal(expected, Markdown.Inline(text));

    [Fact]
    public void Terminal_and_direction_characters_do_not_come_through()
    {
        Assert.Equal("red", Markdown.Inline("\u202ered\u0007\u2066"));
        Assert.Equal("```text\nred plain\n\u00e9t\u00e9 end\n```\n", Markdown.Box("\e[31;1mred\e[0m plain\r\n\u00e9t\u00e9\e]8;;http://x\a end\e"));
    }

    [Fact]
    public void Nothing_closes_a_box() => Gen.String[Gen.OneOf(Gen.Const('`'), Gen.Const('\n'), Gen.Const('~'), Gen.Const('x')), 0, 40].Sample(text =>
    {
        var lines = Markdown.Box(text).TrimEnd('\n').Split('\n');
        var fence = lines[^1];
        return lines[0] == fence + "text" && lines[1..^1].All(line => !line.Contains(fence, StringComparison.Ordinal));
    });

    [Fact]
    public void A_link_leads_where_it_should_whatever_its_text() =>
        Assert.Equal("[a\\]\\(x\\)](<https://ci.example/a%3Eb#L1>)", Markdown.Link("a](x)", new("https://ci.example/a>b#L1")));

    [Fact]
    public void A_cut_text_fits_and_stays_text() => Gen.Select(Gen.String, Gen.Int[3, 60]).Sample((text, bytes) =>
    {
        var valid = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
        var cut = Markdown.Cut(valid, bytes);
        Assert.True(Encoding.UTF8.GetByteCount(cut) <= bytes);
        Assert.True(cut == valid || valid.StartsWith(cut[..^1], StringComparison.Ordinal));
    });
}
