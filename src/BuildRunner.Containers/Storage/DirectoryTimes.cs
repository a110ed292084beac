using System.Runtime.InteropServices;
using BuildRunner.Containers.Storage.Tar;

namespace BuildRunner.Containers.Storage;

/// <summary>The times of directories, set when all is unpacked: each entry put into a directory changes them.</summary>
internal sealed unsafe class DirectoryTimes(LayerTree tree, ImageLimits limits)
{
    private readonly List<(byte[] Path, Libc.TimePair Times)> _times = [];
    private long _bytes;

    public void Remember(ReadOnlySpan<byte> path, TarEntry entry)
    {
        _bytes += path.Length;
        if (_bytes > limits.MaxNameBytes)
        {
            throw new TarFormatException($"the names of its directories take more than {limits.MaxNameBytes} bytes");
        }

        _times.Add(([.. path, 0], EntryAttributes.TimesOf(entry)));
    }

    public void Apply()
    {
        foreach (var (path, times) in _times)
        {
            Set(path, &times);
        }
    }

    // A directory that a later entry replaced is gone, or is a link now: nothing to do.
    private void Set(byte[] path, Libc.TimePair* both)
    {
        if (path.Length == 1)
        {
            _ = Libc.SetTimes(tree.Root, both);
            return;
        }

        var directory = tree.OpenBelow(path, Libc.ResolveBeneath | Libc.ResolveNoSymlinks);
        if (directory < 0)
        {
            return;
        }

        try
        {
            if (Libc.SetTimes(directory, both) != 0)
            {
                throw tree.Failure(Marshal.GetLastPInvokeError(), path.AsSpan()[..^1]);
            }
        }
        finally
        {
            _ = Libc.Close(directory);
        }
    }
}
