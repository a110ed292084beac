using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;

namespace BuildRunner.Server.Logs;

/// <summary>The bytes of log streams, one file each. The file's length is the offset: there is nothing beside it that could disagree.</summary>
/// <param name="directory">Where they are.</param>
/// <param name="maxBytes">Longest stream.</param>
internal sealed class LogFiles(string directory, long maxBytes)
{
    private readonly ConcurrentDictionary<string, SemaphoreSlim> writers = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, TaskCompletionSource> signals = new(StringComparer.Ordinal);

    /// <summary>Appends bytes. Those that are there already are compared and skipped; if they differ, the uploader's count, because the log is its own.</summary>
    public async Task<LogAppend> AppendAsync(Guid run, Guid work, string stream, long offset, ReadOnlyMemory<byte> bytes, string? sha256, CancellationToken cancellationToken)
    {
        var path = PathOf(run, work, stream);
        var writer = writers.GetOrAdd(path, _ => new SemaphoreSlim(1, 1));
        await writer.WaitAsync(cancellationToken);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            await using var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, bufferSize: 0, useAsync: true);
            if (offset > file.Length)
            {
                return new LogAppend.Gap(file.Length);
            }

            if (offset + bytes.Length > maxBytes)
            {
                return new LogAppend.TooLong(maxBytes);
            }

            await WriteNewAsync(file, offset, bytes);
            return sha256 is null ? new LogAppend.Stored(file.Length) : await EndAsync(file, sha256);
        }
        finally
        {
            writer.Release();
            Signal(path);
        }
    }

    /// <summary>Where a stream stands; 0 if there is none.</summary>
    public long LengthOf(Guid run, Guid work, string stream) => new FileInfo(PathOf(run, work, stream)) is { Exists: true } file ? file.Length : 0;

    /// <summary>Opens a stream to read; null if there is none.</summary>
    public FileStream? Open(Guid run, Guid work, string stream)
    {
        try
        {
            return new FileStream(PathOf(run, work, stream), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0, useAsync: true);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            // Nothing was written yet, or its time is over.
            return null;
        }
    }

    /// <summary>Completes when something is appended at this server; to be asked for before looking.</summary>
    public Task NextAsync(Guid run, Guid work, string stream) =>
        signals.GetOrAdd(PathOf(run, work, stream), _ => new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    /// <summary>Tells those who follow a stream that it has ended, and lets go of what was kept to write it.</summary>
    public void Ended(Guid run, Guid work, string stream)
    {
        writers.TryRemove(PathOf(run, work, stream), out _);
        Signal(PathOf(run, work, stream));
    }

    /// <summary>Removes everything of a run.</summary>
    public void Delete(Guid run)
    {
        if (Directory.Exists(FolderOf(run)))
        {
            Directory.Delete(FolderOf(run), recursive: true);
        }
    }

    /// <summary>Runs that have a folder here to which nothing was written for so long.</summary>
    public IEnumerable<Guid> RunsOlderThan(TimeSpan age)
    {
        if (!Directory.Exists(directory))
        {
            yield break;
        }

        // The file system's clock on both sides: a file that is written now tells what time it is there.
        var probe = Path.Combine(directory, ".now");
        File.WriteAllBytes(probe, []);
        var limit = File.GetLastWriteTimeUtc(probe) - age;
        foreach (var folder in Directory.EnumerateDirectories(directory).SelectMany(Directory.EnumerateDirectories))
        {
            if (Guid.TryParseExact(Path.GetFileName(folder), "N", out var run) && Directory.GetLastWriteTimeUtc(folder) < limit)
            {
                yield return run;
            }
        }
    }

    /// <summary>Whether a stream may be called so: its name becomes a part of a file's name.</summary>
    public static bool IsName(string? stream) =>
        stream is { Length: > 0 and <= 100 } && stream[0] != '.' && stream.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_');

    private static async Task WriteNewAsync(FileStream file, long offset, ReadOnlyMemory<byte> bytes)
    {
        var known = (int)Math.Min(file.Length - offset, bytes.Length);
        var there = new byte[known];
        file.Position = offset;
        await file.ReadExactlyAsync(there);
        var same = there.AsSpan().CommonPrefixLength(bytes.Span);
        if (same < known)
        {
            file.SetLength(offset + same);
        }

        file.Position = offset + same;
        await file.WriteAsync(bytes[same..], CancellationToken.None);
    }

    private static async Task<LogAppend> EndAsync(FileStream file, string sha256)
    {
        file.Position = 0;
        var digest = await SHA256.HashDataAsync(file, CancellationToken.None);
        if (!string.Equals(Convert.ToHexStringLower(digest), sha256, StringComparison.OrdinalIgnoreCase))
        {
            return new LogAppend.Gap(0);
        }

        // Only now may the agent forget its own copy.
        file.Flush(flushToDisk: true);
        return new LogAppend.Ended(file.Length);
    }

    private void Signal(string path)
    {
        if (signals.TryRemove(path, out var signal))
        {
            signal.TrySetResult();
        }
    }

    private string PathOf(Guid run, Guid work, string stream) =>
        IsName(stream) ? Path.Combine(FolderOf(run), $"{work:N}.{stream}") : throw new ArgumentException($"'{stream}' is no name of a stream", nameof(stream));

    // The last digits of a version 7 id are random, the first are its time.
    private string FolderOf(Guid run)
    {
        var name = run.ToString("N", CultureInfo.InvariantCulture);
        return Path.Combine(directory, name[^2..], name);
    }
}

/// <summary>What became of an upload. A closed hierarchy.</summary>
internal abstract record LogAppend
{
    private LogAppend()
    {
    }

    /// <summary>Stored up to here.</summary>
    public sealed record Stored(long Offset) : LogAppend;

    /// <summary>Stored whole, and on the disk.</summary>
    public sealed record Ended(long Offset) : LogAppend;

    /// <summary>Something is missing before it; to be sent from here on.</summary>
    public sealed record Gap(long Offset) : LogAppend;

    /// <summary>Longer than a stream may be.</summary>
    public sealed record TooLong(long Limit) : LogAppend;
}
