namespace BuildRunner.Testing.Engine;

/// <summary>Static programs of a few instructions for x86-64, for images that have nothing else.</summary>
public static class TinyPrograms
{
    /// <summary><c>exit(geteuid())</c>: <c>mov eax, 107; syscall; mov edi, eax; mov eax, 60; syscall</c>.</summary>
    public static byte[] ExitWithEffectiveUser { get; } = Program("b86b0000000f05" + "89c7" + "b83c0000000f05");

    /// <summary><c>exit(0)</c>: <c>xor edi, edi; mov eax, 60; syscall</c>.</summary>
    public static byte[] ExitWithZero { get; } = Program("31ff" + "b83c0000000f05");

    /// <summary>An ELF file with one segment, loaded at 4 MiB, that begins with the code after the headers.</summary>
    private static byte[] Program(string code) => Convert.FromHexString(
        "7f454c46020101000000000000000000" + "02003e00010000007800400000000000" + "40000000000000000000000000000000" + "00000000400038000100000000000000"
        + "01000000050000000000000000000000" + "00004000000000000000400000000000" + "00010000000000000001000000000000" + "0010000000000000"
        + code.PadRight(2 * (0x100 - 0x78), '0'));
}
