using System.Security.Cryptography;

namespace BuildRunner.Agent.Work;

/// <summary>Hides what lies on the agent's disk and must be readable by its next process, but not by whoever gets the disk: its key lies in the volatile folder, and is gone with the machine's run.</summary>
internal sealed class DiskSeal
{
    private const string KeyName = "seal";
    private const int KeyLength = 32, NonceLength = 12, TagLength = 16;
    private readonly byte[] key;

    private DiskSeal(byte[] key)
    {
        this.key = key;
    }

    /// <summary>The seal of this machine's run: the one that an earlier process of the agent had, or a new one.</summary>
    /// <param name="volatileRoot">The volatile folder; exists.</param>
    public static DiskSeal Of(string volatileRoot)
    {
        var path = Path.Combine(volatileRoot, KeyName);
        if (!File.Exists(path) || File.ReadAllBytes(path) is not { Length: KeyLength } key)
        {
            key = RandomNumberGenerator.GetBytes(KeyLength);
            DurableFile.Write(path, key);
        }

        return new DiskSeal(key);
    }

    /// <summary>Whether a file of the volatile folder is the key.</summary>
    public static bool IsKey(string path) => Path.GetFileName(path) == KeyName;

    /// <summary>Seals bytes: a nonce, a tag, and what nobody can read without the key.</summary>
    public byte[] Seal(ReadOnlySpan<byte> bytes)
    {
        var sealedBytes = new byte[NonceLength + TagLength + bytes.Length];
        RandomNumberGenerator.Fill(sealedBytes.AsSpan(0, NonceLength));
        using var aes = new AesGcm(key, TagLength);
        aes.Encrypt(sealedBytes.AsSpan(0, NonceLength), bytes, sealedBytes.AsSpan(NonceLength + TagLength), sealedBytes.AsSpan(NonceLength, TagLength));
        return sealedBytes;
    }

    /// <summary>Opens what was sealed; null: it was sealed in an earlier run of the machine, or is not whole.</summary>
    public byte[]? Open(ReadOnlySpan<byte> sealedBytes)
    {
        if (sealedBytes.Length < NonceLength + TagLength)
        {
            return null;
        }

        var bytes = new byte[sealedBytes.Length - NonceLength - TagLength];
        using var aes = new AesGcm(key, TagLength);
        try
        {
            aes.Decrypt(sealedBytes[..NonceLength], sealedBytes[(NonceLength + TagLength)..], sealedBytes.Slice(NonceLength, TagLength), bytes);
            return bytes;
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
    }

    /// <summary>Opens a file that was sealed; null also where there is none.</summary>
    public byte[]? OpenFile(string path)
    {
        try
        {
            return Open(File.ReadAllBytes(path));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }
}
