using System.Security.Cryptography;

namespace BuildRunner.Server.Secrets;

/// <summary>
/// Seals and opens secrets. Each value has a data key of its own (AES-256-GCM), and that is sealed with the master key: a rotation seals data keys anew and
/// never touches a value. What is sealed is bound to its place: a row that is copied over another one does not open.
/// </summary>
/// <remarks>
/// The form, which the version byte names: 1 byte version, 8 bytes id of the master key, then the data key and the value, each as 12 bytes nonce,
/// ciphertext and 16 bytes tag. Nonces are random; a master key stays far below 2^32 of them.
/// </remarks>
public sealed class KeyRing
{
    private const byte Version = 1;
    private const int NonceLength = 12;
    private const int TagLength = 16;
    private const int BoxOverhead = NonceLength + TagLength;
    private const int HeaderLength = 1 + MasterKey.IdLength;
    private const int WrappedLength = BoxOverhead + MasterKey.Length;
    private readonly Dictionary<string, MasterKey> keys;
    private readonly MasterKey current;

    /// <summary>Makes one.</summary>
    /// <param name="current">Seals from now on.</param>
    /// <param name="previous">Open what was sealed before a rotation.</param>
    public KeyRing(MasterKey current, IReadOnlyList<MasterKey> previous)
    {
        ArgumentNullException.ThrowIfNull(current);
        ArgumentNullException.ThrowIfNull(previous);
        this.current = current;
        keys = previous.Append(current).DistinctBy(key => key.Id).ToDictionary(key => key.Id, StringComparer.Ordinal);
    }

    /// <summary>The id of the key that seals.</summary>
    public string CurrentId => current.Id;

    /// <summary>Whether what a key of this id sealed can be opened.</summary>
    public bool Knows(string keyId) => keys.ContainsKey(keyId);

    /// <summary>Seals a value.</summary>
    /// <param name="value">The value.</param>
    /// <param name="place">What it belongs to; the same bytes open it.</param>
    public byte[] Seal(ReadOnlySpan<byte> value, ReadOnlySpan<byte> place)
    {
        Span<byte> dataKey = stackalloc byte[MasterKey.Length];
        RandomNumberGenerator.Fill(dataKey);
        var result = new byte[HeaderLength + WrappedLength + BoxOverhead + value.Length];
        Wrap(dataKey, place, result);
        Encrypt(dataKey, value, Associated(result.AsSpan(0, 1), place), result.AsSpan(HeaderLength + WrappedLength));
        CryptographicOperations.ZeroMemory(dataKey);
        return result;
    }

    /// <summary>Opens what was sealed for a place.</summary>
    /// <exception cref="SecretException">Its key is not here, or it is not what was sealed for this place.</exception>
    public byte[] Open(ReadOnlySpan<byte> box, ReadOnlySpan<byte> place)
    {
        Span<byte> dataKey = stackalloc byte[MasterKey.Length];
        Unwrap(box, place, dataKey);
        var value = new byte[box.Length - HeaderLength - WrappedLength - BoxOverhead];
        Decrypt(dataKey, box[(HeaderLength + WrappedLength)..], Associated(box[..1], place), value);
        CryptographicOperations.ZeroMemory(dataKey);
        return value;
    }

    /// <summary>The id of the key that sealed a value.</summary>
    /// <exception cref="SecretException">It is not of the form.</exception>
    public static string KeyIdOf(ReadOnlySpan<byte> box)
    {
        if (box.Length < HeaderLength + WrappedLength + BoxOverhead || box[0] != Version)
            throw new SecretException(SecretFault.Damaged, "a stored secret is not of the form that this version writes");
        return Convert.ToHexStringLower(box.Slice(1, MasterKey.IdLength));
    }

    /// <summary>Seals the data key of a value with the current master key; the value itself is not opened.</summary>
    /// <returns>The new form; null if the current key had sealed it already.</returns>
    /// <exception cref="SecretException">As for <see cref="Open"/>.</exception>
    public byte[]? Reseal(ReadOnlySpan<byte> box, ReadOnlySpan<byte> place)
    {
        if (KeyIdOf(box) == current.Id)
            return null;
        Span<byte> dataKey = stackalloc byte[MasterKey.Length];
        Unwrap(box, place, dataKey);
        var result = box.ToArray();
        Wrap(dataKey, place, result);
        CryptographicOperations.ZeroMemory(dataKey);
        return result;
    }

    private void Wrap(ReadOnlySpan<byte> dataKey, ReadOnlySpan<byte> place, Span<byte> box)
    {
        box[0] = Version;
        Convert.FromHexString(current.Id, box.Slice(1, MasterKey.IdLength), out _, out _);
        Encrypt(current.Key, dataKey, Associated(box[..HeaderLength], place), box.Slice(HeaderLength, WrappedLength));
    }

    private void Unwrap(ReadOnlySpan<byte> box, ReadOnlySpan<byte> place, Span<byte> dataKey)
    {
        var id = KeyIdOf(box);
        if (!keys.TryGetValue(id, out var master))
            throw new SecretException(SecretFault.UnknownKey, $"a secret was sealed with the master key {id}, which is not here; add it to Secrets:PreviousKeys");
        Decrypt(master.Key, box.Slice(HeaderLength, WrappedLength), Associated(box[..HeaderLength], place), dataKey);
    }

    private static void Encrypt(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, ReadOnlySpan<byte> associated, Span<byte> box)
    {
        using var cipher = new AesGcm(key, TagLength);
        RandomNumberGenerator.Fill(box[..NonceLength]);
        cipher.Encrypt(box[..NonceLength], value, box[NonceLength..^TagLength], box[^TagLength..], associated);
    }

    private static void Decrypt(ReadOnlySpan<byte> key, ReadOnlySpan<byte> box, ReadOnlySpan<byte> associated, Span<byte> value)
    {
        using var cipher = new AesGcm(key, TagLength);
        try
        {
            cipher.Decrypt(box[..NonceLength], box[NonceLength..^TagLength], box[^TagLength..], value, associated);
        }
        catch (AuthenticationTagMismatchException e)
        {
            throw new SecretException(SecretFault.Damaged, "a stored secret was changed, or belongs to another name; set it again", e);
        }
    }

    private static byte[] Associated(ReadOnlySpan<byte> header, ReadOnlySpan<byte> place) => [.. header, .. place];
}
