using System.Runtime.InteropServices;

namespace BuildRunner.Cli;

/// <summary>HUP, INT and TERM: the first asks to cancel and clean up, the second leaves at once.</summary>
internal sealed class StopSignals
{
    private readonly Action<ExitCode> leave;
    private readonly Lock gate = new();
    private Action<string>? cancel;
    private ExitCode? received;

    private StopSignals(Action<ExitCode> leave) => this.leave = leave;

    /// <summary>The code of the first signal that came; null: none did.</summary>
    public ExitCode? Received
    {
        get
        {
            lock (gate)
            {
                return received;
            }
        }
    }

    /// <summary>Those of this process. Nothing is registered before somebody listens: until then a signal ends the process as usual.</summary>
    public static StopSignals OfProcess() => new(code => Environment.Exit((int)code));

    /// <summary>For tests: signals come from <see cref="Deliver"/>.</summary>
    public static StopSignals Scripted(Action<ExitCode> leave) => new(leave);

    /// <summary>Listens until the result is disposed.</summary>
    /// <param name="onCancel">Told once, with a sentence about who asks.</param>
    public IDisposable Listen(Action<string> onCancel)
    {
        lock (gate)
        {
            cancel = onCancel;
        }

        return new Registrations(
        [
            PosixSignalRegistration.Create(PosixSignal.SIGHUP, c => Take(c, ExitCode.Hangup)),
            PosixSignalRegistration.Create(PosixSignal.SIGINT, c => Take(c, ExitCode.Interrupted)),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, c => Take(c, ExitCode.Terminated)),
        ]);
    }

    /// <summary>A signal came.</summary>
    public void Deliver(ExitCode code)
    {
        Action<string>? first = null;
        lock (gate)
        {
            if (received is null)
            {
                received = code;
                first = cancel;
            }
        }

        if (first is null)
        {
            leave(code);
            return;
        }

        first(code switch
        {
            ExitCode.Interrupted => "it was interrupted (ctrl-c)",
            ExitCode.Terminated => "buildrunner was asked to end (TERM)",
            _ => "the terminal was closed (HUP)",
        });
    }

    private void Take(PosixSignalContext context, ExitCode code)
    {
        context.Cancel = true;
        Deliver(code);
    }

    private sealed class Registrations(PosixSignalRegistration[] all) : IDisposable
    {
        public void Dispose() => Array.ForEach(all, r => r.Dispose());
    }
}
