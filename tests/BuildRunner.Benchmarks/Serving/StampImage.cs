using System.Globalization;

namespace BuildRunner.Benchmarks.Serving;

/// <summary>An image whose program reads the clock in its first instructions and prints that, as 16 hexadecimal digits of nanoseconds since 1970.</summary>
internal static class StampImage
{
    // sub rsp, 64; clock_gettime(CLOCK_REALTIME, rsp); rax = seconds * 1000000000 + nanoseconds; 16 digits and a line end into rsp + 16; write(1, rsp + 16, 17); exit(0)
    private const string Code =
        "4883ec40" + "b8e4000000" + "31ff" + "4889e6" + "0f05" + "488b0424" + "4869c000ca9a3b" + "4803442408" + "488d7c241f" + "c64424200a" + "b910000000"
        + "89c2" + "83e20f" + "80fa0a" + "7203" + "80c227" + "80c230" + "8817" + "48ffcf" + "48c1e804" + "ffc9" + "75e3"
        + "b801000000" + "bf01000000" + "488d742410" + "ba11000000" + "0f05" + "b83c000000" + "31ff" + "0f05";

    /// <summary>Nanoseconds since 1970, by the clock that the program reads.</summary>
    public static long Now => (TimeProvider.System.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks * 100;

    /// <summary>Makes it in a folder.</summary>
    public static string Make(string folder)
    {
        foreach (var name in new[] { "", "proc", "sys", "dev", "etc", "tmp", "root" })
        {
            Directory.CreateDirectory(Path.Combine(folder, name));
        }

        var program = Path.Combine(folder, "stamp");
        File.WriteAllBytes(program, Testing.Engine.TinyPrograms.Program(Code));
        File.SetUnixFileMode(program, (UnixFileMode)0x1ED);
        return folder;
    }

    /// <summary>Whether a line is one that it printed: a shell also tells its commands.</summary>
    public static bool IsStamp(string line) => line.Length == 16 && line.All(char.IsAsciiHexDigitLower);

    /// <summary>The time that it printed.</summary>
    public static long Parse(string output) => long.Parse(output.Trim(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
