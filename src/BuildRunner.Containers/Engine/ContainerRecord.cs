using BuildRunner.Containers.Engine.Oci;
using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Containers.Engine;

/// <summary>What of a container has outlived its caller (<see cref="RecordSpec"/>). For whoever comes after it; the folder is removed by its owner.</summary>
public static class ContainerRecord
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    /// <summary>Waits until the container is dead and everything of it written down: its shim has seen that its caller is gone.</summary>
    /// <param name="directory">The folder.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>How it ended; null if nobody knows: it was never started, or its shim was killed too, or its engine keeps nothing.</returns>
    public static async Task<RecordedEnd?> WaitAsync(string directory, CancellationToken cancellationToken)
    {
        while (!HasEnded(directory))
        {
            await Task.Delay(Pause, cancellationToken);
        }

        var path = RecordPaths.Exit(directory);
        return File.Exists(path) ? Read(await File.ReadAllBytesAsync(path, cancellationToken)) : null;
    }

    /// <summary>Whether output was kept.</summary>
    public static bool HasOutput(string directory) => File.Exists(RecordPaths.Spool(directory));

    /// <summary>Delivers all output that was kept, from its first byte on.</summary>
    /// <param name="directory">The folder.</param>
    /// <param name="key">What it was kept under (<see cref="RecordSpec.Key"/>).</param>
    /// <param name="output">Where to.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>True if it is all that the container has written; false if whoever kept it was ended too, or nothing was kept.</returns>
    public static async Task<bool> DeliverAsync(string directory, ReadOnlyMemory<byte>? key, IOutputSink output, CancellationToken cancellationToken)
    {
        var path = RecordPaths.Spool(directory);
        if (!File.Exists(path))
        {
            return false;
        }

        using var reader = new SpoolReader(path, output, key is { } secret ? new SpoolCipher(secret.Span) : null);
        return await reader.DeliverAllAsync(cancellationToken) || File.Exists(RecordPaths.Exit(directory));
    }

    // A lock ends with its holder, however it ends: a shim has one file, a waiter, which has no way to that, the spool.
    private static bool HasEnded(string directory) => IsFree(RecordPaths.Lock(directory)) && IsFree(RecordPaths.Spool(directory));

    private static bool IsFree(string path)
    {
        try
        {
            using var taken = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            return true;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return true;
        }
        catch (IOException)
        {
            // Its holder lives.
            return false;
        }
    }

    private static RecordedEnd? Read(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Length < Frame.HeaderLength || Frame.ReadLength(bytes.Span) != bytes.Length - sizeof(int))
        {
            return null;
        }

        var frame = new Frame(bytes.Span[sizeof(int)], bytes[Frame.HeaderLength..]);
        return (ShimMessage)frame.Kind switch
        {
            ShimMessage.Exited => EndOf(ExitReport.Decode(frame)),
            ShimMessage.CommandFailed => new RecordedEnd.NotStarted(Failures.ToException(CommandFailure.Decode(frame), "of the step")),
            _ => null,
        };
    }

    private static RecordedEnd EndOf(ExitReport report) => report.Abandoned ? new RecordedEnd.Abandoned() : new RecordedEnd.Exited(OciContainer.ExitOf(report, memoryLimit: null));
}

/// <summary>How a container ended whose caller was gone. A closed hierarchy.</summary>
public abstract record RecordedEnd
{
    private RecordedEnd()
    {
    }

    /// <summary>Its command had ended before the caller did.</summary>
    public sealed record Exited(ContainerExit Exit) : RecordedEnd;

    /// <summary>Its command could not be executed.</summary>
    public sealed record NotStarted(ContainerException Failure) : RecordedEnd;

    /// <summary>It was ended because its caller was gone.</summary>
    public sealed record Abandoned : RecordedEnd;
}
