namespace BuildRunner.Core.Logs;

/// <summary>One line that a step wrote, or that BuildRunner says about it.</summary>
/// <param name="Workflow">The workflow's name.</param>
/// <param name="Step">The step's or service's name.</param>
/// <param name="Attempt">From 1.</param>
/// <param name="Number">From 1, per attempt.</param>
/// <param name="Stream">Who wrote it.</param>
/// <param name="At">When its last byte was read.</param>
/// <param name="Text">The bytes without the line feed, secrets masked; valid only during the call that hands the line out.</param>
public readonly record struct LogLine(
    string Workflow,
    string Step,
    int Attempt,
    long Number,
    LogStream Stream,
    DateTimeOffset At,
    ReadOnlyMemory<byte> Text);

/// <summary>Who wrote a line.</summary>
public enum LogStream
{
    /// <summary>Standard output.</summary>
    Out = 1,

    /// <summary>Standard error.</summary>
    Error = 2,

    /// <summary>BuildRunner itself.</summary>
    System = 3,
}

/// <summary>Takes lines. Slow taking slows the step down; nothing is dropped.</summary>
/// <remarks>Lines of one step come one after the other; those of different steps may come at once.</remarks>
public interface ILogSink
{
    /// <summary>Takes one line; its text must not be kept after the returned task has completed.</summary>
    ValueTask WriteAsync(LogLine line, CancellationToken cancellationToken);
}
