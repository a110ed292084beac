using System.Security.Cryptography;
using System.Text;
using BuildRunner.Server.Webhooks;
using CsCheck;
using Microsoft.Extensions.Primitives;

namespace BuildRunner.Server.Tests.Webhooks;

public sealed class GitHubSignatureTests
{
    private const string Text = "It's a Secret to Everybody";
    private const string Good = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    private static readonly byte[] Body = "Hello, World!"u8.ToArray();

    [Fact]
    public void The_example_of_GitHubs_documentation_is_genuine() => Assert.IsType<SignatureVerdict.Genuine>(Verify(Good));

    [Fact]
    public void A_secret_in_the_form_of_Standard_Webhooks_is_for_GitHub_the_text_that_a_person_pasted_there()
    {
        var text = WebhookSecret.Generate();
        var asGitHubSigns = "sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(text), Body));
        Assert.IsType<SignatureVerdict.Genuine>(GitHubSignature.Verify(asGitHubSigns, Body, [Secret(text)]));
    }

    [Fact]
    public void During_a_rotation_the_old_secret_still_counts()
    {
        var verdict = GitHubSignature.Verify(Good, Body, [Secret("a new secret, long enough"), Secret(Text)]);
        Assert.IsType<SignatureVerdict.Genuine>(verdict);
    }

    [Fact]
    public void Without_a_secret_nothing_is_genuine() => Assert.Equal(SignatureFault.Mismatch, Fault(GitHubSignature.Verify(Good, Body, [])));

    [Fact]
    public void A_missing_header_is_refused() => Assert.Equal(SignatureFault.Missing, Fault(Verify(default)));

    [Fact]
    public void A_doubled_header_is_refused_even_if_both_are_right() => Assert.Equal(SignatureFault.Doubled, Fault(Verify(new([Good, Good]))));

    [Theory]
    [InlineData("")]
    [InlineData("sha256=")]
    [InlineData("sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e1")]
    [InlineData("sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e1700")]
    [InlineData("757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")]
    [InlineData("SHA256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")]
    [InlineData(" sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")]
    [InlineData("sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043eXX")]
    [InlineData("sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17,sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")]
    [InlineData("sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59")]
    public void A_header_of_another_form_is_refused(string header) => Assert.Equal(SignatureFault.Malformed, Fault(Verify(header)));

    [Fact]
    public void Sha1_does_not_count_even_if_it_is_right()
    {
#pragma warning disable CA5350 // The weak algorithm is what must not be accepted.
        var sha1 = "sha1=" + Convert.ToHexStringLower(HMACSHA1.HashData(Encoding.UTF8.GetBytes(Text), Body));
#pragma warning restore CA5350
        Assert.Equal(SignatureFault.Malformed, Fault(Verify(sha1)));
    }

    [Fact]
    public void One_bit_of_body_or_signature_makes_it_false() =>
        Gen.Select(Gen.Byte.Array[0, 300], Gen.Int[0, 100_000], Gen.Bool).Sample((body, bit, inBody) =>
        {
            var signature = Convert.FromHexString(GitHubSignature.Sign(body, Secret(Text))["sha256=".Length..]);
            var target = inBody && body.Length > 0 ? body : signature;
            target[bit / 8 % target.Length] ^= (byte)(1 << (bit % 8));
            var header = "sha256=" + Convert.ToHexStringLower(signature);
            return GitHubSignature.Verify(header, body, [Secret(Text)]) is SignatureVerdict.Refused { Fault: SignatureFault.Mismatch };
        });

    [Fact]
    public void What_is_signed_here_is_genuine_here() =>
        Gen.Byte.Array[0, 300].Sample(body => GitHubSignature.Verify(GitHubSignature.Sign(body, Secret(Text)), body, [Secret(Text)]) is SignatureVerdict.Genuine);

    [Fact]
    public void A_refusal_shows_neither_secret_nor_header()
    {
        var refused = Assert.IsType<SignatureVerdict.Refused>(Verify("sha256=canary"));
        Assert.DoesNotContain("canary", refused.Message);
        Assert.DoesNotContain(Text, refused.Message);
        Assert.DoesNotContain(Text, Secret(Text).ToString());
    }

    internal static WebhookSecret Secret(string text)
    {
        Assert.True(WebhookSecret.TryParse(text, out var secret, out var problem), problem);
        return secret;
    }

    private static SignatureVerdict Verify(StringValues header) => GitHubSignature.Verify(header, Body, [Secret(Text)]);

    private static SignatureFault Fault(SignatureVerdict verdict) => Assert.IsType<SignatureVerdict.Refused>(verdict).Fault;
}
