using System.Collections.Concurrent;
using System.Threading.Channels;
using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>Talks to a container's shim.</summary>
internal sealed class ShimClient : IAsyncDisposable
{
    private static readonly TimeSpan RemovalLimit = TimeSpan.FromMinutes(5);

    private readonly SandboxProcess _process;
    private readonly PrepareRequest _request;
    private string _imageName;
    private readonly TaskCompletionSource _prepared = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _assigned = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<ExitReport> _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ConcurrentDictionary<int, TaskCompletionSource<int>> _checks = new();
    private readonly InputPump _input;
    private readonly Task _listening;
    private ContainerTask? _task;
    private SpoolReader? _output;
    private int _nextCheck;

    private ShimClient(SandboxProcess process, PrepareRequest request, string imageName)
    {
        _process = process;
        _request = request;
        _task = request.Task;
        _imageName = imageName;
        _input = new InputPump((byte)ShimMessage.Input, (byte)ShimMessage.Resize, frame => _process.SendAsync(frame, CancellationToken.None));
        _listening = ListenAsync();
    }

    /// <summary>Completes when every process of the container is dead and its output delivered.</summary>
    public Task<ExitReport> Exited => _exited.Task;

    /// <summary>True: the container is dead, or nobody is there to guard it.</summary>
    public bool HasEnded => _exited.Task.IsCompleted || _process.HasEnded;

    /// <summary>Has a shim prepare the container.</summary>
    /// <param name="process">A shim that has no container yet; it is disposed with the result, or if this fails.</param>
    /// <param name="request">The container.</param>
    /// <param name="imageName">Its image, for messages.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<ShimClient> PrepareAsync(SandboxProcess process, PrepareRequest request, string imageName, CancellationToken cancellationToken)
    {
        var client = new ShimClient(process, request, imageName);
        try
        {
            await process.SendAsync(request.Encode(), cancellationToken);
            await client._prepared.Task.WaitAsync(cancellationToken);
            return client;
        }
        catch
        {
            // Not prepared, or given up: nobody else can end it.
            await client.DisposeAsync();
            throw;
        }
    }

    /// <summary>Tells a container that was made ahead what it is for; once.</summary>
    /// <param name="task">What it is for.</param>
    /// <param name="imageName">Its image, for messages: as it is named by who has it now.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ContainerException">It is gone, or cannot keep what it should.</exception>
    public async Task AssignAsync(ContainerTask task, string imageName, CancellationToken cancellationToken)
    {
        (_task, _imageName) = (task, imageName);
        await _process.SendAsync(task.Encode(), CancellationToken.None);
        await Task.WhenAny(_assigned.Task, _exited.Task).WaitAsync(cancellationToken);
        if (!_assigned.Task.IsCompleted)
        {
            // A shim whose container may be kept stays when that is dead, and answers nothing.
            throw new ContainerException(ContainerFailure.Lost, $"The container {_request.ContainerId} had ended before it was told what it is for.", isTransient: true);
        }

        await _assigned.Task;
    }

    /// <summary>Starts the command.</summary>
    public async Task GoAsync(GoRequest go, IOutputSink output)
    {
        var task = _task ?? throw new InvalidOperationException($"The container {_request.ContainerId} was not told what it is for.");
        _output = new SpoolReader(task.Spool(_request.ContainerDirectory), output, SpoolCipher.Of(task.RecordKey));
        await _process.SendAsync(go.Encode(), CancellationToken.None);
    }

    /// <summary>Hands input on until it ends, is given up, or the container has ended. What a command does not read is not fetched.</summary>
    public Task FeedAsync(ChannelReader<InputEvent> events, CancellationToken cancellationToken) => _input.FeedAsync(events, cancellationToken);

    /// <summary>Has what the container changed moved, in place of being removed; when the shim has ended it is there.</summary>
    public Task KeepAsync(string target) => _process.SendAsync(Frame.Encode((byte)ShimMessage.Keep, w => w.Write(target)), CancellationToken.None);

    public Task StopAsync() => _process.SendAsync(new StopRequest(_request.StopSignal, _request.GraceMilliseconds).Encode(), CancellationToken.None);

    /// <summary>Lets the container live this long from now, and no longer without being told again.</summary>
    public Task ExtendAsync(TimeSpan time) => _process.SendAsync(new ExtendRequest((long)time.TotalMilliseconds).Encode(), CancellationToken.None);

    public Task AddHostAsync(string line) => _process.SendAsync(Frame.Encode((byte)ShimMessage.AddHost, w => w.Write(line)), CancellationToken.None);

    /// <summary>Runs a command in the container; its status, as a shell shows it.</summary>
    public async Task<int> CheckAsync(IReadOnlyList<string> arguments, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var id = Interlocked.Increment(ref _nextCheck);
        var done = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        _checks[id] = done;
        try
        {
            await _process.SendAsync(new CheckRequest(id, arguments, (int)timeout.TotalMilliseconds).Encode((byte)ShimMessage.Check), cancellationToken);
            await Task.WhenAny(done.Task, _exited.Task).WaitAsync(cancellationToken);
            return done.Task.IsCompleted ? await done.Task : EndedStatus;
        }
        finally
        {
            _checks.TryRemove(id, out _);
        }
    }

    /// <summary>What <see cref="CheckAsync"/> returns if the container has ended.</summary>
    public const int EndedStatus = -1;

    /// <summary>Ends the container if it lives, and waits until the shim has removed everything.</summary>
    public async ValueTask DisposeAsync()
    {
        await _process.HangUpAsync();
        await _process.WaitForExitAsync(RemovalLimit);
        await _listening;
        await _process.DisposeAsync();
        _output?.Dispose();
    }

    private async Task ListenAsync()
    {
        try
        {
            while (await _process.ReceiveAsync() is { } frame)
            {
                await HandleAsync(frame);
            }

            Fail(new ContainerException(ContainerFailure.Lost, $"The process beside the container {_request.ContainerId} has ended unexpectedly.", isTransient: true));
        }
        catch (Exception e)
        {
            // Whoever waits for the container gets what went wrong, most likely in its sink; the container does not go on unheard.
            Fail(e);
            await _process.HangUpAsync();
        }
    }

    private async Task HandleAsync(Frame frame)
    {
        switch ((ShimMessage)frame.Kind)
        {
            case ShimMessage.Prepared:
                _prepared.TrySetResult();
                break;
            case ShimMessage.Assigned:
                _assigned.TrySetResult();
                break;
            case ShimMessage.Output when _output is not null:
                var range = SpoolRange.Decode(frame);
                await _output.DeliverAsync(range, CancellationToken.None);
                await _process.SendAsync(range.Encode(ShimMessage.Acknowledge), CancellationToken.None);
                break;
            case ShimMessage.Exited:
                _exited.TrySetResult(ExitReport.Decode(frame));
                break;
            case ShimMessage.CommandFailed:
                Fail(Failures.ToException(CommandFailure.Decode(frame), _imageName));
                break;
            case ShimMessage.CheckDone:
                var check = CheckResult.Decode(frame);
                if (_checks.TryGetValue(check.Id, out var done))
                {
                    done.TrySetResult(check.Status);
                }

                break;
            case ShimMessage.InputTaken:
                _input.Taken();
                break;
            case ShimMessage.Failed:
                Fail(Failures.ToException(Failure.Decode(frame)));
                break;
            default:
                break;
        }
    }

    private void Fail(Exception exception)
    {
        _prepared.TrySetException(exception);
        _assigned.TrySetException(exception);
        _exited.TrySetException(exception);

        // Somebody may wait for only one of them.
        _ = _prepared.Task.Exception;
        _ = _assigned.Task.Exception;
        _ = _exited.Task.Exception;
    }
}
