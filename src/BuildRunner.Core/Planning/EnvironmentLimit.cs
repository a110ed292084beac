using System.Text;

namespace BuildRunner.Core.Planning;

/// <summary>What one environment variable can hold: Linux refuses to start any program with a longer one.</summary>
public static class EnvironmentLimit
{
    /// <summary>Bytes of <c>NAME=value</c>: 128 KiB without the NUL behind it.</summary>
    public const int Bytes = (128 * 1024) - 1;

    // Room for a note, and for the longest names that the same value goes by.
    internal const int Kept = 96 * 1024;

    /// <summary>The size of a variable in bytes.</summary>
    public static int SizeOf(string name, string value)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(value);
        return Encoding.UTF8.GetByteCount(name) + 1 + Encoding.UTF8.GetByteCount(value);
    }

    /// <summary>Whether a variable can be given to a program.</summary>
    public static bool Fits(string name, string value) => SizeOf(name, value) <= Bytes;

    /// <summary>
    /// Event data in the form in which every step can have it: nobody chose its length or content, and a long commit message must not keep a run from starting. What is too
    /// long is cut behind a whole character, and says so; a NUL, which no variable can hold, becomes the replacement character.
    /// </summary>
    public static string Data(string value)
    {
        ArgumentNullException.ThrowIfNull(value);
        if (value.Contains('\0', StringComparison.Ordinal))
            value = value.Replace('\0', '\uFFFD');
        var size = Encoding.UTF8.GetByteCount(value);
        if (size <= Kept)
            return value;
        var bytes = Encoding.UTF8.GetBytes(value).AsSpan(0, Kept);
        while ((bytes[^1] & 0xC0) == 0x80)
            bytes = bytes[..^1];
        if (bytes[^1] >= 0xC0)
            bytes = bytes[..^1];
        return string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Encoding.UTF8.GetString(bytes)}\n[BuildRunner: cut; the whole has {size} bytes]");
    }
}
