using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace BuildRunner.Server.Secrets;

/// <summary>A key that seals the keys of secrets: 256 bits, from a file or the environment, never in the database or a backup of it.</summary>
public sealed class MasterKey
{
    /// <summary>Bytes of a key.</summary>
    public const int Length = 32;

    private readonly byte[] key;

    private MasterKey(byte[] key)
    {
        this.key = key;
        // Not a hash of the key alone: the same bytes in another role give another name.
        Id = Convert.ToHexStringLower(HMACSHA256.HashData(key, "buildrunner master key id"u8).AsSpan(0, IdLength));
    }

    internal const int IdLength = 8;

    /// <summary>Names the key without telling anything about it.</summary>
    public string Id { get; }

    internal ReadOnlySpan<byte> Key => key;

    /// <summary>Reads 32 bytes in base64 or as 64 hexadecimal digits, with white space around them.</summary>
    /// <param name="text">The text.</param>
    /// <param name="master">The key.</param>
    /// <param name="problem">Why there is none, without the text.</param>
    public static bool TryParse(string? text, [NotNullWhen(true)] out MasterKey? master, [NotNullWhen(false)] out string? problem)
    {
        var trimmed = (text ?? "").Trim();
        var bytes = new byte[Length];
        var read = trimmed.Length == 2 * Length
            ? Convert.FromHexString(trimmed, bytes, out _, out var count) == System.Buffers.OperationStatus.Done
            : Convert.TryFromBase64String(trimmed, bytes, out count);
        var fine = read && count == Length;
        master = fine ? new(bytes) : null;
        problem = fine ? null : $"the master key is not {Length} bytes in base64; make one with: head -c {Length} /dev/urandom | base64";
        return fine;
    }

    /// <summary>A new key.</summary>
    public static MasterKey Generate() => new(RandomNumberGenerator.GetBytes(Length));

    /// <summary>The text that <see cref="TryParse"/> reads, to be written into a key file.</summary>
    public string Export() => Convert.ToBase64String(key);

    /// <summary>Names the key.</summary>
    public override string ToString() => $"(master key {Id})";
}
