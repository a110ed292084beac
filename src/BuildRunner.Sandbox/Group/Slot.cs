using System.Globalization;
using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Sandbox.Group;

/// <summary>A number that no other living group of this host has. Host ids and addresses follow from it.</summary>
internal sealed class Slot : IDisposable
{
    private readonly FileLock _lock;

    private Slot(int number, FileLock @lock)
    {
        Number = number;
        _lock = @lock;
    }

    public int Number { get; }

    /// <summary>Takes a free slot. They are taken in turn, so that what the kernel still clears up of the last holder is gone.</summary>
    /// <param name="count">How many there are.</param>
    /// <exception cref="KernelException">All are taken.</exception>
    public static Slot Acquire(int count)
    {
        Files.MakeDirectories(HostPaths.Slots, 0x1C9);
        using var guard = FileLock.Take(HostPaths.SlotsGuard);
        var last = HostPaths.Slots + "/last";
        _ = int.TryParse(Files.TryRead(last), CultureInfo.InvariantCulture, out var previous);
        for (var i = 1; i <= count; i++)
        {
            var number = (previous + i) % count;
            if (FileLock.TryTake(HostPaths.SlotLock(number)) is { } taken)
            {
                taken.Share();
                File.WriteAllText(last, number.ToString(CultureInfo.InvariantCulture));
                return new Slot(number, taken);
            }
        }

        throw new KernelException(FailureKind.Exhausted, 0, $"all {count} places for groups on this host are taken");
    }

    public void Dispose() => _lock.Dispose();
}
