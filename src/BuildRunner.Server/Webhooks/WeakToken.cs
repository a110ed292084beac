using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;

namespace BuildRunner.Server.Webhooks;

/// <summary>
/// The weak option, for senders that cannot sign: the secret itself, as <c>Authorization: Bearer</c> or in a header of the endpoint's choice. It shows who
/// sends, not what was sent; whoever sees one delivery can send others.
/// </summary>
internal static class WeakToken
{
    private const string Authorization = "Authorization";
    private const string Scheme = "Bearer ";

    /// <summary>Compares in constant time, also as to the length.</summary>
    /// <param name="headers">The request's headers.</param>
    /// <param name="header">The header that holds the token, bare; null: <c>Authorization</c> with the scheme <c>Bearer</c>.</param>
    /// <param name="secrets">The secret, and during a rotation the one before it.</param>
    public static SignatureVerdict Verify(IHeaderDictionary headers, string? header, IReadOnlyList<WebhookSecret> secrets)
    {
        var name = header ?? Authorization;
        var values = headers[name];
        if (values.Count != 1)
        {
            return values.Count == 0
                ? new SignatureVerdict.Refused(SignatureFault.Missing, $"the header {name} is missing")
                : new SignatureVerdict.Refused(SignatureFault.Doubled, $"the header {name} came {values.Count} times");
        }
        var text = values[0] ?? "";
        if (header is null)
        {
            if (!text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
                return new SignatureVerdict.Refused(SignatureFault.Malformed, $"the header {Authorization} is not '{Scheme}TOKEN'");
            text = text[Scheme.Length..];
        }
        return Matches(text, secrets)
            ? new SignatureVerdict.Genuine()
            : new SignatureVerdict.Refused(SignatureFault.Mismatch, "the token is not this endpoint's");
    }

    private static bool Matches(string text, IReadOnlyList<WebhookSecret> secrets)
    {
        if (!WebhookSecret.TryParse(text, out var given, out _))
            return false;
        var matches = false;
        var hash = SHA256.HashData(given.Key);
        foreach (var secret in secrets)
            matches |= CryptographicOperations.FixedTimeEquals(hash, SHA256.HashData(secret.Key));
        return matches;
    }
}
