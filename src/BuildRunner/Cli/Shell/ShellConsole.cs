using System.Runtime.InteropServices;
using System.Threading.Channels;
using BuildRunner.Containers.Engine;

namespace BuildRunner.Cli.Shell;

/// <summary>Connects a command in a container with the person or program at this process's standard streams.</summary>
internal sealed class ShellConsole(CliHost host)
{
    private const int PollMilliseconds = 50;

    /// <summary>True: a person sits at a terminal.</summary>
    public bool IsInteractive => host.Terminal is { InputIsTerminal: true, OutputIsTerminal: true };

    /// <summary>Runs a command with these streams; returns how it ended.</summary>
    /// <param name="run">Runs it with an input, an output and a stop.</param>
    /// <param name="stop">Ends it.</param>
    public async Task<ContainerExit> RunAsync(Func<ContainerInput, IOutputSink, CancellationToken, Task<ContainerExit>> run, CancellationToken stop)
    {
        var events = Channel.CreateBounded<InputEvent>(new BoundedChannelOptions(16) { SingleReader = true });
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var input = new ContainerInput(events.Reader, IsInteractive ? Size() : null);
        using var output = new StreamSink(host.Output, host.Error);
        if (!IsInteractive)
        {
            var copying = CopyAsync(host.Input, events.Writer, ended.Token);
            return await EndAsync(run(input, output, stop), ended, copying);
        }

        using var raw = RawTerminal.Enter();
        using var resized = PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => events.Writer.TryWrite(new InputEvent.Resized(Size())));
        var typing = Task.Factory.StartNew(() => Type(events.Writer, ended.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        return await EndAsync(run(input, output, stop), ended, typing);
    }

    private TerminalSize Size() => RawTerminal.Size() ?? new TerminalSize(host.Terminal.Width(), host.Terminal.Height());

    private static async Task<ContainerExit> EndAsync(Task<ContainerExit> command, CancellationTokenSource ended, Task input)
    {
        try
        {
            return await command;
        }
        finally
        {
            await ended.CancelAsync();

            // A pipe that nobody writes to cannot be given up; only a terminal's reader is waited for.
            await Task.WhenAny(input, Task.Delay(TimeSpan.FromMilliseconds(10 * PollMilliseconds), CancellationToken.None));
        }
    }

    private static void Type(ChannelWriter<InputEvent> events, CancellationToken ended)
    {
        var buffer = new byte[4096];
        while (!ended.IsCancellationRequested)
        {
            var count = RawTerminal.Read(buffer, PollMilliseconds);
            InputEvent? happened = count > 0 ? new InputEvent.Bytes(buffer.AsSpan(0, count).ToArray()) : count < 0 ? new InputEvent.End() : null;
            while (happened is not null && !events.TryWrite(happened) && !ended.WaitHandle.WaitOne(PollMilliseconds))
            {
            }

            if (count < 0)
            {
                return;
            }
        }
    }

    private static async Task CopyAsync(Stream from, ChannelWriter<InputEvent> events, CancellationToken ended)
    {
        try
        {
            var buffer = new byte[32 * 1024];
            int count;
            while ((count = await from.ReadAsync(buffer, ended)) > 0)
            {
                await events.WriteAsync(new InputEvent.Bytes(buffer.AsSpan(0, count).ToArray()), ended);
            }

            await events.WriteAsync(new InputEvent.End(), ended);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // The command has ended, or whoever wrote has gone: nothing more comes either way.
        }
    }

    private sealed class StreamSink(Stream output, Stream error) : IOutputSink, IDisposable
    {
        private readonly SemaphoreSlim turn = new(1, 1);

        public async ValueTask WriteAsync(OutputStream stream, ReadOnlyMemory<byte> bytes, DateTimeOffset at, CancellationToken cancellationToken)
        {
            await turn.WaitAsync(cancellationToken);
            try
            {
                var target = stream == OutputStream.Out ? output : error;
                await target.WriteAsync(bytes, cancellationToken);
                await target.FlushAsync(cancellationToken);
            }
            catch (IOException)
            {
                // Whoever read has gone; the command goes on, as its output would in a run.
            }
            finally
            {
                turn.Release();
            }
        }

        public void Dispose() => turn.Dispose();
    }
}
