using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace BuildRunner.Server.Webhooks;

/// <summary>What sender and receiver of a webhook share. Never shown: its text form says only what it is.</summary>
internal sealed class WebhookSecret
{
    /// <summary>Fewer bytes can be guessed from one delivery, off line.</summary>
    public const int MinBytes = 16;

    private const int MaxBytes = 512;
    private const string StandardPrefix = "whsec_";
    private readonly byte[] key;
    private readonly byte[] text;

    private WebhookSecret(byte[] key, byte[] text)
    {
        this.key = key;
        this.text = text;
    }

    /// <summary>The key of the HMAC of Standard Webhooks.</summary>
    public ReadOnlySpan<byte> Key => key;

    /// <summary>The key of every other scheme: GitHub takes what a person pasted there as it is, whatever it begins with.</summary>
    public ReadOnlySpan<byte> Text => text;

    /// <summary>
    /// Reads a secret as a person wrote it. <c>whsec_</c> and base64 is the form of Standard Webhooks; anything else is the key itself, as UTF-8.
    /// </summary>
    /// <param name="text">The secret.</param>
    /// <param name="secret">The secret, if it is long enough.</param>
    /// <param name="problem">Otherwise why not, without the text.</param>
    public static bool TryParse(string? text, [NotNullWhen(true)] out WebhookSecret? secret, [NotNullWhen(false)] out string? problem)
    {
        secret = null;
        if (Decode(text ?? "") is not { } bytes)
        {
            problem = $"the secret begins with {StandardPrefix}, and what follows is not base64";
            return false;
        }
        problem = bytes.Length switch
        {
            < MinBytes => $"the secret has {bytes.Length} bytes; it needs at least {MinBytes}",
            > MaxBytes => $"the secret has {bytes.Length} bytes; at most {MaxBytes} are allowed",
            _ => null,
        };
        secret = problem is null ? new(bytes, Encoding.UTF8.GetBytes(text!)) : null;
        return secret is not null;
    }

    /// <summary>A new one, in the form of Standard Webhooks, to be shown once.</summary>
    public static string Generate() => StandardPrefix + Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));

    /// <summary>Says that it is a secret.</summary>
    public override string ToString() => "(webhook secret)";

    private static byte[]? Decode(string text)
    {
        if (!text.StartsWith(StandardPrefix, StringComparison.Ordinal))
            return Encoding.UTF8.GetBytes(text);
        var bytes = new byte[text.Length];
        return Convert.TryFromBase64String(text[StandardPrefix.Length..], bytes, out var count) ? bytes[..count] : null;
    }
}
