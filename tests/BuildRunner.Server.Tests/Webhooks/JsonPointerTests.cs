using System.Text.Json;
using BuildRunner.Server.Webhooks;
using CsCheck;

namespace BuildRunner.Server.Tests.Webhooks;

public sealed class JsonPointerTests
{
    // The document and the answers of RFC 6901, section 5.
    private const string Document = """{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8}""";

    [Theory]
    [InlineData("", Document)]
    [InlineData("/foo", """["bar","baz"]""")]
    [InlineData("/foo/0", "\"bar\"")]
    [InlineData("/", "0")]
    [InlineData("/a~1b", "1")]
    [InlineData("/c%d", "2")]
    [InlineData("/e^f", "3")]
    [InlineData("/g|h", "4")]
    [InlineData("/i\\j", "5")]
    [InlineData("/k\"l", "6")]
    [InlineData("/ ", "7")]
    [InlineData("/m~0n", "8")]
    [InlineData("/foo/2", null)]
    [InlineData("/foo/-", null)]
    [InlineData("/foo/00", null)]
    [InlineData("/foo/+1", null)]
    [InlineData("/foo/bar/baz", null)]
    [InlineData("/foo/", null)]
    [InlineData("/nothing", null)]
    [InlineData("//x", null)]
    public void Finds_what_the_standard_says(string text, string? expected)
    {
        using var document = JsonDocument.Parse(Document);
        Assert.True(JsonPointer.TryParse(text, out var pointer));
        Assert.Equal(expected, pointer.Find(document.RootElement)?.GetRawText());
        Assert.Equal(text, pointer.ToString());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("foo")]
    [InlineData("/a~")]
    [InlineData("/a~2")]
    public void What_is_no_pointer_is_refused(string? text) => Assert.False(JsonPointer.TryParse(text, out _));

    [Fact]
    public void Half_a_surrogate_pair_is_refused()
    {
        Assert.False(JsonPointer.TryParse("/\ud800", out _));
        Assert.False(JsonPointer.TryParse("/\udc00\ud800", out _));
        Assert.True(JsonPointer.TryParse("/\ud83d\ude00", out _));
    }

    [Fact]
    public void Whatever_the_text_and_the_document_nothing_is_thrown() => Gen.Select(Gen.String, Gen.OneOf(Gen.Const(Document), Gen.Const("[[[]]]"), Gen.Const("null"))).Sample((text, json) =>
    {
        using var document = JsonDocument.Parse(json);
        if (JsonPointer.TryParse("/" + text, out var pointer))
            pointer.Find(document.RootElement);
    });
}
