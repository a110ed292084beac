using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace BuildRunner.Benchmarks.Serving;

/// <summary>What the disk takes for a commit while something else is measured: a page is written over and waited for, again and again, beside it. No commit of a database on this disk is quicker.</summary>
internal sealed partial class DiskFloor : IAsyncDisposable
{
    private const int Page = 8192, Pages = 128;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    private readonly SafeFileHandle _file;
    private readonly CancellationTokenSource _end = new();
    private readonly Task _writing;

    /// <param name="folder">On the disk.</param>
    public DiskFloor(string folder)
    {
        _file = File.OpenHandle(Path.Combine(folder, "floor"), FileMode.Create, FileAccess.Write);
        RandomAccess.Write(_file, new byte[Page * Pages], fileOffset: 0);
        RandomAccess.FlushToDisk(_file);
        _writing = Task.Factory.StartNew(Write, TaskCreationOptions.LongRunning);
    }

    /// <summary>How long each took.</summary>
    public Latencies Latencies { get; } = new("floor: 8 KiB written over on the same disk, meanwhile");

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _writing;
        _file.Dispose();
        _end.Dispose();
    }

    private void Write()
    {
        var page = new byte[Page];
        for (var i = 0; !_end.IsCancellationRequested; i++)
        {
            Array.Fill(page, (byte)i);
            var began = Stopwatch.GetTimestamp();
            RandomAccess.Write(_file, page, (long)(i % Pages) * Page);
            if (DataSync((int)_file.DangerousGetHandle()) != 0)
            {
                throw new IOException("fdatasync failed");
            }

            Latencies.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            _ = _end.Token.WaitHandle.WaitOne(Pause);
        }
    }

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int DataSync(int descriptor);
}
