using System.Diagnostics.CodeAnalysis;

namespace BuildRunner.Containers.Images;

/// <summary>A content digest: <c>sha256:</c> and 64 lower-case hexadecimal digits (OCI image specification, "Digests").</summary>
/// <remarks>Only SHA-256 is accepted; SHA-512 is optional in the specification and no registry serves it by default.</remarks>
public readonly record struct Digest
{
    private const string Prefix = "sha256:";

    private Digest(string hex) => Hex = hex;

    /// <summary>The 64 hexadecimal digits.</summary>
    public string Hex { get; }

    /// <summary>Reads a digest.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out Digest digest)
    {
        digest = default;
        if (text is null || text.Length != Prefix.Length + 64 || !text.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return false;
        }

        var hex = text[Prefix.Length..];
        if (!hex.All(c => c is >= '0' and <= '9' or >= 'a' and <= 'f'))
        {
            return false;
        }

        digest = new Digest(hex);
        return true;
    }

    /// <summary>Makes a digest of the 32 bytes of a SHA-256 hash.</summary>
    public static Digest FromHash(ReadOnlySpan<byte> hash) =>
        hash.Length == 32 ? new Digest(Convert.ToHexStringLower(hash)) : throw new ArgumentException("A SHA-256 hash has 32 bytes.", nameof(hash));

    /// <inheritdoc/>
    public override string ToString() => Prefix + Hex;
}
