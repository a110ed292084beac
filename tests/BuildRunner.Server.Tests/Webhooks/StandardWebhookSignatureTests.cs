using System.Text;
using BuildRunner.Server.Webhooks;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace BuildRunner.Server.Tests.Webhooks;

public sealed class StandardWebhookSignatureTests
{
    private const string Id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    private const string Good = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    private static readonly WebhookSecret Secret = GitHubSignatureTests.Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    private static readonly DateTimeOffset SentAt = DateTimeOffset.FromUnixTimeSeconds(1614265330);
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(5);
    private static readonly byte[] Body = """{"test": 2432232314}"""u8.ToArray();

    [Fact]
    public void What_is_signed_here_is_genuine_here() =>
        Assert.Equal(new SignatureVerdict.Genuine(Id, SentAt), Verify(Headers(StandardWebhookSignature.Sign(Id, SentAt, Body, Secret))));

    [Fact]
    public void The_published_example_is_genuine() => Assert.Equal(new SignatureVerdict.Genuine(Id, SentAt), Verify(Headers(Good)));

    [Theory]
    [InlineData("v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= " + Good)]
    [InlineData("v1a,whatever " + Good)]
    [InlineData(Good + " v2,x")]
    public void One_of_several_signatures_suffices(string header) => Assert.IsType<SignatureVerdict.Genuine>(Verify(Headers(header)));

    [Theory]
    [InlineData("")]
    [InlineData("v1")]
    [InlineData("v1,")]
    [InlineData("v1,g0hM9SsE")]
    [InlineData("v1a,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    [InlineData("v1,AAAA v1,AAAA v1,AAAA v1,AAAA v1,AAAA v1,AAAA v1,AAAA v1,AAAA v1,AAAA")]
    public void A_signature_of_another_form_is_refused(string header) => Assert.Equal(SignatureFault.Malformed, Fault(Verify(Headers(header))));

    [Theory]
    [InlineData(StandardWebhookSignature.IdHeader)]
    [InlineData(StandardWebhookSignature.TimestampHeader)]
    [InlineData(StandardWebhookSignature.SignatureHeader)]
    public void Each_header_must_come_exactly_once(string name)
    {
        var headers = Headers(Good);
        headers[name] = new StringValues([headers[name].ToString(), headers[name].ToString()]);
        Assert.Equal(SignatureFault.Doubled, Fault(Verify(headers)));
        headers.Remove(name);
        Assert.Equal(SignatureFault.Missing, Fault(Verify(headers)));
    }

    [Theory]
    [InlineData("-1614265330")]
    [InlineData("+1614265330")]
    [InlineData(" 1614265330")]
    [InlineData("1614265330.0")]
    [InlineData("16142653300000000000000")]
    [InlineData("now")]
    public void A_timestamp_of_another_form_is_refused(string timestamp)
    {
        var headers = Headers(Good);
        headers[StandardWebhookSignature.TimestampHeader] = timestamp;
        Assert.Equal(SignatureFault.Malformed, Fault(Verify(headers)));
    }

    [Fact]
    public void Id_timestamp_and_body_are_all_covered()
    {
        var otherId = Headers(Good);
        otherId[StandardWebhookSignature.IdHeader] = Id + "2";
        var otherTime = Headers(Good);
        otherTime[StandardWebhookSignature.TimestampHeader] = "1614265331";
        Assert.Equal(SignatureFault.Mismatch, Fault(Verify(otherId)));
        Assert.Equal(SignatureFault.Mismatch, Fault(Verify(otherTime)));
        Assert.Equal(SignatureFault.Mismatch, Fault(StandardWebhookSignature.Verify(Headers(Good), Encoding.UTF8.GetBytes("{}"), [Secret], SentAt, Window)));
    }

    [Theory]
    [InlineData(-301, false)]
    [InlineData(-300, true)]
    [InlineData(300, true)]
    [InlineData(301, false)]
    public void Only_what_was_signed_within_the_window_is_taken(int seconds, bool taken)
    {
        var verdict = StandardWebhookSignature.Verify(Headers(Good), Body, [Secret], SentAt.AddSeconds(seconds), Window);
        Assert.Equal(taken, verdict is SignatureVerdict.Genuine);
        Assert.True(taken || Fault(verdict) == SignatureFault.OutsideWindow);
    }

    private static HeaderDictionary Headers(string signature) => new()
    {
        [StandardWebhookSignature.IdHeader] = Id,
        [StandardWebhookSignature.TimestampHeader] = "1614265330",
        [StandardWebhookSignature.SignatureHeader] = signature,
    };

    private static SignatureVerdict Verify(HeaderDictionary headers) => StandardWebhookSignature.Verify(headers, Body, [Secret], SentAt, Window);

    private static SignatureFault Fault(SignatureVerdict verdict) => Assert.IsType<SignatureVerdict.Refused>(verdict).Fault;
}
