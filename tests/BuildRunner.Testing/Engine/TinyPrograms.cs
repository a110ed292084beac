namespace BuildRunner.Testing.Engine;

/// <summary>Static programs of a few instructions for x86-64, for images that have nothing else.</summary>
public static class TinyPrograms
{
    /// <summary><c>exit(geteuid())</c>: <c>mov eax, 107; syscall; mov edi, eax; mov eax, 60; syscall</c>.</summary>
    public static byte[] ExitWithEffectiveUser { get; } = Program("b86b0000000f05" + "89c7" + "b83c0000000f05");

    /// <summary><c>exit(0)</c>: <c>xor edi, edi; mov eax, 60; syscall</c>.</summary>
    public static byte[] ExitWithZero { get; } = Program("31ff" + "b83c0000000f05");

    /// <summary>Makes a call and exits with its error number, 0 if it succeeded: <c>mov eax, …; mov edi, …; mov esi, …; xor edx, edx; xor r10d, r10d; syscall; neg eax; mov edi, eax; mov eax, 60; syscall</c>.</summary>
    public static byte[] ExitWithErrorOf(int call, int first, int second) =>
        Program($"b8{Number(call)}" + $"bf{Number(first)}" + $"be{Number(second)}" + "31d2" + "4531d2" + "0f05" + "f7d8" + "89c7" + "b83c0000000f05");

    /// <summary>
    /// Puts a rule of Landlock in force that no file may be executed, and exits with the error's number, 0 if it did: <c>mov eax, 444; mov edi, attributes; mov esi, 8; xor edx, edx; syscall;
    /// mov edi, eax; xor esi, esi; mov eax, 446; syscall; neg eax; mov edi, eax; mov eax, 60; syscall</c>, and behind it the attributes.
    /// </summary>
    public static byte[] RestrictItself { get; } = Program(
        "b8bc010000" + "bfa1004000" + "be08000000" + "31d2" + "0f05" + "89c7" + "31f6" + "b8be010000" + "0f05" + "f7d8" + "89c7" + "b83c000000" + "0f05" + "0100000000000000");

    /// <summary>
    /// Connects to the abstract socket "outsider" and exits with the error's number, 0 if it could: <c>mov eax, 41; mov edi, 1; mov esi, 1; xor edx, edx; syscall; mov edi, eax; mov esi, address;
    /// mov edx, 11; mov eax, 42; syscall; neg eax; mov edi, eax; mov eax, 60; syscall</c>, and behind it the address.
    /// </summary>
    public static byte[] ConnectToOutsider { get; } = Program(
        "b829000000" + "bf01000000" + "be01000000" + "31d2" + "0f05" + "89c7" + "bea9004000" + "ba0b000000" + "b82a000000" + "0f05" + "f7d8" + "89c7" + "b83c000000" + "0f05" + "0100" + "00" + "6f75747369646572");

    private static string Number(int value) => Convert.ToHexString(BitConverter.GetBytes(value));

    /// <summary>An ELF file with one segment, loaded at 4 MiB, that begins with the code after the headers.</summary>
    public static byte[] Program(string code) => Convert.FromHexString(
        "7f454c46020101000000000000000000" + "02003e00010000007800400000000000" + "40000000000000000000000000000000" + "00000000400038000100000000000000"
        + "01000000050000000000000000000000" + "00004000000000000000400000000000" + "00010000000000000001000000000000" + "0010000000000000"
        + code.PadRight(2 * (0x100 - 0x78), '0'));
}
