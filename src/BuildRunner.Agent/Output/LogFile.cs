using System.Security.Cryptography;
using BuildRunner.Core.AgentContract;
using Microsoft.Win32.SafeHandles;

namespace BuildRunner.Agent.Output;

/// <summary>The frames of one log on this host: written once, at the end only, and read by the upload while it grows. Survives the agent's death.</summary>
/// <remarks>Beside it a file with the ending <c>.end</c> holds the digest of all of it: the log is complete. Without one its writer was killed.</remarks>
internal sealed class LogFile : IDisposable
{
    private readonly SafeFileHandle file;
    private readonly Lock gate = new();
    private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly TaskCompletionSource completed = NewSignal();
    private TaskCompletionSource changed = NewSignal();
    private long length;
    private string? digest;

    private LogFile(string path, FileMode mode)
    {
        Path = path;
        file = File.OpenHandle(path, mode, FileAccess.ReadWrite, FileShare.Read | FileShare.Delete);
    }

    /// <summary>Where it is.</summary>
    public string Path { get; }

    /// <summary>Bytes so far.</summary>
    public long Length => Interlocked.Read(ref length);

    /// <summary>The digest of all of it, in hexadecimal digits; null: there may come more.</summary>
    public string? Digest
    {
        get
        {
            lock (gate)
            {
                return digest;
            }
        }
    }

    /// <summary>Completes when nothing more will come.</summary>
    public Task Completed => completed.Task;

    /// <summary>Makes an empty one; what was there is gone.</summary>
    public static LogFile Create(string path)
    {
        File.Delete(EndOf(path));
        return new LogFile(path, FileMode.Create);
    }

    /// <summary>Opens one whose writer is gone. Half a frame at its end is cut off.</summary>
    public static LogFile Reopen(string path)
    {
        var log = new LogFile(path, FileMode.OpenOrCreate);
        log.Recover();
        return log;
    }

    /// <summary>Appends whole frames.</summary>
    /// <exception cref="IOException">The disk is full, or broken; nothing of it counts as written.</exception>
    public void Append(ReadOnlySpan<byte> frames)
    {
        RandomAccess.Write(file, frames, length);
        TaskCompletionSource signal;
        lock (gate)
        {
            hash.AppendData(frames);
            length += frames.Length;
            (signal, changed) = (changed, NewSignal());
        }

        signal.TrySetResult();
    }

    /// <summary>Says that nothing more will come.</summary>
    public void Complete()
    {
        TaskCompletionSource signal;
        lock (gate)
        {
            if (digest is not null)
            {
                return;
            }

            digest = Convert.ToHexStringLower(hash.GetCurrentHash());
            (signal, changed) = (changed, NewSignal());
        }

        completed.TrySetResult();
        signal.TrySetResult();
        try
        {
            File.WriteAllText(EndOf(Path), digest);
        }
        catch (IOException)
        {
            // Only somebody who comes back after a crash would look for it, and then says that the log's end is not certain.
        }
    }

    /// <summary>Completes when there is more, or the end; to be asked for before looking.</summary>
    public Task ChangedAsync()
    {
        lock (gate)
        {
            return changed.Task;
        }
    }

    /// <summary>Reads bytes from an offset on.</summary>
    public int Read(long offset, Span<byte> into)
    {
        var wanted = (int)Math.Min(into.Length, Length - offset);
        var count = 0;
        while (count < wanted && RandomAccess.Read(file, into[count..wanted], offset + count) is var read and > 0)
        {
            count += read;
        }

        return count;
    }

    /// <summary>Removes the files: the server has it all.</summary>
    public void Delete()
    {
        File.Delete(Path);
        File.Delete(EndOf(Path));
    }

    public void Dispose()
    {
        file.Dispose();
        hash.Dispose();
    }

    private static string EndOf(string path) => path + ".end";

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Recover()
    {
        var all = RandomAccess.GetLength(file);
        var buffer = new byte[2 * (LogFrame.HeaderSize + LogFrame.MaxText)];
        while (length < all)
        {
            var read = RandomAccess.Read(file, buffer, length);
            var rest = buffer.AsMemory(0, read);
            var whole = 0;
            while (TryRead(rest[whole..], out var size))
            {
                whole += size;
            }

            if (whole == 0)
            {
                break;
            }

            hash.AppendData(buffer.AsSpan(0, whole));
            length += whole;
        }

        RandomAccess.SetLength(file, length);
        if (File.Exists(EndOf(Path)))
        {
            digest = Convert.ToHexStringLower(hash.GetCurrentHash());
            completed.TrySetResult();
        }
    }

    private static bool TryRead(ReadOnlyMemory<byte> bytes, out int size)
    {
        size = 0;
        try
        {
            if (LogFrame.TryRead(bytes, out var frame))
            {
                size = frame.Size;
            }
        }
        catch (InvalidDataException)
        {
            // What a power cut left of a page: everything from here on is cut off.
        }

        return size > 0;
    }
}
