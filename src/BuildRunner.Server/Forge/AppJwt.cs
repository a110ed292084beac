using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace BuildRunner.Server.Forge;

/// <summary>The token by which an app says who it is: a JWT signed with its RSA key, valid for nine minutes.</summary>
internal static class AppJwt
{
    /// <summary>Makes one.</summary>
    /// <param name="appId">The app's number.</param>
    /// <param name="privateKey">Its key, as PEM.</param>
    /// <param name="now">The time. The token is dated back a minute, because GitHub refuses one from the future.</param>
    public static string Create(long appId, string privateKey, DateTimeOffset now)
    {
        using var key = RSA.Create();
        key.ImportFromPem(privateKey);
        var (from, until) = (now.AddMinutes(-1).ToUnixTimeSeconds(), now.AddMinutes(9).ToUnixTimeSeconds());
        var content = $"{Encode("""{"alg":"RS256","typ":"JWT"}""")}.{Encode(string.Create(CultureInfo.InvariantCulture, $$"""{"iat":{{from}},"exp":{{until}},"iss":"{{appId}}"}"""))}";
        var signature = key.SignData(Encoding.ASCII.GetBytes(content), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        return $"{content}.{Base64Url.EncodeToString(signature)}";
    }

    /// <summary>Why a text is no key, as the end of a sentence and without the text; null if it is one.</summary>
    public static string? WhyNoKey(string? privateKey)
    {
        if (string.IsNullOrWhiteSpace(privateKey))
            return "is not set";
        try
        {
            using var key = RSA.Create();
            key.ImportFromPem(privateKey);
            key.SignData([], HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
            return null;
        }
        catch (Exception e) when (e is ArgumentException or CryptographicException)
        {
            return "is not an RSA private key in PEM";
        }
    }

    private static string Encode(string text) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));
}
