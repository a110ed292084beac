using System.Runtime.InteropServices;
using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Kernel;

/// <summary>An advisory lock that the kernel releases when its last holder is gone, however it went.</summary>
internal sealed class FileLock : IDisposable
{
    private readonly Descriptor _file;

    private FileLock(Descriptor file) => _file = file;

    /// <summary>Takes a lock alone, waiting for those who have it.</summary>
    public static FileLock Take(string path) => TryTake(path, LockExclusive) ?? throw KernelException.FromErrorNumber($"lock {path}", ErrAgain);

    /// <summary>Takes a lock alone; null if somebody has it.</summary>
    public static FileLock? TryTake(string path) => TryTake(path, LockExclusive | LockNoWait);

    /// <summary>Takes a lock with others who share it; null if somebody has it alone.</summary>
    public static FileLock? TryShare(string path) => TryTake(path, LockShared | LockNoWait);

    /// <summary>Lets others share it. Not atomic: who tries to take it alone must hold the lock that guards such attempts.</summary>
    public void Share() => Operate(LockShared);

    /// <summary>Waits until nobody shares it any more.</summary>
    public void WaitForSole() => Operate(LockExclusive);

    public void Dispose() => _file.Dispose();

    private static FileLock? TryTake(string path, int operation)
    {
        var file = Descriptor.Open(path, ReadWrite | Create | NoFollow, 0x180);
        while (true)
        {
            var result = Libc.Lock(file.Number, operation);
            var error = Marshal.GetLastPInvokeError();
            if (result == 0)
            {
                return new FileLock(file);
            }

            if (error != ErrInterrupted)
            {
                file.Dispose();
                return error == ErrAgain ? null : throw KernelException.FromErrorNumber($"lock {path}", error);
            }
        }
    }

    private void Operate(int operation)
    {
        int result, error;
        do
        {
            result = Libc.Lock(_file.Number, operation);
            error = Marshal.GetLastPInvokeError();
        }
        while (result < 0 && error == ErrInterrupted);
        KernelException.Check(result, "lock a file");
    }
}
