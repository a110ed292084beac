using System.Runtime.InteropServices;
using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Sandbox.Init;

/// <summary>The first process of a container: starts the command when told to, reaps orphans, passes signals on, reports the end.</summary>
/// <remarks>
/// Its standard input is a socket to the shim. When that ends, the shim is gone, and so is the container: the kernel kills every process of
/// a process namespace whose first one ends. One thread talks to the shim, the other waits for children.
/// </remarks>
internal sealed unsafe class ContainerInit
{
    private readonly FrameChannel _shim;
    private readonly Lock _lock = new();
    private readonly Dictionary<int, int> _checks = [];
    private readonly TaskCompletionSource _hasChild = new();
    private readonly int _landlock;
    private StartRequest? _start;
    private CommandInput? _input;
    private int _command;

    private ContainerInit(int landlock)
    {
        _landlock = landlock;
        var socket = new Descriptor(0);
        _shim = new FrameChannel(socket, socket);
    }

    /// <summary>The verb <c>init</c>.</summary>
    public static int Run()
    {
        // Nothing in the container may look into this process or stop it with a debugger.
        _ = Libc.ProcessControl(Constants.SetDumpable, 0, 0, 0, 0);
        var init = new ContainerInit(Landlock.KeepWithin());
        new Thread(init.Listen, maxStackSize: 256 * 1024) { IsBackground = true }.Start();
        init.WaitForChildren();
        return 0;
    }

    private void Listen()
    {
        try
        {
            Restrict();
            _shim.Write(Frame.Encode((byte)InitMessage.Ready, static _ => { }));
            while (_shim.Read() is { } frame)
            {
                Handle(frame);
            }
        }
        catch (Exception e) when (e is KernelException or IOException or InvalidDataException)
        {
            Console.Error.WriteLine($"buildrunner init: {e.Message}");
        }

        End(1);
    }

    /// <summary>Nothing of the image has run yet, and nothing will without the filter.</summary>
    private void Restrict()
    {
        if (_shim.Read() is not { Kind: (byte)InitMessage.Restrict } first)
        {
            End(1);
            return;
        }

        var filter = CallFilter.PutInForce(RestrictRequest.Decode(first));
        if (_landlock != 0 || filter != 0)
        {
            var failure = _landlock != 0 ? new CommandFailure(CommandStage.Landlock, _landlock, "") : new CommandFailure(CommandStage.Filter, filter, "");
            _shim.Write(failure.Encode((byte)InitMessage.CommandFailed));
            End(1);
        }
    }

    private void Handle(Frame frame)
    {
        switch ((InitMessage)frame.Kind)
        {
            case InitMessage.Start when _start is null:
                StartCommand(StartRequest.Decode(frame));
                break;
            case InitMessage.Signal:
                using (var reader = frame.Open())
                {
                    _ = Libc.Kill(-1, reader.ReadInt32());
                }

                break;
            case InitMessage.Input:
                using (var reader = frame.Open())
                {
                    _input?.Add(reader.ReadBytes(frame.Payload.Length));
                }

                break;
            case InitMessage.Resize:
                _input?.Resize(ResizeRequest.Decode(frame));
                break;
            case InitMessage.Check when _start is not null:
                Check(_start, CheckRequest.Decode(frame));
                break;
            default:
                break;
        }
    }

    private void StartCommand(StartRequest start)
    {
        _start = start;
        MakeWorkingDirectory(start.WorkingDirectory);
        lock (_lock)
        {
            _input = start.Input.IsOpen ? CommandInput.Create(start.Input, start.UserId, Taken) : null;
            var (pid, failure) = CommandLauncher.Start(start, _input?.Streams ?? CommandStreams.Output);
            if (failure is not null)
            {
                _shim.Write(failure.Encode((byte)InitMessage.CommandFailed));
                End(0);
            }

            _command = pid;
        }

        _input?.Begin();

        _hasChild.SetResult();
    }

    /// <summary>As other engines do, a working directory that the image lacks is made.</summary>
    internal static void MakeWorkingDirectory(string path)
    {
        if (!Files.Exists(path))
        {
            try
            {
                Directory.CreateDirectory(path);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // The command's own attempt to enter it reports the error.
            }
        }
    }

    private void Check(StartRequest start, CheckRequest check)
    {
        lock (_lock)
        {
            if (check.Arguments.Count == 0)
            {
                // No command: the time for this check is over.
                var late = _checks.FirstOrDefault(c => c.Value == check.Id).Key;
                _ = late > 0 ? Libc.Kill(-late, Constants.SignalKill) : 0;
                return;
            }

            var (pid, failure) = CommandLauncher.Start(start with { Arguments = check.Arguments }, CommandStreams.None);
            if (failure is null)
            {
                _checks.Add(pid, check.Id);
            }
            else
            {
                _shim.Write(new CheckResult(check.Id, 127).Encode((byte)InitMessage.CheckDone));
            }
        }
    }

    private void WaitForChildren()
    {
        _hasChild.Task.Wait();
        while (true)
        {
            int status;
            var pid = Libc.Wait(-1, &status, 0);
            var error = Marshal.GetLastPInvokeError();
            if (pid < 0 && error != Constants.ErrInterrupted)
            {
                return;
            }

            lock (_lock)
            {
                if (pid == _command)
                {
                    _input?.End();
                    _shim.Write(WaitStatus.ToReport(status).Encode((byte)InitMessage.Exited));
                    End(0);
                }

                if (_checks.Remove(pid, out var id))
                {
                    var report = WaitStatus.ToReport(status);
                    _shim.Write(new CheckResult(id, report.Signal > 0 ? 128 + report.Signal : report.Code).Encode((byte)InitMessage.CheckDone));
                }
            }
        }
    }

    private void Taken()
    {
        lock (_lock)
        {
            _shim.Write(Frame.Encode((byte)InitMessage.InputTaken, static _ => { }));
        }
    }

    /// <summary>Ends this process without the runtime's ceremony, which waits for the other thread.</summary>
    private static void End(int code) => Libc.Call(CallNumbers.OfThisProcessor().Exit, code, 0, 0, 0, 0);
}
