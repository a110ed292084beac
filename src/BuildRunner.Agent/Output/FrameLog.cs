using System.Buffers;
using System.Globalization;
using System.Text;
using BuildRunner.Containers.Engine;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Logs;

namespace BuildRunner.Agent.Output;

/// <summary>What one attempt or service writes, on its way to the server: masked, cut into frames, appended to a file that the upload reads.</summary>
/// <remarks>
/// Every byte is in the file, or counted and its absence said: nothing of what a container writes is held but a begun line of at most
/// <see cref="LogLimits.MaxLine"/> bytes and what may be the beginning of a secret. A begun line that stays alone for a moment is handed on as it is, so that whoever
/// watches sees a prompt or a progress bar.
/// </remarks>
internal sealed class FrameLog : IStepLog
{
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(150);

    private readonly LogFile file;
    private readonly Masker masker;
    private readonly LogLimits limits;
    private readonly TimeProvider time;
    private readonly SemaphoreSlim turn = new(1, 1);
    private readonly Channel output;
    private readonly Channel error;
    private readonly ITimer idle;
    private byte[] frames = new byte[64 * 1024];
    private int framed;
    private long taken;
    private long missing;
    private bool ended;

    public FrameLog(LogFile file, Masker masker, LogLimits limits, TimeProvider time)
    {
        this.file = file;
        this.masker = masker;
        this.limits = limits;
        this.time = time;
        output = new Channel(LogStream.Out, masker, limits.MaxLine);
        error = new Channel(LogStream.Error, masker, limits.MaxLine);
        idle = time.CreateTimer(_ => ShowBegun(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <inheritdoc/>
    public async ValueTask WriteAsync(OutputStream stream, ReadOnlyMemory<byte> bytes, DateTimeOffset at, CancellationToken cancellationToken)
    {
        await turn.WaitAsync(cancellationToken);
        try
        {
            Add(stream == OutputStream.Out ? output : error, bytes.Span, at);
        }
        finally
        {
            turn.Release();
        }
    }

    /// <inheritdoc/>
    public async ValueTask MissingAsync(OutputStream stream, long bytes, CancellationToken cancellationToken)
    {
        await turn.WaitAsync(cancellationToken);
        missing += bytes;
        turn.Release();
    }

    /// <inheritdoc/>
    public async ValueTask SayAsync(string message, CancellationToken cancellationToken)
    {
        await turn.WaitAsync(cancellationToken);
        try
        {
            Say(message);
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
                Cut(channel, channel.Safe.WrittenSpan, time.GetUtcNow());
                ShowBegun(channel);
            }

            if (missing > 0 && !ended)
            {
                Say(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{missing} more bytes were written and are not kept: a step may write {limits.MaxPerStep} bytes (Logs:MaxPerStep)"));
            }

            ended = true;
            Flush();
        }
        finally
        {
            turn.Release();
        }
    }

    public void Dispose()
    {
        idle.Dispose();
        turn.Wait();
        turn.Release();
        turn.Dispose();
    }

    private void Add(Channel channel, ReadOnlySpan<byte> bytes, DateTimeOffset at)
    {
        var room = limits.MaxPerStep - taken;
        if (bytes.Length > room)
        {
            missing += bytes.Length - room;
            bytes = bytes[..(int)room];
        }

        taken += bytes.Length;
        channel.At = at;
        if (masker.IsEmpty)
        {
            Cut(channel, bytes, at);
        }
        else
        {
            channel.Safe.ResetWrittenCount();
            channel.Masked.Add(bytes, channel.Safe);
            Cut(channel, channel.Safe.WrittenSpan, at);
        }

        Flush();
        if (channel.Begun.WrittenCount > 0)
        {
            idle.Change(Moment, Timeout.InfiniteTimeSpan);
        }
    }

    private void Cut(Channel channel, ReadOnlySpan<byte> bytes, DateTimeOffset at)
    {
        while (!bytes.IsEmpty)
        {
            var room = limits.MaxLine - channel.Begun.WrittenCount;
            var end = bytes[..Math.Min(bytes.Length, room + 1)].IndexOf((byte)'\n');
            if (end < 0 && bytes.Length <= room)
            {
                channel.Begun.Write(bytes);
                return;
            }

            var part = bytes[..(end < 0 ? room : end)];
            if (channel.Begun.WrittenCount == 0)
            {
                Frame(channel.Stream, at, end < 0, part);
            }
            else
            {
                channel.Begun.Write(part);
                Frame(channel.Stream, at, end < 0, channel.Begun.WrittenSpan);
                channel.Begun.ResetWrittenCount();
            }

            bytes = bytes[(part.Length + (end < 0 ? 0 : 1))..];
        }
    }

    // With headers a log of nothing but line feeds is many times what the step wrote; the server takes twice the limit.
    private void Frame(LogStream stream, DateTimeOffset at, bool unterminated, ReadOnlySpan<byte> text)
    {
        var size = LogFrame.HeaderSize + text.Length;
        if (file.Length + framed + size > 2 * limits.MaxPerStep && stream != LogStream.System)
        {
            missing += text.Length + (unterminated ? 0 : 1);
            return;
        }

        if (framed + size > frames.Length)
        {
            Flush();
            frames = size > frames.Length ? new byte[size] : frames;
        }

        framed += new LogFrame(stream, at, unterminated, text.ToArray()).Write(frames.AsSpan(framed));
    }

    private void Say(string message)
    {
        Frame(LogStream.System, time.GetUtcNow(), unterminated: false, Encoding.UTF8.GetBytes(masker.Apply(message)));
        Flush();
    }

    private void Flush()
    {
        if (framed > 0)
        {
            file.Append(frames.AsSpan(0, framed));
            framed = 0;
        }
    }

    private void ShowBegun()
    {
        try
        {
            if (!turn.Wait(0))
            {
                return;
            }

            try
            {
                ShowBegun(output);
                ShowBegun(error);
                Flush();
            }
            finally
            {
                turn.Release();
            }
        }
        catch (Exception e) when (e is ObjectDisposedException or IOException)
        {
            // It has ended meanwhile; or the disk is full, which the next write says to those who can act.
        }
    }

    private void ShowBegun(Channel channel)
    {
        if (channel.Begun.WrittenCount > 0)
        {
            Frame(channel.Stream, channel.At, unterminated: true, channel.Begun.WrittenSpan);
            channel.Begun.ResetWrittenCount();
        }
    }

    private sealed class Channel(LogStream stream, Masker masker, int maxLine)
    {
        public LogStream Stream => stream;

        public MaskedStream Masked { get; } = masker.NewStream();

        public ArrayBufferWriter<byte> Safe { get; } = new();

        public ArrayBufferWriter<byte> Begun { get; } = new(Math.Min(maxLine, 4096));

        public DateTimeOffset At { get; set; }
    }
}
