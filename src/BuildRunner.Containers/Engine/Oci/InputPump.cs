using System.Threading.Channels;
using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>Hands a container's input on, one piece at a time: the next is sent when the command's side has taken the one before.</summary>
/// <param name="input">The conversation's number for input.</param>
/// <param name="resize">The conversation's number for a new size of the terminal.</param>
/// <param name="send">Sends a message; false if the other side is gone.</param>
internal sealed class InputPump(byte input, byte resize, Func<byte[], Task<bool>> send)
{
    private TaskCompletionSource taken = Done();

    /// <summary>The other side has taken what was sent.</summary>
    public void Taken() => taken.TrySetResult();

    /// <summary>Hands on until the events end, or this is given up.</summary>
    public async Task FeedAsync(ChannelReader<InputEvent> events, CancellationToken cancellationToken)
    {
        await foreach (var happened in events.ReadAllAsync(cancellationToken))
        {
            switch (happened)
            {
                case InputEvent.Bytes(var content):
                    for (var at = 0; at < content.Length; at += InputChunk.MaximumLength)
                    {
                        await SendAsync(content.Slice(at, Math.Min(InputChunk.MaximumLength, content.Length - at)), cancellationToken);
                    }

                    break;
                case InputEvent.Resized(var size):
                    await send(new ResizeRequest(Clamp(size.Columns), Clamp(size.Rows)).Encode(resize));
                    break;
                case InputEvent.End:
                    await SendAsync(ReadOnlyMemory<byte>.Empty, cancellationToken);
                    return;
            }
        }
    }

    /// <summary>What a command is told about its input.</summary>
    public static InputKind KindOf(ContainerInput? input) =>
        input is null ? InputKind.None : new InputKind(true, Clamp(input.Terminal?.Columns ?? 0), Clamp(input.Terminal?.Rows ?? 0));

    private async Task SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        await taken.Task.WaitAsync(cancellationToken);
        taken = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await send(InputChunk.Encode(input, bytes));
    }

    private static TaskCompletionSource Done()
    {
        var done = new TaskCompletionSource();
        done.SetResult();
        return done;
    }

    private static ushort Clamp(int number) => (ushort)Math.Clamp(number, 0, ushort.MaxValue);
}
