using BuildRunner.Sandbox.Init;
using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Shim;
using BuildRunner.Sandbox.Wire;
using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Waiter;

/// <summary>One thread that moves output, obeys the caller and watches the command.</summary>
internal sealed unsafe class WaiterLoop(CallerChannel caller)
{
    /// <summary>How long processes that were killed may take to be gone.</summary>
    private const int ReapMilliseconds = 5000;

    private readonly Children _children = new();
    private readonly HostsFile _hosts = new();
    private readonly Dictionary<int, (int Id, long Limit)> _checks = [];
    private readonly Descriptor[] _pipes = new Descriptor[2];
    private StartRequest? _command;
    private WaiterInput? _input;
    private WaiterStart? _start;
    private int _pid;
    private int? _status;
    private bool _allDead;
    private bool _deadlinePassed;
    private bool _abandoned;
    private long _deadline = long.MaxValue;
    private long _killAt = long.MaxValue;
    private long _leaseEnd = long.MaxValue;
    private long _reapUntil = long.MaxValue;

    /// <summary>Serves until the command has ended and everything is told; the exit code of this process.</summary>
    public int Run()
    {
        caller.Send(Frame.Encode((byte)WaiterMessage.Ready, static _ => { }));
        while (!_allDead && !caller.IsGone)
        {
            WaitForOne();
            EnforceLimits();
        }

        if (!caller.IsGone && _status is { } status)
        {
            DrainPipes();
            var report = WaitStatus.ToReport(status) with { OutOfMemory = OutOfMemory.Happened(), DeadlinePassed = _deadlinePassed, Abandoned = _abandoned };
            caller.Send(report.Encode((byte)WaiterMessage.Exited));
            caller.WaitUntil(() => caller.IsSettled);
        }

        if (caller.IsGone && caller.HasRecord && _start is not null)
        {
            KillAll();
            caller.EndRecord(_pipes);
        }

        return caller.IsGone || _status is null ? 1 : 0;
    }

    /// <summary>The caller is gone: what runs for it ends now, and is waited for, so that nothing more is written.</summary>
    private void KillAll()
    {
        _ = Libc.Kill(-1, SignalKill);
        var until = Clock.Milliseconds() + ReapMilliseconds;
        while (!_allDead && Clock.Milliseconds() is var now && now < until)
        {
            var ends = new PollEntry { Descriptor = _children.Ends, Events = PollIn };
            if (Libc.Poll(&ends, 1, (int)(until - now)) > 0)
            {
                Bury();
            }
        }
    }

    private void WaitForOne()
    {
        const int Caller = 0, Ends = 1, Pipes = 2, Input = 4;
        var entries = stackalloc PollEntry[Input + 1];
        entries[Caller] = new PollEntry { Descriptor = caller.Input, Events = PollIn };
        if (caller.IsFull)
        {
            // One descriptor for both directions, or two: the entry of the first pipe is free while nothing may be read from it.
            entries[Pipes] = new PollEntry { Descriptor = caller.Output, Events = PollOut };
            entries[Pipes + 1] = new PollEntry { Descriptor = -1 };
        }
        else
        {
            for (var i = 0; i < 2; i++)
            {
                entries[Pipes + i] = new PollEntry { Descriptor = caller.HasRoom ? _pipes[i]?.Number ?? -1 : -1, Events = PollIn };
            }
        }

        entries[Ends] = new PollEntry { Descriptor = _children.Ends, Events = PollIn };
        entries[Input] = new PollEntry { Descriptor = _input?.Waiting ?? -1, Events = PollOut };
        var full = caller.IsFull;
        _ = Libc.Poll(entries, Input + 1, MillisecondsToNextLimit());
        if (full)
        {
            caller.Push();
        }

        for (var i = 0; i < 2 && !full; i++)
        {
            if (entries[Pipes + i].Returned != 0 && caller.HasRoom)
            {
                _ = caller.SendOutput((byte)(i + 1), _pipes[i]);
            }
        }

        if (entries[Input].Returned != 0)
        {
            HandInputOn();
        }

        if (entries[Caller].Returned != 0)
        {
            Obey();
        }

        if (entries[Ends].Returned != 0)
        {
            Bury();
        }
    }

    private void Obey()
    {
        caller.Fill();
        while (caller.TryTake() is { } frame)
        {
            switch ((WaiterMessage)frame.Kind)
            {
                case WaiterMessage.User:
                    using (var reader = frame.Open())
                    {
                        var user = ContainerUser.Find("/", reader.ReadString());
                        caller.Send(new UserAnswer(user.UserId, user.GroupId).Encode());
                    }

                    break;
                case WaiterMessage.Start when _start is null:
                    Start(WaiterStart.Decode(frame));
                    break;
                case WaiterMessage.Stop:
                    Stop(StopRequest.Decode(frame));
                    break;
                case WaiterMessage.Input when _input is not null:
                    using (var reader = frame.Open())
                    {
                        _input.Add(reader.ReadBytes(frame.Payload.Length));
                    }

                    HandInputOn();
                    break;
                case WaiterMessage.Resize:
                    _input?.Resize(ResizeRequest.Decode(frame));
                    break;
                case WaiterMessage.Extend:
                    _leaseEnd = Clock.Milliseconds() + ExtendRequest.Decode(frame).Milliseconds;
                    break;
                case WaiterMessage.Check when _command is not null:
                    Check(_command, CheckRequest.Decode(frame));
                    break;
                case WaiterMessage.RestoreNames when _start is null:
                    _hosts.Restore();
                    caller.Send(Frame.Encode((byte)WaiterMessage.Ready, static _ => { }));
                    break;
                case WaiterMessage.SetHosts:
                    _hosts.Replace(HostLines.Decode(frame).Lines);
                    break;
                default:
                    break;
            }
        }
    }

    private void Start(WaiterStart start)
    {
        _start = start;
        _hosts.Replace(start.Hosts);
        if (start.ResolvConf.Length > 0)
        {
            _ = HostsFile.Overwrite("/etc/resolv.conf", start.ResolvConf);
        }

        var user = ContainerUser.Find("/", start.User);
        foreach (var file in start.Files)
        {
            var mode = file.Executable ? 0x16Du : 0x124u;
            Files.Write($"{start.FilesDirectory}/{file.Name}", file.Content, file.ForUserOnly ? mode & 0x1C0 : mode, file.ForUserOnly ? user.UserId : 0);
        }

        ContainerInit.MakeWorkingDirectory(start.WorkingDirectory);
        _input = start.Input.IsOpen ? WaiterInput.Create(start.Input, user.UserId) : null;
        if (_input?.Terminal is { } terminal)
        {
            terminal.Master.SetNonBlocking();
            _pipes[0] = terminal.Master;
        }
        else
        {
            MakePipes(user);
        }

        var hasHome = start.Environment.Any(v => v.StartsWith("HOME=", StringComparison.Ordinal));
        _command = new StartRequest
        {
            Arguments = start.Arguments,
            Environment = hasHome ? start.Environment : [.. start.Environment, "HOME=" + user.Home],
            WorkingDirectory = start.WorkingDirectory,
            UserId = user.UserId,
            GroupId = user.GroupId,
            Groups = user.Groups,
        };
        var (pid, failure) = CommandLauncher.Start(_command, _input?.Streams ?? CommandStreams.Output);
        _input?.Begin();
        if (failure is not null)
        {
            caller.Send(failure.Encode((byte)WaiterMessage.CommandFailed));
            caller.Flush();
            _allDead = true;
            return;
        }

        _pid = pid;
        _deadline = start.DeadlineMilliseconds > 0 ? Clock.Milliseconds() + start.DeadlineMilliseconds : long.MaxValue;
        _children.Watch();
    }

    /// <summary>The command's standard output and error. They belong to its user, who may open <c>/dev/stdout</c>.</summary>
    private void MakePipes(ContainerUser user)
    {
        for (var i = 0; i < 2; i++)
        {
            var (read, write) = Descriptor.Pipe();
            _ = Libc.ChangeOwner(write.Number, user.UserId, user.GroupId);
            KernelException.Check(Libc.Duplicate(write.Number, i + 1), "make a standard stream");
            write.Dispose();
            read.SetNonBlocking();
            _pipes[i] = read;
        }
    }

    private void HandInputOn()
    {
        if (_input!.HandOn())
        {
            caller.Send(Frame.Encode((byte)WaiterMessage.InputTaken, static _ => { }));
        }
    }

    private void Stop(StopRequest stop)
    {
        if (_start is null)
        {
            _allDead = true;
            return;
        }

        _ = Libc.Kill(-1, stop.Signal);
        _killAt = Math.Min(_killAt, Clock.Milliseconds() + stop.GraceMilliseconds);
    }

    private void Check(StartRequest command, CheckRequest check)
    {
        var (pid, failure) = CommandLauncher.Start(command with { Arguments = check.Arguments }, CommandStreams.None);
        if (failure is null)
        {
            _checks.Add(pid, (check.Id, Clock.Milliseconds() + check.TimeoutMilliseconds));
        }
        else
        {
            caller.Send(new CheckResult(check.Id, 127).Encode((byte)WaiterMessage.CheckDone));
        }
    }

    /// <summary>A process has ended: the command, a check, or one that nobody asks about.</summary>
    private void Bury()
    {
        var (pid, status) = _children.Take();
        if (pid == 0)
        {
            _allDead = true;
        }
        else if (pid == _pid)
        {
            _status = status;
            _ = Libc.Kill(-1, SignalKill);
            _reapUntil = Clock.Milliseconds() + ReapMilliseconds;
        }
        else if (_checks.Remove(pid, out var check))
        {
            var report = WaitStatus.ToReport(status);
            caller.Send(new CheckResult(check.Id, report.Signal > 0 ? 128 + report.Signal : report.Code).Encode((byte)WaiterMessage.CheckDone));
        }
    }

    private void EnforceLimits()
    {
        var now = Clock.Milliseconds();
        if (now >= _deadline && _start is not null)
        {
            _deadline = long.MaxValue;
            _deadlinePassed = true;
            Stop(new StopRequest(_start.StopSignal, _start.GraceMilliseconds));
        }

        if (now >= _leaseEnd)
        {
            // Nobody has renewed it: its caller stands still, or has lost the work.
            _leaseEnd = long.MaxValue;
            _abandoned = true;
            _allDead |= _start is null;
            _killAt = now;
        }

        if (now >= _killAt)
        {
            _killAt = long.MaxValue;
            _ = Libc.Kill(-1, SignalKill);
        }

        foreach (var (pid, check) in _checks.Where(c => now >= c.Value.Limit).ToList())
        {
            _checks[pid] = (check.Id, long.MaxValue);
            _ = Libc.Kill(-pid, SignalKill);
        }

        _allDead |= now >= _reapUntil;
    }

    private int MillisecondsToNextLimit()
    {
        var next = Math.Min(Math.Min(_deadline, _killAt), Math.Min(_reapUntil, _leaseEnd));
        foreach (var (_, limit) in _checks.Values)
        {
            next = Math.Min(next, limit);
        }

        return next == long.MaxValue ? -1 : (int)Math.Clamp(next - Clock.Milliseconds(), 0, int.MaxValue);
    }

    private void DrainPipes()
    {
        for (var i = 0; i < 2 && _pipes[i] is not null; i++)
        {
            do
            {
                caller.WaitUntil(() => caller.HasRoom);
            }
            while (!caller.IsGone && caller.SendOutput((byte)(i + 1), _pipes[i]) > 0);
        }
    }
}
