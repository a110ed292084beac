using System.Runtime.InteropServices;

namespace BuildRunner.Sandbox.Kernel;

/// <summary>A number in memory that this process and its forked children see alike: at first 0.</summary>
internal sealed unsafe class SharedNumber : IDisposable
{
    private const int ReadAndWrite = 3, SharedAnonymous = 0x21;
    private const nuint Size = 4096;

    public SharedNumber()
    {
        var page = Libc.Map(0, Size, ReadAndWrite, SharedAnonymous, -1, 0);
        Place = page != -1 ? (int*)page : throw KernelException.FromErrorNumber("get memory that a child shares", Marshal.GetLastPInvokeError());
    }

    /// <summary>Where it is, here and in every child.</summary>
    public int* Place { get; }

    public int Value => Volatile.Read(ref *Place);

    public void Dispose() => _ = Libc.Unmap((nint)Place, Size);
}
