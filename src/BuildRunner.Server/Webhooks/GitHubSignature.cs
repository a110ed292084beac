using System.Security.Cryptography;
using Microsoft.Extensions.Primitives;

namespace BuildRunner.Server.Webhooks;

/// <summary>GitHub's scheme: <c>X-Hub-Signature-256: sha256=HEX</c>, an HMAC over the raw body. The SHA-1 header is never looked at.</summary>
internal static class GitHubSignature
{
    /// <summary>The only header that counts.</summary>
    public const string Header = "X-Hub-Signature-256";

    private const string Prefix = "sha256=";

    /// <summary>Compares in constant time with every secret that is valid now.</summary>
    /// <param name="header">All values of <see cref="Header"/>.</param>
    /// <param name="body">The bytes as they came.</param>
    /// <param name="secrets">The secret, and during a rotation the one before it.</param>
    public static SignatureVerdict Verify(StringValues header, ReadOnlySpan<byte> body, IReadOnlyList<WebhookSecret> secrets)
    {
        if (header.Count == 0)
            return new SignatureVerdict.Refused(SignatureFault.Missing, $"the header {Header} is missing; set the same secret at the sender");
        if (header.Count > 1)
            return new SignatureVerdict.Refused(SignatureFault.Doubled, $"the header {Header} came {header.Count} times");
        Span<byte> given = stackalloc byte[HMACSHA256.HashSizeInBytes];
        if (!TryRead(header[0] ?? "", given))
            return new SignatureVerdict.Refused(SignatureFault.Malformed, $"the header {Header} is not '{Prefix}' and 64 hexadecimal digits");
        return Matches(given, body, secrets)
            ? new SignatureVerdict.Genuine()
            : new SignatureVerdict.Refused(SignatureFault.Mismatch, "the signature does not fit the body; the sender has another secret, or something changed the body on its way");
    }

    /// <summary>The header's value for a body, as a sender writes it.</summary>
    public static string Sign(ReadOnlySpan<byte> body, WebhookSecret secret) => Prefix + Convert.ToHexStringLower(HMACSHA256.HashData(secret.Text, body));

    private static bool TryRead(string header, Span<byte> signature) =>
        header.Length == Prefix.Length + (2 * signature.Length)
        && header.StartsWith(Prefix, StringComparison.Ordinal)
        && Convert.FromHexString(header.AsSpan(Prefix.Length), signature, out _, out _) == System.Buffers.OperationStatus.Done;

    private static bool Matches(ReadOnlySpan<byte> given, ReadOnlySpan<byte> body, IReadOnlyList<WebhookSecret> secrets)
    {
        var matches = false;
        Span<byte> expected = stackalloc byte[HMACSHA256.HashSizeInBytes];
        foreach (var secret in secrets)
        {
            HMACSHA256.HashData(secret.Text, body, expected);
            matches |= CryptographicOperations.FixedTimeEquals(given, expected);
        }
        return matches;
    }
}
