using System.Buffers;
using System.Text;
using BuildRunner.Containers.Engine;

namespace BuildRunner.Testing.Engine;

/// <summary>Keeps what a container wrote.</summary>
public sealed class OutputRecorder : IOutputSink
{
    private readonly ArrayBufferWriter<byte> _out = new();
    private readonly ArrayBufferWriter<byte> _error = new();
    private readonly Lock _lock = new();
    private readonly List<(Func<string, bool> Condition, TaskCompletionSource Met)> _waiters = [];

    /// <summary>Standard output so far.</summary>
    public string Out => Read(_out);

    /// <summary>Standard error so far.</summary>
    public string Error => Read(_error);

    public ValueTask WriteAsync(OutputStream stream, ReadOnlyMemory<byte> bytes, DateTimeOffset at, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            (stream == OutputStream.Out ? _out : _error).Write(bytes.Span);
            var text = Encoding.UTF8.GetString(_out.WrittenSpan);
            foreach (var (_, met) in _waiters.Where(w => w.Condition(text)).ToList())
            {
                met.TrySetResult();
            }
        }

        return ValueTask.CompletedTask;
    }

    /// <summary>Waits until standard output contains a text.</summary>
    public Task Contains(string text)
    {
        var met = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (Encoding.UTF8.GetString(_out.WrittenSpan).Contains(text, StringComparison.Ordinal))
            {
                met.SetResult();
            }

            _waiters.Add((t => t.Contains(text, StringComparison.Ordinal), met));
        }

        return met.Task.WaitAsync(TimeSpan.FromSeconds(30));
    }

    private string Read(ArrayBufferWriter<byte> stream)
    {
        lock (_lock)
        {
            return Encoding.UTF8.GetString(stream.WrittenSpan);
        }
    }
}
