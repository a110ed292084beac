using System.Text;
using System.Text.Json;
using BuildRunner.Server.Webhooks;

namespace BuildRunner.Server.Tests.Webhooks;

public sealed class InputMappingTests
{
    private const string Delivery = """
        {"tag": "v1; rm -rf /\n${CI}", "n": 1e400, "yes": true, "list": [1, {"a": "b"}], "nothing": null, "half": "\ud800", "nul": "a\u0000b"}
        """;

    [Theory]
    [InlineData("/tag", nameof(InputType.Text), "v1; rm -rf /\n${CI}")]
    [InlineData("/n", nameof(InputType.Number), "1e400")]
    [InlineData("/yes", nameof(InputType.Boolean), "true")]
    [InlineData("/list", nameof(InputType.Json), """[1, {"a": "b"}]""")]
    public void A_field_becomes_a_value_as_it_is(string at, string type, string expected)
    {
        var mapped = Map(at, type, required: true);
        Assert.Empty(mapped.Problems);
        Assert.Equal(expected, mapped.Values["it"]);
    }

    [Theory]
    [InlineData("/n", nameof(InputType.Text))]
    [InlineData("/tag", nameof(InputType.Number))]
    [InlineData("/tag", nameof(InputType.Boolean))]
    [InlineData("/half", nameof(InputType.Text))]
    [InlineData("/nul", nameof(InputType.Text))]
    [InlineData("/list/5", nameof(InputType.Json))]
    [InlineData("/nothing", nameof(InputType.Json))]
    public void A_field_of_another_kind_is_a_problem_that_names_input_and_place(string at, string type)
    {
        var mapped = Map(at, type, required: true);
        Assert.Empty(mapped.Values);
        Assert.Contains($"'{at}'", Assert.Single(mapped.Problems));
        Assert.Contains("'it'", mapped.Problems[0]);
    }

    [Theory]
    [InlineData("/missing")]
    [InlineData("/nothing")]
    public void What_is_not_required_may_be_missing(string at)
    {
        var mapped = Map(at, nameof(InputType.Text), required: false);
        Assert.Empty(mapped.Values);
        Assert.Empty(mapped.Problems);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("""{"a": 1, "a": 2}""")]
    [InlineData("{} {}")]
    [InlineData("")]
    public void What_is_no_clean_JSON_is_refused_without_quoting_it(string text)
    {
        Assert.False(JsonText.TryParse(Encoding.UTF8.GetBytes(text), out _, out var problem));
        Assert.StartsWith("the body is not JSON", problem);
    }

    [Fact]
    public void Depth_is_limited()
    {
        Assert.True(JsonText.TryParse(Encoding.UTF8.GetBytes(new string('[', 64) + new string(']', 64)), out _, out _));
        Assert.False(JsonText.TryParse(Encoding.UTF8.GetBytes(new string('[', 1_000_000)), out _, out _));
    }

    [Fact]
    public void Bytes_that_are_not_UTF8_are_refused() => Assert.False(JsonText.TryParse(new byte[] { (byte)'"', 0xC3, (byte)'"' }, out _, out _));

    private static MappedInputs Map(string at, string type, bool required)
    {
        Assert.True(JsonPointer.TryParse(at, out var pointer));
        using var document = JsonDocument.Parse(Delivery);
        return InputMapping.Apply([new("it", pointer, Enum.Parse<InputType>(type), required)], document.RootElement);
    }
}
