using BuildRunner.Containers.Engine.Oci;
using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>The conversation with the waiter of one container: "go", output, checks, stop, and how the command ended.</summary>
/// <param name="spec">The container.</param>
/// <param name="channel">The connection to its waiter, which this one disposes.</param>
/// <param name="record">Where its output is kept beside the sink; null: nowhere.</param>
/// <param name="time">The clock.</param>
internal sealed class WaiterSession(ContainerSpec spec, WaiterChannel channel, OutputRecord? record, TimeProvider time) : IDisposable
{
    /// <summary>A waiter that was told to end the container and has not done so by then is ended with it.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>What a check answers if there is nothing left to check.</summary>
    public const int EndedStatus = -1;

    private readonly CancellationTokenSource gone = new();
    private readonly Dictionary<int, TaskCompletionSource<int>> checks = [];
    private readonly Lock gate = new();
    private InputPump? input;
    private int lastCheck;
    private bool ended;

    /// <summary>True: it was told to end and did not.</summary>
    public bool IsOverdue => gone.IsCancellationRequested;

    /// <summary>Hears the waiter's first word; false: it is gone before it was ready.</summary>
    public async Task<bool> IsReadyAsync(CancellationToken cancellationToken) => await channel.ReadAsync(cancellationToken) is { Kind: (byte)WaiterMessage.Ready };

    /// <summary>Who a user of the container's image is; null: the waiter is gone. To be called before "go".</summary>
    /// <exception cref="ContainerException">There is no such user.</exception>
    public async Task<(uint User, uint Group)?> FindUserAsync(string user)
    {
        await channel.SendAsync(Frame.Encode((byte)WaiterMessage.User, w => w.Write(user)));
        return await channel.ReadAsync(CancellationToken.None) switch
        {
            { Kind: (byte)WaiterMessage.User } known => UserAnswer.Decode(known) is var u ? (u.UserId, u.GroupId) : null,
            { Kind: (byte)WaiterMessage.Failed } refused => throw Failures.ToException(Failure.Decode(refused)),
            _ => null,
        };
    }

    /// <summary>Says "go".</summary>
    public Task GoAsync(WaiterStart start)
    {
        input = new InputPump((byte)WaiterMessage.Input, (byte)WaiterMessage.Resize, channel.SendAsync);
        return channel.SendAsync(start.Encode());
    }

    /// <summary>Hands input on until it ends or is cancelled.</summary>
    public Task FeedAsync(ContainerInput? given, CancellationToken cancellationToken) => given is null ? Task.CompletedTask : input!.FeedAsync(given.Events, cancellationToken);

    /// <summary>Delivers the output until no process of the container but the waiter is left; null: the waiter is gone, or overdue. To be called once.</summary>
    /// <exception cref="ContainerException">The command could not be started.</exception>
    public async Task<ExitReport?> WaitAsync(IOutputSink output)
    {
        try
        {
            while (await channel.ReadAsync(gone.Token) is { } frame)
            {
                switch ((WaiterMessage)frame.Kind)
                {
                    case WaiterMessage.Output when OutputChunk.TryRead(frame, out var piece):
                        await DeliverAsync(piece, frame.Payload[SpoolRecord.HeaderLength..], output);
                        break;
                    case WaiterMessage.Output:
                        return null;
                    case WaiterMessage.CheckDone:
                        Complete(CheckResult.Decode(frame));
                        break;
                    case WaiterMessage.InputTaken:
                        input?.Taken();
                        break;
                    case WaiterMessage.CommandFailed:
                        throw Failures.ToException(CommandFailure.Decode(frame), spec.Image.DisplayName);
                    case WaiterMessage.Failed:
                        throw Failures.ToException(Failure.Decode(frame));
                    case WaiterMessage.Exited:
                        if (record is not null)
                        {
                            await channel.SendAsync(record.End(time.GetUtcNow()).Encode());
                        }

                        return ExitReport.Decode(frame);
                    default:
                        break;
                }
            }
        }
        catch (OperationCanceledException) when (gone.IsCancellationRequested)
        {
            // It did not end in time.
        }
        finally
        {
            EndChecks();
        }

        return null;
    }

    // First it is stored: what is in the log is in the record too, whoever dies.
    private async ValueTask DeliverAsync(SpoolRecord piece, ReadOnlyMemory<byte> bytes, IOutputSink output)
    {
        var taken = record?.Add(piece, bytes.Span);
        var at = record is null ? time.GetUtcNow() : DateTimeOffset.UnixEpoch.AddMicroseconds(piece.UnixMicroseconds);
        await output.WriteAsync(piece.Stream == 2 ? OutputStream.Error : OutputStream.Out, bytes, at, CancellationToken.None);
        if (taken is { } acknowledged)
        {
            await channel.SendAsync(acknowledged.Encode());
        }
    }

    /// <summary>Asks the command to end; after its grace it is killed.</summary>
    public async Task StopAsync()
    {
        var grace = (int)Math.Min(spec.StopGrace.TotalMilliseconds, int.MaxValue);
        if (await channel.SendAsync(new StopRequest(Signals.Parse(spec.Image.Config.StopSignal), grace).Encode()))
        {
            gone.CancelAfter(Patience + spec.StopGrace);
        }
    }

    /// <summary>Lets the container live for so many milliseconds from now; the waiter keeps the time (promise G5).</summary>
    public Task ExtendAsync(long milliseconds) => channel.SendAsync(new ExtendRequest(milliseconds).Encode());

    /// <summary>Runs a command beside the container's own; its status, or <see cref="EndedStatus"/> if the container has ended.</summary>
    public async Task<int> CheckAsync(IReadOnlyList<string> arguments, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var done = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        int id;
        lock (gate)
        {
            if (ended)
            {
                return EndedStatus;
            }

            id = ++lastCheck;
            checks.Add(id, done);
        }

        var milliseconds = (int)Math.Clamp(timeout.TotalMilliseconds, 1, int.MaxValue);
        await channel.SendAsync(new CheckRequest(id, arguments, milliseconds).Encode((byte)WaiterMessage.Check));
        return await done.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Of one that only holds a connection: undoes what the last one that had it did to the name files that all share. False: it is gone.</summary>
    public async Task<bool> RestoreNamesAsync(CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Patience);
        return await channel.SendAsync(Frame.Encode((byte)WaiterMessage.RestoreNames, static _ => { })) && await IsReadyAsync(limit.Token);
    }

    /// <summary>Tells the container's <c>/etc/hosts</c> which names there are now.</summary>
    public Task SetHostsAsync(IReadOnlyList<string> lines) => channel.SendAsync(new HostLines(lines).Encode());

    /// <summary>Ends the connection: a waiter without a caller ends, and the container with it.</summary>
    public void Close() => channel.Dispose();

    public void Dispose()
    {
        channel.Dispose();
        gone.Dispose();
    }

    private void Complete(CheckResult result)
    {
        lock (gate)
        {
            if (checks.Remove(result.Id, out var done))
            {
                done.SetResult(result.Status);
            }
        }
    }

    private void EndChecks()
    {
        lock (gate)
        {
            ended = true;
            foreach (var check in checks.Values)
            {
                check.SetResult(EndedStatus);
            }

            checks.Clear();
        }
    }
}
