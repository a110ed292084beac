using BuildRunner.Server.Webhooks;

namespace BuildRunner.Server.Tests.Webhooks;

public sealed class WebhookSecretTests
{
    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("fifteen bytes..")]
    [InlineData("whsec_")]
    [InlineData("whsec_AAAA")]
    [InlineData("whsec_not base64, whatever its length")]
    public void A_secret_that_can_be_guessed_or_is_none_is_refused_with_the_reason(string? text)
    {
        Assert.False(WebhookSecret.TryParse(text, out _, out var problem));
        Assert.NotEmpty(problem);
    }

    [Fact]
    public void A_generated_secret_is_accepted_and_new_each_time()
    {
        var text = WebhookSecret.Generate();
        Assert.True(WebhookSecret.TryParse(text, out var secret, out _));
        Assert.Equal(32, secret.Key.Length);
        Assert.NotEqual(text, WebhookSecret.Generate());
    }
}
