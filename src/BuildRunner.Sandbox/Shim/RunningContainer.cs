using BuildRunner.Sandbox.Group;
using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Wire;
using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Shim;

/// <summary>A created container: one thread moves its output, obeys its caller and watches its end.</summary>
internal sealed unsafe class RunningContainer : IDisposable
{
    private readonly PrepareRequest _request;
    private readonly ContainerFiles _files;
    private readonly ContainerUser _user;
    private readonly FrameChannel _caller;
    private readonly FrameChannel _init;
    private readonly Descriptor _socket;
    private readonly Descriptor[] _pipes;
    private readonly bool[] _pipeEnded = new bool[2];
    private readonly Descriptor _process;
    private readonly int _pid;
    private readonly Func<long> _outOfMemoryKills;
    private readonly DiskWatch _disk;
    private readonly Dictionary<int, long> _checks = [];
    private long _deadline = long.MaxValue;
    private long _killAt = long.MaxValue;
    private AssignedTask? _task;
    private bool _started;
    private long _leaseEnd = long.MaxValue;
    private bool _deadlinePassed;
    private bool _abandoned;
    private CommandFailure? _commandFailure;
    private ExitReport? _commandExit;

    private RunningContainer(PrepareRequest request, ContainerFiles files, ContainerUser user, FrameChannel caller, int pid, Descriptor socket, Descriptor[] pipes)
    {
        _request = request;
        _files = files;
        _user = user;
        _caller = caller;
        _pid = pid;
        _socket = socket;
        _init = new FrameChannel(socket, socket);
        _pipes = pipes;
        _process = Processes.OpenProcess(pid);
        _outOfMemoryKills = Cgroups.OfThisHost().OutOfMemoryKills(pid);
        _task = request.Task is { } task ? new AssignedTask(request.ContainerDirectory, task) : null;
        _disk = new DiskWatch(request.ScratchDirectory, request.DiskBytes);
        foreach (var pipe in pipes)
        {
            pipe.SetNonBlocking();
        }
    }

    /// <summary>Creates the container; null if the caller went away meanwhile.</summary>
    public static RunningContainer? Create(PrepareRequest request, ContainerFiles files, IContainerLauncher launcher, ContainerUser user, FrameChannel caller)
    {
        var (ours, theirs) = Descriptor.SocketPair();
        var (outRead, outWrite) = Descriptor.Pipe();
        var (errorRead, errorWrite) = Descriptor.Pipe();
        using (theirs)
        using (outWrite)
        using (errorWrite)
        {
            _ = ours.Write(RestrictRequest.Encode(request.Filter));
            var pid = launcher.Create(theirs, outWrite, errorWrite, caller.Input);
            foreach (var pipe in (Descriptor[])[outRead, errorRead])
            {
                // They are of root, the host's or the container's. They belong to the command's user, who may open /dev/stdout.
                _ = Libc.ChangeOwner(pipe.Number, request.FirstHostId + user.UserId, request.FirstHostId + user.GroupId);
            }

            return pid == 0 ? null : new RunningContainer(request, files, user, caller, pid, ours, [outRead, errorRead]);
        }
    }

    /// <summary>Serves the caller until every process of the container is dead, and tells it how the container ended.</summary>
    public void RunToItsEnd()
    {
        while (!Wait())
        {
        }

        _ = Processes.Wait(_pid);
        if (_task is not null)
        {
            DrainPipes(_task.Spool);
            _task.Spool.End();
        }

        var end = End();
        _task?.Record(end);
        if (_task?.Spool.LastAnnouncement() is { } range)
        {
            _caller.Write(range.Encode(ShimMessage.Output));
        }

        _caller.Write(end);
    }

    private byte[] End()
    {
        var report = (_commandExit ?? new ExitReport(-1, SignalKill, false, false)) with
        {
            OutOfMemory = _outOfMemoryKills() > 0,
            DeadlinePassed = _deadlinePassed,
            Abandoned = _abandoned && _commandExit is null,
            DiskBytes = _disk.LookNow() ? _request.DiskBytes : 0,
        };
        return _commandFailure?.Encode((byte)ShimMessage.CommandFailed) ?? report.Encode((byte)ShimMessage.Exited);
    }

    public void Dispose()
    {
        _socket.Dispose();
        _process.Dispose();
        _task?.Dispose();
        foreach (var pipe in _pipes)
        {
            pipe.Dispose();
        }
    }

    /// <summary>Waits for one event and handles it; true when the first process has ended.</summary>
    private bool Wait()
    {
        const int Caller = 0, Init = 1, Process = 2, Pipes = 3;
        var entries = stackalloc PollEntry[Pipes + 2];
        entries[Caller] = new PollEntry { Descriptor = _caller.Ended ? -1 : _caller.Input.Number, Events = PollIn };
        entries[Init] = new PollEntry { Descriptor = _init.Ended ? -1 : _socket.Number, Events = PollIn };
        entries[Process] = new PollEntry { Descriptor = _process.Number, Events = PollIn };
        for (var i = 0; i < 2; i++)
        {
            // Nothing writes to them before it is known what the container is for.
            entries[Pipes + i] = new PollEntry { Descriptor = _pipeEnded[i] || _task is null or { Spool.IsFull: true } ? -1 : _pipes[i].Number, Events = PollIn };
        }

        _ = Libc.Poll(entries, Pipes + 2, MillisecondsToNextLimit());
        for (var i = 0; i < 2; i++)
        {
            _pipeEnded[i] |= entries[Pipes + i].Returned != 0 && _task?.Spool.Take((byte)(i + 1), _pipes[i]) == 0;
        }

        if (entries[Init].Returned != 0)
        {
            HearInit();
        }

        if (entries[Caller].Returned != 0)
        {
            ObeyCaller();
        }

        EnforceLimits();
        Announce();
        return entries[Process].Returned != 0;
    }

    private void ObeyCaller()
    {
        if (!_caller.Fill())
        {
            _abandoned = true;
            Kill();
            return;
        }

        while (_caller.TryTake() is { } frame)
        {
            switch ((ShimMessage)frame.Kind)
            {
                case ShimMessage.Assign:
                    Assign(ContainerTask.Decode(frame));
                    break;
                case ShimMessage.Go when _task is not null:
                    Start(GoRequest.Decode(frame), _task.Task);
                    break;
                case ShimMessage.Stop:
                    Stop(StopRequest.Decode(frame));
                    break;
                case ShimMessage.Acknowledge:
                    _task?.Spool.Acknowledge(SpoolRange.Decode(frame).To);
                    break;
                case ShimMessage.Check:
                    var check = CheckRequest.Decode(frame);
                    _checks[check.Id] = Clock.Milliseconds() + check.TimeoutMilliseconds;
                    _init.Write(check.Encode((byte)InitMessage.Check));
                    break;
                case ShimMessage.Input:
                    _init.Write(Frame.Encode((byte)InitMessage.Input, w => w.Write(frame.Payload.Span)));
                    break;
                case ShimMessage.Resize:
                    _init.Write(ResizeRequest.Decode(frame).Encode((byte)InitMessage.Resize));
                    break;
                case ShimMessage.Extend:
                    _leaseEnd = Clock.Milliseconds() + ExtendRequest.Decode(frame).Milliseconds;
                    break;
                case ShimMessage.AddHost:
                    using (var reader = frame.Open())
                    {
                        _files.AddHost(reader.ReadString());
                    }

                    break;
                default:
                    break;
            }
        }
    }

    /// <summary>A container that was made ahead gets what it is for, once.</summary>
    private void Assign(ContainerTask task)
    {
        try
        {
            _task ??= new AssignedTask(_request.ContainerDirectory, task);
            _files.Put(task.Files, _user);
            _caller.Write(Frame.Encode((byte)ShimMessage.Assigned, static _ => { }));
        }
        catch (KernelException e)
        {
            // Another container is made for the task, and the record is that one's.
            _task?.Dispose();
            _task = null;
            _caller.Write(e.ToFailure().Encode());
            Kill();
        }
    }

    private void Start(GoRequest go, ContainerTask task)
    {
        _started = true;
        if (task.DeadlineMilliseconds > 0)
        {
            _deadline = Clock.Milliseconds() + task.DeadlineMilliseconds;
        }

        var hasHome = go.Environment.Any(v => v.StartsWith("HOME=", StringComparison.Ordinal));
        _init.Write(new StartRequest
        {
            Arguments = go.Arguments,
            Environment = hasHome ? go.Environment : [.. go.Environment, "HOME=" + _user.Home],
            WorkingDirectory = task.WorkingDirectory,
            UserId = _user.UserId,
            GroupId = _user.GroupId,
            Groups = _user.Groups,
            Input = go.Input,
        }.Encode());
    }

    private void Stop(StopRequest stop)
    {
        if (!_started)
        {
            Kill();
            return;
        }

        _init.Write(Frame.Encode((byte)InitMessage.Signal, w => w.Write(stop.Signal)));
        _killAt = Math.Min(_killAt, Clock.Milliseconds() + stop.GraceMilliseconds);
    }

    /// <summary>What the init says comes from inside the container: it is bounded, and nonsense ends the container.</summary>
    private void HearInit()
    {
        try
        {
            _init.Fill();
            while (_init.TryTake() is { } frame)
            {
                switch ((InitMessage)frame.Kind)
                {
                    case InitMessage.Ready:
                        _caller.Write(Frame.Encode((byte)ShimMessage.Prepared, static _ => { }));
                        break;
                    case InitMessage.CommandFailed:
                        _commandFailure = CommandFailure.Decode(frame);
                        break;
                    case InitMessage.Exited:
                        _commandExit = ExitReport.Decode(frame);
                        break;
                    case InitMessage.InputTaken:
                        _caller.Write(Frame.Encode((byte)ShimMessage.InputTaken, static _ => { }));
                        break;
                    case InitMessage.CheckDone:
                        var check = CheckResult.Decode(frame);
                        _checks.Remove(check.Id);
                        _caller.Write(check.Encode((byte)ShimMessage.CheckDone));
                        break;
                    default:
                        break;
                }
            }
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            Kill();
        }
    }

    private void EnforceLimits()
    {
        var now = Clock.Milliseconds();
        _disk.Look(now);
        if (now >= _deadline)
        {
            _deadline = long.MaxValue;
            _deadlinePassed = true;
            Stop(new StopRequest(_request.StopSignal, _request.GraceMilliseconds));
        }

        if (now >= _leaseEnd)
        {
            _leaseEnd = long.MaxValue;
            _abandoned = true;
            Kill();
        }

        if (now >= _killAt)
        {
            Kill();
        }

        foreach (var (id, _) in _checks.Where(c => now >= c.Value).ToList())
        {
            _checks[id] = long.MaxValue;
            _init.Write(new CheckRequest(id, [], 0).Encode((byte)InitMessage.Check));
        }
    }

    private int MillisecondsToNextLimit()
    {
        var next = Math.Min(Math.Min(Math.Min(_deadline, _killAt), _leaseEnd), _disk.Next);
        foreach (var check in _checks.Values)
        {
            next = Math.Min(next, check);
        }

        return next == long.MaxValue ? -1 : (int)Math.Clamp(next - Clock.Milliseconds(), 0, int.MaxValue);
    }

    /// <summary>The first process of a process namespace takes all others with it.</summary>
    private void Kill()
    {
        _killAt = long.MaxValue;
        _ = Processes.Signal(_process, SignalKill);
    }

    /// <summary>
    /// Takes what dead processes left in the pipes. Not to their end, and no more than a pipe holds: a process elsewhere may have been given
    /// the other end, and write on.
    /// </summary>
    private void DrainPipes(OutputSpool spool)
    {
        for (var i = 0; i < 2; i++)
        {
            for (var left = _pipes[i].PipeSize; left > 0 && !_pipeEnded[i];)
            {
                var count = spool.Take((byte)(i + 1), _pipes[i]);
                _pipeEnded[i] = count <= 0;
                left -= count;
            }
        }
    }

    private void Announce()
    {
        if (_task?.Spool.NextAnnouncement() is { } range)
        {
            _caller.Write(range.Encode(ShimMessage.Output));
        }
    }
}
