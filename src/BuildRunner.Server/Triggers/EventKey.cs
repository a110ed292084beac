using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace BuildRunner.Server.Triggers;

/// <summary>
/// The same for one event however often and by whichever way it arrives, and different for two events. Made of what the event says, because the ids that
/// deliveries carry are not signed and differ between an app and a repository's own webhook.
/// </summary>
internal static class EventKey
{
    /// <summary>Makes a key.</summary>
    /// <param name="kind">The event's name; the key begins with it.</param>
    /// <param name="parts">What tells it from other events of its kind.</param>
    public static string Of(string kind, params ReadOnlySpan<string?> parts)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> length = stackalloc byte[sizeof(int)];
        foreach (var part in parts)
        {
            // With its length before it, no part can pass for two.
            var bytes = Encoding.UTF8.GetBytes(part ?? "");
            BinaryPrimitives.WriteInt32LittleEndian(length, part is null ? -1 : bytes.Length);
            hash.AppendData(length);
            hash.AppendData(bytes);
        }
        return $"{kind}/{Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 20))}";
    }
}
