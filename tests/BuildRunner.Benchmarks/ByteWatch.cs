using System.Diagnostics;
using BuildRunner.Containers.Engine;

namespace BuildRunner.Benchmarks;

/// <summary>Notes when the first and the last byte came, from its making on.</summary>
internal sealed class ByteWatch : IOutputSink
{
    private readonly long _start = Stopwatch.GetTimestamp();

    /// <summary>Milliseconds to the first byte; 0: none came.</summary>
    public double First { get; private set; }

    /// <summary>When the last byte came, as <see cref="Stopwatch.GetTimestamp"/>.</summary>
    public long Last { get; private set; }

    public ValueTask WriteAsync(OutputStream stream, ReadOnlyMemory<byte> bytes, DateTimeOffset at, CancellationToken cancellationToken)
    {
        Last = Stopwatch.GetTimestamp();
        First = First > 0 ? First : Stopwatch.GetElapsedTime(_start, Last).TotalMilliseconds;
        return ValueTask.CompletedTask;
    }
}
