namespace BuildRunner.Benchmarks;

/// <summary>The smallest static program: an ELF file of one system call, so that what is measured is not the program.</summary>
internal static class TinyProgram
{
    /// <summary><c>exit(0)</c> for x86-64.</summary>
    public static byte[] True { get; } = Convert.FromHexString(
        "7f454c46020101000000000000000000" + "02003e00010000007800400000000000" + "40000000000000000000000000000000" + "00000000400038000100000000000000"
        + "01000000050000000000000000000000" + "00004000000000000000400000000000" + "84000000000000008400000000000000" + "0010000000000000"
        + "31ffb83c0000000f05000000");
}
