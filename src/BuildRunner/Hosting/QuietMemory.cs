using System.Runtime.InteropServices;
using BuildRunner.Server.Hosting;
using Microsoft.Extensions.Hosting;

namespace BuildRunner.Hosting;

/// <summary>
/// Gives memory back when there was something to do and it is done: after the start, after a burst. By itself .NET keeps what it had for as long as nobody else on the machine is short of it, and
/// the C library what the compiler took (decision 0218).
/// </summary>
internal sealed partial class QuietMemory(IHostApplicationLifetime lifetime, TimeProvider time) : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(2);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await lifetime.StartedAsync(stoppingToken);
        var pace = new WorkPace();
        using var timer = new PeriodicTimer(Every, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            var due = pace.Next(GC.GetTotalAllocatedBytes());
            if (due is Due.Everything)
            {
                GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            }

            if (due is not Due.Nothing)
            {
                TrimNative();
            }
        }
    }

    private static void TrimNative()
    {
        try
        {
            _ = Trim(0);
        }
        catch (EntryPointNotFoundException)
        {
            // Another libc than glibc: it has no such call.
        }
    }

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int Trim(nuint keep);
}

/// <summary>What is to be given back.</summary>
internal enum Due
{
    /// <summary>Nothing.</summary>
    Nothing,

    /// <summary>What the C library holds and nobody uses: takes a fraction of a millisecond.</summary>
    Native,

    /// <summary>That, and what a full collection frees: stops everything for 10 to 20 ms where little is alive.</summary>
    Everything,
}

/// <summary>Tells from how much was allocated, asked at even intervals, when work is done. What a server allocates that only waits does not count.</summary>
internal sealed class WorkPace
{
    /// <summary>As much in one interval is work.</summary>
    public const long Busy = 1536 * 1024;

    /// <summary>As much in all is worth a collection.</summary>
    public const long Much = 2048 * 1024;

    private long last;
    private long worked;

    /// <summary>What is to be done now.</summary>
    /// <param name="allocated">Bytes that were ever allocated.</param>
    public Due Next(long allocated)
    {
        var now = allocated - last;
        last = allocated;
        if (now >= Busy)
        {
            worked += now;
            return Due.Nothing;
        }

        // Methods are compiled beside the work, and long after it; what that took of native memory is free at no moment that is known.
        var due = worked >= Much ? Due.Everything : Due.Native;
        worked = 0;
        return due;
    }
}
