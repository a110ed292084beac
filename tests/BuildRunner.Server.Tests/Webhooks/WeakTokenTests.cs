using BuildRunner.Server.Webhooks;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace BuildRunner.Server.Tests.Webhooks;

public sealed class WeakTokenTests
{
    private const string Token = "a-token-of-some-length";
    private static readonly WebhookSecret[] Secrets = [GitHubSignatureTests.Secret(Token)];

    [Theory]
    [InlineData("Bearer " + Token, true)]
    [InlineData("bearer " + Token, true)]
    [InlineData("Basic " + Token, false)]
    [InlineData(Token, false)]
    [InlineData("Bearer " + Token + "x", false)]
    [InlineData("Bearer a-token-of-some-lengt", false)]
    [InlineData("Bearer ", false)]
    public void The_token_is_a_bearers(string value, bool genuine) =>
        Assert.Equal(genuine, WeakToken.Verify(new HeaderDictionary { ["Authorization"] = value }, null, Secrets) is SignatureVerdict.Genuine);

    [Fact]
    public void Or_is_in_the_header_that_the_endpoint_names() =>
        Assert.IsType<SignatureVerdict.Genuine>(WeakToken.Verify(new HeaderDictionary { ["X-Gitlab-Token"] = Token }, "X-Gitlab-Token", Secrets));

    [Fact]
    public void It_must_come_exactly_once()
    {
        var doubled = new HeaderDictionary { ["Authorization"] = new StringValues(["Bearer " + Token, "Bearer " + Token]) };
        Assert.Equal(SignatureFault.Doubled, Assert.IsType<SignatureVerdict.Refused>(WeakToken.Verify(doubled, null, Secrets)).Fault);
        Assert.Equal(SignatureFault.Missing, Assert.IsType<SignatureVerdict.Refused>(WeakToken.Verify(new HeaderDictionary(), null, Secrets)).Fault);
    }
}
