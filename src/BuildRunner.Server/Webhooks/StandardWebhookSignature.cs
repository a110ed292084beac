using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace BuildRunner.Server.Webhooks;

/// <summary>
/// The scheme of the Standard Webhooks specification 1.0: <c>webhook-id</c>, <c>webhook-timestamp</c> and <c>webhook-signature</c>, an HMAC-SHA256 over
/// <c>id.timestamp.body</c>. Of the signatures in the header only those of version <c>v1</c> count.
/// </summary>
internal static class StandardWebhookSignature
{
    /// <summary>The same for every attempt to deliver one event.</summary>
    public const string IdHeader = "webhook-id";

    /// <summary>Seconds since 1970.</summary>
    public const string TimestampHeader = "webhook-timestamp";

    /// <summary>Signatures, separated by spaces.</summary>
    public const string SignatureHeader = "webhook-signature";

    private const string Version = "v1,";
    private const int MaxIdLength = 256;
    private const int MaxSignatures = 8;

    /// <summary>Compares in constant time, and looks at the clock.</summary>
    /// <param name="headers">The request's headers.</param>
    /// <param name="body">The bytes as they came.</param>
    /// <param name="secrets">The secret, and during a rotation the one before it.</param>
    /// <param name="now">The time.</param>
    /// <param name="window">How far the timestamp may be from <paramref name="now"/>, to both sides.</param>
    public static SignatureVerdict Verify(
        IHeaderDictionary headers, ReadOnlySpan<byte> body, IReadOnlyList<WebhookSecret> secrets, DateTimeOffset now, TimeSpan window)
    {
        foreach (var name in (ReadOnlySpan<string>)[IdHeader, TimestampHeader, SignatureHeader])
        {
            if (Fault(name, headers[name]) is { } fault)
                return fault;
        }
        var (id, timestamp) = (headers[IdHeader].ToString(), headers[TimestampHeader].ToString());
        if (!IsId(id))
            return Malformed(IdHeader, $"1 to {MaxIdLength} printable characters");
        if (!TryReadTimestamp(timestamp, out var sentAt))
            return Malformed(TimestampHeader, "whole seconds since 1970");
        if (Signatures(headers[SignatureHeader].ToString()) is not { Count: > 0 } signatures)
            return Malformed(SignatureHeader, $"1 to {MaxSignatures} signatures, one at least of the form 'v1,BASE64'");
        if (!Matches(signatures, $"{id}.{timestamp}.", body, secrets))
            return new SignatureVerdict.Refused(SignatureFault.Mismatch, "no signature fits id, timestamp and body; the sender has another secret, or something changed them on their way");
        // After the signature: a stranger learns nothing about the clock.
        return (sentAt - now).Duration() > window
            ? new SignatureVerdict.Refused(SignatureFault.OutsideWindow, $"the delivery was signed more than {(long)window.TotalSeconds} s before or after this server's time; check both clocks")
            : new SignatureVerdict.Genuine(id, sentAt);
    }

    /// <summary>The value of <see cref="SignatureHeader"/>, as a sender writes it.</summary>
    public static string Sign(string id, DateTimeOffset sentAt, ReadOnlySpan<byte> body, WebhookSecret secret) =>
        Version + Convert.ToBase64String(Compute(Prefix(id, sentAt), body, secret));

    private static string Prefix(string id, DateTimeOffset sentAt) => string.Create(CultureInfo.InvariantCulture, $"{id}.{sentAt.ToUnixTimeSeconds()}.");

    private static SignatureVerdict.Refused? Fault(string name, StringValues values) => values.Count switch
    {
        0 => new(SignatureFault.Missing, $"the header {name} is missing"),
        1 => null,
        var count => new(SignatureFault.Doubled, $"the header {name} came {count} times"),
    };

    private static SignatureVerdict.Refused Malformed(string header, string form) => new(SignatureFault.Malformed, $"the header {header} is not {form}");

    private static bool IsId(string id) => id.Length is > 0 and <= MaxIdLength && id.All(character => character is > ' ' and < (char)127);

    private static bool TryReadTimestamp(string text, out DateTimeOffset at)
    {
        at = default;
        if (text.Length > 11 || !long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
            return false;
        at = DateTimeOffset.FromUnixTimeSeconds(seconds);
        return true;
    }

    private static List<byte[]>? Signatures(string header)
    {
        var parts = header.Split(' ', MaxSignatures + 1);
        if (parts.Length > MaxSignatures)
            return null;
        var found = new List<byte[]>();
        foreach (var part in parts.Where(part => part.StartsWith(Version, StringComparison.Ordinal)))
        {
            var bytes = new byte[HMACSHA256.HashSizeInBytes];
            if (part.Length != Version.Length + 44 || !Convert.TryFromBase64String(part[Version.Length..], bytes, out var count) || count != bytes.Length)
                return null;
            found.Add(bytes);
        }
        return found;
    }

    private static bool Matches(List<byte[]> signatures, string prefix, ReadOnlySpan<byte> body, IReadOnlyList<WebhookSecret> secrets)
    {
        var matches = false;
        foreach (var secret in secrets)
        {
            var expected = Compute(prefix, body, secret);
            foreach (var signature in signatures)
                matches |= CryptographicOperations.FixedTimeEquals(signature, expected);
        }
        return matches;
    }

    private static byte[] Compute(string prefix, ReadOnlySpan<byte> body, WebhookSecret secret)
    {
        using var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, secret.Key);
        hash.AppendData(Encoding.UTF8.GetBytes(prefix));
        hash.AppendData(body);
        return hash.GetHashAndReset();
    }
}
