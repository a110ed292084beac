using System.Text.Json;
using System.Text.Json.Serialization;
using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Api;

namespace BuildRunner.Server.Tests.Api;

public sealed class Bodies_that_do_not_fit
{
    // As requests are read: what nobody knows is refused.
    private static readonly ApiJson Requests = new(new JsonSerializerOptions(ApiJson.Default.Options) { UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow });

    [Theory]
    [InlineData("""{"brunch":"main"}""", "the body has a member 'brunch', which is not known here")]
    [InlineData("""{"branch":["main"]}""", "the body's value at '$.branch' is of another kind than is wanted there")]
    [InlineData("{bad", "the body is not of its form: ")]
    public void Are_told_by_member_and_place_and_never_by_our_types(string body, string told)
    {
        var problem = Assert.Throws<JsonException>(() => JsonSerializer.Deserialize(body, Requests.StartRun));
        Assert.StartsWith(told, BodyProblem.Of(problem), StringComparison.Ordinal);
        Assert.DoesNotContain("BuildRunner.", BodyProblem.Of(problem), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_missing_is_named()
    {
        var problem = Assert.Throws<JsonException>(() => JsonSerializer.Deserialize("{}", Requests.AddRepository));
        var told = BodyProblem.Of(problem);
        Assert.StartsWith("the body has to have ", told, StringComparison.Ordinal);
        Assert.Contains("'cloneUrl'", told, StringComparison.Ordinal);
    }
}
