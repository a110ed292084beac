using System.Runtime.InteropServices;
using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Sandbox.Kernel;

/// <summary>One system call and nothing else, as code of the processor's: what a forked child calls.</summary>
/// <remarks>
/// A call of the C library by P/Invoke will not do there, also not one without a transition: the compiler puts a look behind it at whether the collector waits for this thread. In a child
/// that was forked while it did, that look never ends, because whoever collects is not in the child. This code is called as a managed function is, behind which there is no such look.
/// It takes its arguments as managed functions of six words do, which is as C's; it returns what the kernel does: minus the error number where something failed.
/// </remarks>
internal static unsafe class BareCode
{
    private const int ReadAndWrite = 3, ReadAndExecute = 5, PrivateAnonymous = 0x22;
    private const nuint Size = 4096;

    private static nint _code;

    /// <summary>The code; made when it is first asked for.</summary>
    /// <exception cref="KernelException">This process may have no executable memory.</exception>
    public static delegate*<nint, nint, nint, nint, nint, nint, nint> Call()
    {
        if (_code == 0)
        {
            _code = Make();
        }

        return (delegate*<nint, nint, nint, nint, nint, nint, nint>)_code;
    }

    /// <summary>The number and five arguments go to where the kernel looks for them, the sixth is 0.</summary>
    private static ReadOnlySpan<byte> Intel =>
    [
        0x48, 0x89, 0xF8, // mov rax, rdi
        0x48, 0x89, 0xF7, // mov rdi, rsi
        0x48, 0x89, 0xD6, // mov rsi, rdx
        0x48, 0x89, 0xCA, // mov rdx, rcx
        0x4D, 0x89, 0xC2, // mov r10, r8
        0x4D, 0x89, 0xC8, // mov r8, r9
        0x45, 0x31, 0xC9, // xor r9d, r9d
        0x0F, 0x05, // syscall
        0xC3, // ret
    ];

    private static nint Make()
    {
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64)
        {
            throw new KernelException(FailureKind.Kernel, 0, $"BuildRunner's helper makes no processes on {RuntimeInformation.ProcessArchitecture}: it is written for x86-64");
        }

        var page = Libc.Map(0, Size, ReadAndWrite, PrivateAnonymous, -1, 0);
        if (page == -1)
        {
            throw KernelException.FromErrorNumber("get a page of memory", Marshal.GetLastPInvokeError());
        }

        Intel.CopyTo(new Span<byte>((void*)page, (int)Size));
        KernelException.Check(Libc.Protect(page, Size, ReadAndExecute), "make a page of memory executable, which a forked child needs (does a policy of this host forbid it?)");
        return page;
    }
}
