using System.Runtime.InteropServices;
using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Wire;
using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Init;

/// <summary>Starts a command inside the container as its user.</summary>
internal static unsafe class CommandLauncher
{
    private const string DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// <summary>Starts it; returns its process id, or what went wrong. Returns when the command executes.</summary>
    /// <param name="start">The command, its user, environment and directory.</param>
    /// <param name="streams">What its standard streams are.</param>
    public static (int Pid, CommandFailure? Failure) Start(StartRequest start, CommandStreams streams)
    {
        var candidates = Candidates(start);
        var (errorRead, errorWrite) = Descriptor.Pipe();
        using (errorRead)
        {
            int pid;
            using (errorWrite)
            {
                pid = Fork(start, candidates, streams, errorWrite.Number);
            }

            if (pid < 0)
            {
                return (0, new CommandFailure(CommandStage.Fork, -pid, start.Arguments[0]));
            }

            Span<byte> report = stackalloc byte[sizeof(int) * 2];
            return errorRead.Read(report) < report.Length ? (pid, null) : (pid, Explain(report, start, candidates));
        }
    }

    /// <summary>Makes ready everything that the child needs, and forks.</summary>
    private static int Fork(StartRequest start, List<string> candidates, CommandStreams streams, int errors)
    {
        using var programs = new NativeStrings(candidates);
        using var arguments = new NativeStrings(start.Arguments);
        using var environment = new NativeStrings(start.Environment);
        using var places = new NativeStrings([start.WorkingDirectory, streams.Terminal ?? "/dev/null"]);
        var groups = stackalloc uint[start.Groups.Count];
        for (var i = 0; i < start.Groups.Count; i++)
        {
            groups[i] = start.Groups[i];
        }

        var plan = new Plan
        {
            Numbers = CallNumbers.OfThisProcessor(),
            Call = BareCode.Call(),
            Programs = programs.Pointers,
            Arguments = arguments.Pointers,
            Environment = environment.Pointers,
            WorkingDirectory = places.Pointers[0],
            Source = places.Pointers[1],
            Groups = groups,
            GroupCount = start.Groups.Count,
            User = start.UserId,
            Group = start.GroupId,
            Input = streams.Input,
            CoversOutput = streams.Quiet || streams.Terminal is not null,
            Errors = errors,
        };
        return Clone.Fork(0, &Execute, &plan);
    }

    /// <summary>The paths at which the program may be, in order.</summary>
    private static List<string> Candidates(StartRequest start)
    {
        var program = start.Arguments[0];
        if (program.Contains('/') || program.Length == 0)
        {
            return [program];
        }

        var path = start.Environment.FirstOrDefault(v => v.StartsWith("PATH=", StringComparison.Ordinal))?["PATH=".Length..];
        return [.. (string.IsNullOrEmpty(path) ? DefaultPath : path).Split(':').Select(d => d.Length == 0 ? $"./{program}" : $"{d}/{program}")];
    }

    private static CommandFailure Explain(ReadOnlySpan<byte> report, StartRequest start, List<string> candidates)
    {
        var (stage, error) = ((CommandStage)BitConverter.ToInt32(report), BitConverter.ToInt32(report[sizeof(int)..]));
        if (stage == CommandStage.WorkingDirectory)
        {
            return new CommandFailure(stage, error, start.WorkingDirectory);
        }

        var found = candidates.FirstOrDefault(Files.Exists);
        return (stage, error, found) switch
        {
            (CommandStage.Execute, ErrNoEntry or ErrNotDirectory, null) => new CommandFailure(CommandStage.Find, error, start.Arguments[0]),
            (CommandStage.Execute, ErrNoEntry, not null) => new CommandFailure(CommandStage.Interpreter, error, found),
            _ => new CommandFailure(stage, error, found ?? start.Arguments[0]),
        };
    }

    /// <summary>The child, until it is the command. Bare calls only.</summary>
    private static void Execute(void* given)
    {
        var plan = (Plan*)given;
        var numbers = plan->Numbers;
        ResetSignals(plan);
        plan->Call(numbers.NewSession, 0, 0, 0, 0, 0);

        // A terminal that a session without one opens becomes its own.
        var source = plan->Input >= 0 ? plan->Input : plan->Call(numbers.OpenAt, AtCurrentDirectory, (nint)plan->Source, ReadWrite, 0, 0);
        Demand(plan, CommandStage.StandardInput, source);
        plan->Call(numbers.DuplicateTo, source, 0, 0, 0, 0);
        if (plan->CoversOutput)
        {
            plan->Call(numbers.DuplicateTo, source, 1, 0, 0, 0);
            plan->Call(numbers.DuplicateTo, source, 2, 0, 0, 0);
        }

        plan->Call(CallCloseRange, 3, int.MaxValue, CloseRangeOnExec, 0, 0);
        Demand(plan, CommandStage.WorkingDirectory, plan->Call(numbers.ChangeDirectory, (nint)plan->WorkingDirectory, 0, 0, 0, 0));
        Demand(plan, CommandStage.User, plan->Call(numbers.SetGroups, plan->GroupCount, (nint)plan->Groups, 0, 0, 0));
        Demand(plan, CommandStage.User, plan->Call(numbers.SetGroup, (nint)plan->Group, (nint)plan->Group, (nint)plan->Group, 0, 0));
        Demand(plan, CommandStage.User, plan->Call(numbers.SetUser, (nint)plan->User, (nint)plan->User, (nint)plan->User, 0, 0));
        var remembered = ErrNoEntry;
        for (var program = plan->Programs; *program != null; program++)
        {
            var error = (int)-plan->Call(numbers.Execute, (nint)(*program), (nint)plan->Arguments, (nint)plan->Environment, 0, 0);
            if (error == ErrAccess)
            {
                remembered = error;
            }
            else if (error != ErrNoEntry && error != ErrNotDirectory)
            {
                remembered = error;
                break;
            }
        }

        Report(plan, CommandStage.Execute, remembered);
    }

    private static void ResetSignals(Plan* plan)
    {
        var none = stackalloc ulong[4];
        for (var i = 0; i < 4; i++)
        {
            none[i] = 0;
        }

        for (var signal = 1; signal <= SignalCount; signal++)
        {
            plan->Call(plan->Numbers.SignalAction, signal, (nint)none, 0, sizeof(ulong), 0);
        }

        plan->Call(plan->Numbers.SignalMask, SetMask, (nint)none, 0, sizeof(ulong), 0);
    }

    private static void Demand(Plan* plan, CommandStage stage, nint result)
    {
        if (result < 0)
        {
            Report(plan, stage, (int)-result);
        }
    }

    private static void Report(Plan* plan, CommandStage stage, int error)
    {
        var report = stackalloc int[2];
        report[0] = (int)stage;
        report[1] = error;
        plan->Call(plan->Numbers.Write, plan->Errors, (nint)report, sizeof(int) * 2, 0, 0);
        plan->Call(plan->Numbers.Exit, 127, 0, 0, 0, 0);
    }

    private const int CloseRangeOnExec = 4, SetMask = 2;

    [StructLayout(LayoutKind.Sequential)]
    private struct Plan
    {
        public CallNumbers Numbers;
        public delegate*<nint, nint, nint, nint, nint, nint, nint> Call;
        public byte** Programs;
        public byte** Arguments;
        public byte** Environment;
        public byte* WorkingDirectory;
        public byte* Source;
        public uint* Groups;
        public int GroupCount;
        public uint User;
        public uint Group;
        public int Input;
        public bool CoversOutput;
        public int Errors;
    }
}
