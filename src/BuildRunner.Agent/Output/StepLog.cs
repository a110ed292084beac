using System.Buffers;
using System.Text;
using BuildRunner.Containers.Engine;
using BuildRunner.Core.Logs;

namespace BuildRunner.Agent.Output;

/// <summary>What one attempt writes: masked, cut into lines, numbered, handed on.</summary>
public sealed class StepLog(ILogSink sink, string workflow, string step, int attempt, Masker masker, TimeProvider time) : IStepLog
{
    /// <summary>Logs that hand their lines to one sink.</summary>
    public static NewStepLog To(ILogSink sink, TimeProvider time) => (workflow, step, attempt, masker) => new StepLog(sink, workflow, step, attempt, masker, time);

    private readonly SemaphoreSlim turn = new(1, 1);
    private readonly Channel output = new(LogStream.Out, masker);
    private readonly Channel error = new(LogStream.Error, masker);
    private long number;

    /// <inheritdoc/>
    public async ValueTask WriteAsync(OutputStream stream, ReadOnlyMemory<byte> bytes, DateTimeOffset at, CancellationToken cancellationToken)
    {
        await turn.WaitAsync(cancellationToken);
        try
        {
            var channel = stream == OutputStream.Out ? output : error;
            if (masker.IsEmpty)
            {
                await channel.Lines.AddAsync(bytes, text => HandOutAsync(channel.Stream, at, text, cancellationToken));
                return;
            }

            channel.Safe.ResetWrittenCount();
            channel.Masked.Add(bytes.Span, channel.Safe);
            await channel.Lines.AddAsync(channel.Safe.WrittenMemory, text => HandOutAsync(channel.Stream, at, text, cancellationToken));
        }
        finally
        {
            turn.Release();
        }
    }

    /// <inheritdoc/>
    public async ValueTask SayAsync(string message, CancellationToken cancellationToken)
    {
        await turn.WaitAsync(cancellationToken);
        try
        {
            await HandOutAsync(LogStream.System, time.GetUtcNow(), Encoding.UTF8.GetBytes(masker.Apply(message)), cancellationToken);
        }
        finally
        {
            turn.Release();
        }
    }

    /// <inheritdoc/>
    public async ValueTask EndAsync(CancellationToken cancellationToken)
    {
        await turn.WaitAsync(cancellationToken);
        try
        {
            foreach (var channel in new[] { output, error })
            {
                channel.Safe.ResetWrittenCount();
                channel.Masked.Flush(channel.Safe);
                var at = time.GetUtcNow();
                await channel.Lines.AddAsync(channel.Safe.WrittenMemory, text => HandOutAsync(channel.Stream, at, text, cancellationToken));
                await channel.Lines.FlushAsync(text => HandOutAsync(channel.Stream, at, text, cancellationToken));
            }
        }
        finally
        {
            turn.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => turn.Dispose();

    private ValueTask HandOutAsync(LogStream stream, DateTimeOffset at, ReadOnlyMemory<byte> text, CancellationToken cancellationToken) =>
        sink.WriteAsync(new LogLine(workflow, step, attempt, ++number, stream, at, text), cancellationToken);

    private sealed class Channel(LogStream stream, Masker masker)
    {
        public LogStream Stream => stream;

        public MaskedStream Masked { get; } = masker.NewStream();

        public ArrayBufferWriter<byte> Safe { get; } = new();

        public LineSplitter Lines { get; } = new();
    }
}
