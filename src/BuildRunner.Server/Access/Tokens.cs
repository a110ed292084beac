using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace BuildRunner.Server.Access;

/// <summary>Random texts that open something. Only their hashes are stored: 256 random bits need no slow one.</summary>
internal static class Tokens
{
    /// <summary>Of an agent.</summary>
    public const string AgentPrefix = "bra_";

    /// <summary>To register an agent.</summary>
    public const string RegistrationPrefix = "brr_";

    /// <summary>For the API.</summary>
    public const string ApiPrefix = "brt_";

    /// <summary>Of a browser that is signed in.</summary>
    public const string SessionPrefix = "brs_";

    /// <summary>Of a link that signs a browser in, once.</summary>
    public const string LinkPrefix = "brl_";

    /// <summary>A new token; its prefix says what it is, to people and to tools that look for leaked ones.</summary>
    public static string New(string prefix) => prefix + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));

    /// <summary>Whether a text that somebody else made could be one of these.</summary>
    public static bool IsOfForm(string? token, string prefix) =>
        token is not null && token.Length == prefix.Length + 43 && token.StartsWith(prefix, StringComparison.Ordinal) && Base64Url.IsValid(token.AsSpan(prefix.Length));

    /// <summary>What is stored of a token.</summary>
    public static byte[] Hash(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));
}
