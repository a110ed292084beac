using BuildRunner.Core.Expressions;

namespace BuildRunner.Core.Tests.Expressions;

public sealed class GlobTests
{
    [Theory]
    [InlineData("main", "main")]
    [InlineData("*", "main")]
    [InlineData("*", "")]
    [InlineData("release/*", "release/1.0")]
    [InlineData("re*se/1.?", "release/1.0")]
    [InlineData("**", "")]
    [InlineData("**", "a/b/c")]
    [InlineData("a/**", "a")]
    [InlineData("a/**", "a/")]
    [InlineData("a/**", "a/b/c")]
    [InlineData("a/**/", "a")]
    [InlineData("a/**/b", "a/b")]
    [InlineData("a/**/b", "a/x/y/b")]
    [InlineData("**/b", "b")]
    [InlineData("**/b", "x/y/b")]
    [InlineData("**/*.{yml,yaml}", "x/y/b.yaml")]
    [InlineData("{a,b}/*", "b/x")]
    [InlineData("{a/{b,c},abc}", "a/c")]
    [InlineData("a{,bc}", "a")]
    [InlineData("a{,bc}", "abc")]
    [InlineData("{src/**,docs}", "src/a/b")]
    [InlineData("[a-c]x", "bx")]
    [InlineData("[^a-c]x", "dx")]
    [InlineData("[!a]x", "☺x")]
    [InlineData("a?b", "a😀b")]
    [InlineData("[x-]", "-")]
    [InlineData(@"[\]a]", "]")]
    [InlineData(@"a\*b", "a*b")]
    [InlineData(@"\{a,b\}", "{a,b}")]
    [InlineData("a}b", "a}b")]
    [InlineData(@"*\/*", "a/b")]
    [InlineData(@"*\/**", "a/b/c")]
    [InlineData("refs/tags/v*", "refs/tags/v1.2.3")]
    [InlineData("linux/arm*", "linux/arm64")]
    public void A_pattern_matches(string pattern, string text) => Assert.True(Glob.Parse(pattern, out _)!.Matches(text));

    [Theory]
    [InlineData("main", "Main")]
    [InlineData("main", "maint")]
    [InlineData("*", "a/b")]
    [InlineData("a*", "ab/c")]
    [InlineData("a?b", "a/b")]
    [InlineData("a/b", "a//b")]
    [InlineData("abc**", "abc/b")]
    [InlineData("path/to/**.txt", "path/to/x/a.txt")]
    [InlineData("**/b", "xb")]
    [InlineData("a/**/b", "ab")]
    [InlineData("{a,b}/*", "c/x")]
    [InlineData("[a-c]x", "dx")]
    [InlineData("[^a-c]x", "ax")]
    [InlineData(@"a\*b", "ab")]
    [InlineData(@"*\/*", "a/b/c")]
    [InlineData("", "a")]
    [InlineData("a", "")]
    public void A_pattern_does_not_match(string pattern, string text) => Assert.False(Glob.Parse(pattern, out _)!.Matches(text));

    [Theory]
    [InlineData("[", "`[` is not closed, or has nothing in it")]
    [InlineData("a[]", "`[` is not closed, or has nothing in it")]
    [InlineData("[^bc", "`[` is not closed, or has nothing in it")]
    [InlineData("{a,b", "`{` is not closed")]
    [InlineData(@"a\", "a backslash at the end escapes nothing")]
    [InlineData("{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}", "it stands for more than 256 patterns")]
    public void A_broken_pattern_is_refused_with_the_reason(string pattern, string reason)
    {
        Assert.Null(Glob.Parse(pattern, out var problem));
        Assert.Equal(reason, problem);
    }

    [Fact]
    public void A_pattern_that_makes_others_backtrack_for_ever_is_matched_at_once()
    {
        var spent = CpuTime.Milliseconds(() =>
        {
            Assert.False(Glob.Parse(string.Concat(Enumerable.Repeat("*a", 200)) + "b", out _)!.Matches(new string('a', 4000)));
            Assert.False(Glob.Parse(string.Concat(Enumerable.Repeat("**/", 200)) + "b", out _)!.Matches(string.Concat(Enumerable.Repeat("a/", 2000))));
        });
        Assert.InRange(spent, 0, 2000);
    }

    [Theory]
    [InlineData("a*b?[c]{d,e}\\f/g")]
    [InlineData("**")]
    public void An_escaped_text_matches_itself_only(string text)
    {
        var glob = Glob.Parse(Glob.Escape(text), out _)!;
        Assert.True(glob.Matches(text));
        Assert.False(glob.Matches("axbycd\\f/g"));
        Assert.False(glob.Matches("x"));
    }

    [Theory]
    [InlineData("*.xml", "")]
    [InlineData("a.xml", "")]
    [InlineData("out/a.xml", "out")]
    [InlineData("out/reports/*.xml", "out/reports")]
    [InlineData("out/re*/x/a.xml", "out")]
    [InlineData("out/{a,b}/c.xml", "out")]
    [InlineData("{out/a,out/b}/c.xml", "")]
    [InlineData("out/**/a.xml", "out")]
    [InlineData(@"out\*/a.xml", "")]
    public void A_pattern_knows_the_folder_below_which_all_lies_that_it_can_match(string pattern, string folder) => Assert.Equal(folder, Glob.Parse(pattern, out _)!.Folder);
}
