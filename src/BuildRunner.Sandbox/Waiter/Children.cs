using System.Runtime.InteropServices;
using BuildRunner.Sandbox.Kernel;

namespace BuildRunner.Sandbox.Waiter;

/// <summary>Reaps every process of the container that ends, on a thread of its own, and tells through a pipe.</summary>
internal sealed unsafe class Children
{
    private readonly Descriptor _read;
    private readonly Descriptor _write;

    public Children() => (_read, _write) = Descriptor.Pipe();

    /// <summary>Readable when there is something to <see cref="Take"/>.</summary>
    public int Ends => _read.Number;

    /// <summary>Begins to reap; to be called when there is a child.</summary>
    public void Watch() => new Thread(Reap, maxStackSize: 128 * 1024) { IsBackground = true }.Start();

    /// <summary>The next process that ended, with its wait status; a process id of 0: none is left.</summary>
    public (int Pid, int Status) Take()
    {
        Span<int> ended = stackalloc int[2];
        _ = _read.Read(MemoryMarshal.AsBytes(ended));
        return (ended[0], ended[1]);
    }

    private void Reap()
    {
        Span<int> ended = stackalloc int[2];
        while (true)
        {
            int status;
            var pid = Libc.Wait(-1, &status, 0);
            var error = Marshal.GetLastPInvokeError();
            if (pid < 0 && error == Constants.ErrInterrupted)
            {
                continue;
            }

            (ended[0], ended[1]) = (Math.Max(pid, 0), status);
            _ = _write.Write(MemoryMarshal.AsBytes(ended));
            if (pid < 0)
            {
                return;
            }
        }
    }
}
