using System.Text;
using BuildRunner.Containers.Engine;

namespace BuildRunner.Containers.Tests.Engine.Docker;

/// <summary>Keeps what a container wrote.</summary>
internal sealed class Recording : IOutputSink
{
    private readonly MemoryStream[] streams = [new(), new()];
    private readonly TaskCompletionSource first = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string Out => Text(0);

    public string Error => Text(1);

    /// <summary>Completes with the first byte.</summary>
    public Task First => first.Task;

    public ValueTask WriteAsync(OutputStream stream, ReadOnlyMemory<byte> bytes, DateTimeOffset at, CancellationToken cancellationToken)
    {
        lock (streams)
        {
            streams[(int)stream - 1].Write(bytes.Span);
        }

        first.TrySetResult();
        return ValueTask.CompletedTask;
    }

    private string Text(int index)
    {
        lock (streams)
        {
            return Encoding.UTF8.GetString(streams[index].ToArray());
        }
    }
}
