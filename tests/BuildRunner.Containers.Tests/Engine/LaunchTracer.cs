using System.Diagnostics;
using System.Runtime.InteropServices;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>Holds what a helper forks at an exact point of its way, from outside, as a debugger does: a process of its own, which is this executable.</summary>
/// <remarks>
/// A point is who and when: <c>first</c> is what the helper forks, <c>second</c> what that one makes; <c>born</c> is before its first instruction, <c>made</c> just after it has made the second,
/// <c>executed</c> before the first instruction of the program that it became, <c>call N</c> before a system call of that number, <c>step N</c> before its system call of that place.
/// </remarks>
internal sealed partial class LaunchTracer : IAsyncDisposable
{
    private const string VictimVariable = "BUILDRUNNER_TEST_TRACED", PointVariable = "BUILDRUNNER_TEST_POINT";

    private readonly Process _process;

    private LaunchTracer(Process process) => _process = process;

    /// <summary>Becomes the process that traces, if this one was started as such.</summary>
    public static void RunIfTold()
    {
        if (Environment.GetEnvironmentVariable(VictimVariable) is { Length: > 0 } victim)
        {
            new Loop(int.Parse(victim), Environment.GetEnvironmentVariable(PointVariable)!).Run();
            Environment.Exit(0);
        }
    }

    /// <summary>Traces a helper from now on.</summary>
    public static async Task<LaunchTracer> StartAsync(int victim, string point)
    {
        var info = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, RedirectStandardInput = true };
        info.Environment[VictimVariable] = victim.ToString();
        info.Environment[PointVariable] = point;
        var tracer = new LaunchTracer(Process.Start(info)!);
        Assert.Equal("attached", await tracer.HearAsync());
        return tracer;
    }

    /// <summary>Waits until the point is reached: who was forked, and by whom it was made; 0: not yet. Null: the helper ended before.</summary>
    public async Task<(int First, int Second)?> HeldAsync()
    {
        var words = (await HearAsync()).Split(' ');
        return words[0] == "held" ? (int.Parse(words[1]), int.Parse(words[2])) : null;
    }

    /// <summary>Kills the helper where it is, waits until it is gone, and lets the others go on.</summary>
    /// <returns>Who had ended until then, in order, the helper last.</returns>
    public Task<string> KillAsync() => TellAsync("kill");

    /// <summary>Goes on holding until the helper has ended by itself.</summary>
    /// <returns>As <see cref="KillAsync"/>.</returns>
    public Task<string> WatchAsync() => TellAsync("watch");

    public async ValueTask DisposeAsync()
    {
        // When the tracer ends, the kernel lets go of all that it traced.
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private async Task<string> TellAsync(string word)
    {
        await _process.StandardInput.WriteLineAsync(word);
        await _process.StandardInput.FlushAsync();
        var ended = await HearAsync();
        await _process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return ended;
    }

    private async Task<string> HearAsync()
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromMinutes(2));
        return await _process.StandardOutput.ReadLineAsync(limit.Token) ?? throw new InvalidOperationException("the tracer ended");
    }

    /// <summary>The tracer. Its one thread is the only one that the kernel lets ask.</summary>
    private sealed unsafe partial class Loop(int victim, string point)
    {
        private const int Seize = 0x4206, Continue = 7, ToCall = 24, Message = 0x4201, CallInfo = 0x420E, AllKinds = 0x40000000;
        private const int ForkEvent = 1, CloneEvent = 3, ExecEvent = 4, StopEvent = 128, Trap = 5, CallTrap = Trap | 0x80, KillSignal = 9;
        private const int Options = 1 | (1 << ForkEvent) | (1 << 2) | (1 << CloneEvent) | (1 << ExecEvent);

        /// <summary>In <c>struct ptrace_syscall_info</c>: what its first byte says of a call that begins, and where the call's number is.</summary>
        private const int Begins = 1, NumberAt = 24, InfoSize = 88;

        private readonly HashSet<int> _early = [], _held = [];
        private readonly Dictionary<int, int> _calls = [];
        private readonly List<string> _ended = [];
        private readonly HashSet<int> _known = [victim];
        private int _first, _second;
        private bool _reached;

        public void Run()
        {
            Check(Trace(Seize, victim, 0, Options), "seize");
            Console.WriteLine("attached");
            int status;
            while (WaitFor(-1, &status, AllKinds) is var pid and > 0)
            {
                if ((status & 0xFF) != 0x7F)
                {
                    if (End(pid))
                    {
                        return;
                    }
                }
                else if (Stopped(pid, (status >> 8) & 0xFF, status >> 16) is { } signal)
                {
                    Resume(pid, signal);
                }
            }
        }

        /// <summary>True: the helper has ended, and that was all.</summary>
        private bool End(int pid)
        {
            _ = _held.Remove(pid);
            if (pid == _first || pid == _second || pid == victim)
            {
                _ended.Add(pid == _first ? "first" : pid == _second ? "second" : "helper");
            }

            if (pid == victim)
            {
                Console.WriteLine(_reached ? string.Join(' ', _ended) : "not reached");
            }

            return pid == victim;
        }

        /// <summary>Handles a stop. Returns the signal to go on with; null: it is held.</summary>
        private int? Stopped(int pid, int signal, int what)
        {
            switch (what)
            {
                case ForkEvent or 2 or CloneEvent:
                    nint made;
                    Check(Trace(Message, pid, 0, (nint)(&made)), "ask");
                    return Made(pid, (int)made, what);
                case StopEvent when !_known.Contains(pid):
                    // It is known who it is when its maker says so.
                    _ = _early.Add(pid);
                    return null;
                case StopEvent:
                    return HoldIf(pid, "born") ? null : 0;
                case ExecEvent:
                    return HoldIf(pid, "executed") ? null : 0;
                case 0 when signal == CallTrap:
                    return AtCall(pid) ? null : 0;
                default:
                    return what == 0 ? signal : 0;
            }
        }

        private int? Made(int maker, int made, int what)
        {
            _ = _known.Add(made);
            (_first, _second) = (maker == victim && what == ForkEvent ? made : _first, maker == _first ? made : _second);
            if (PointOf(made, "born") == point && !_early.Contains(made))
            {
                // Its maker stays where it is until then: it could be far ahead by the time that the other is held.
                int status;
                Check(WaitFor(made, &status, AllKinds), "wait for");
                _ = _early.Add(made);
            }

            var holdsMaker = made == _second && HoldIf(maker, "made");
            if (_early.Remove(made))
            {
                if (holdsMaker)
                {
                    _ = _held.Add(made);
                }
                else if (!HoldIf(made, "born"))
                {
                    Resume(made, 0);
                }
            }

            return holdsMaker ? null : 0;
        }

        /// <summary>Counts the calls that begin; true: at this one it is held.</summary>
        private bool AtCall(int pid)
        {
            var info = stackalloc byte[InfoSize];
            Check(Trace(CallInfo, pid, InfoSize, (nint)info), "ask");
            if (*info != Begins)
            {
                return false;
            }

            var count = _calls[pid] = _calls.GetValueOrDefault(pid) + 1;
            return HoldIf(pid, $"step {count}") || HoldIf(pid, $"call {*(long*)(info + NumberAt)}");
        }

        private bool HoldIf(int pid, string when)
        {
            if (_reached)
            {
                // What the held one has made just then stays where it is, too.
                return _held.Contains(_first) && point == "first made" && pid == _second && _held.Add(pid);
            }

            if (PointOf(pid, when) != point)
            {
                return false;
            }

            _ = _held.Add(pid);
            _reached = true;
            Console.WriteLine($"held {_first} {_second}");
            if (Console.ReadLine() == "kill")
            {
                Check(Kill(victim, KillSignal), "kill");
            }

            return true;
        }

        private string PointOf(int pid, string when) => $"{(pid == _first ? "first" : pid == _second ? "second" : "")} {when}";

        private void Resume(int pid, int signal) => _ = Trace(pid == _first || pid == _second ? ToCall : Continue, pid, 0, signal);

        private static void Check(nint result, string what)
        {
            if (result < 0)
            {
                throw new InvalidOperationException($"could not {what} a process: error {Marshal.GetLastPInvokeError()}");
            }
        }

        [LibraryImport("libc", EntryPoint = "ptrace", SetLastError = true)]
        private static partial nint Trace(nint request, nint process, nint address, nint data);

        [LibraryImport("libc", EntryPoint = "waitpid", SetLastError = true)]
        private static partial int WaitFor(int process, int* status, int options);

        [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
        private static partial int Kill(int process, int signal);
    }
}
