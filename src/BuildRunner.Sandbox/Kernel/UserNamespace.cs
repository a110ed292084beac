using System.Runtime.InteropServices;
using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Kernel;

/// <summary>Makes user namespaces, and network namespaces that belong to them.</summary>
/// <remarks>
/// A process with several threads cannot enter a new user namespace, so a forked child does. A child that stays can make network namespaces
/// later; only such are owned by the user namespace, without which a container may not mount <c>/sys</c>.
/// </remarks>
internal sealed unsafe class UserNamespace : IDisposable
{
    private readonly int _child;
    private readonly Descriptor _commands;
    private readonly Descriptor _answers;

    private UserNamespace(int child, Descriptor commands, Descriptor answers)
    {
        _child = child;
        _commands = commands;
        _answers = answers;
    }

    /// <summary>Makes a user namespace with these maps (the content of <c>uid_map</c> and <c>gid_map</c>).</summary>
    public static UserNamespace Create(string userMap, string groupMap)
    {
        var (commandRead, commandWrite) = Descriptor.Pipe();
        var (answerRead, answerWrite) = Descriptor.Pipe();
        using (commandRead)
        using (answerWrite)
        {
            var ends = new ServiceEnds { Numbers = CallNumbers.OfThisProcessor(), Call = BareCode.Call(), Commands = commandRead.Number, Answers = answerWrite.Number };
            var pid = Clone.Fork(NewUsers, &Serve, &ends);
            if (pid < 0)
            {
                throw KernelException.FromErrorNumber("make a user namespace", -pid);
            }

            var made = new UserNamespace(pid, commandWrite, answerRead);
            Files.WriteKernelFile($"/proc/{pid}/uid_map", userMap);
            Files.WriteKernelFile($"/proc/{pid}/gid_map", groupMap);
            return made;
        }
    }

    /// <summary>The namespace; it lives as long as the descriptor.</summary>
    public Descriptor Open() => Descriptor.Open($"/proc/{_child}/ns/user", ReadOnly);

    /// <summary>Makes a network namespace that belongs to this user namespace.</summary>
    public Descriptor MakeNetwork()
    {
        Span<byte> one = [0];
        if (!_commands.Write(one) || _answers.Read(one) != 1)
        {
            throw KernelException.FromErrorNumber("make a network namespace: its maker is gone", ErrNoChild);
        }

        return one[0] == 0
            ? Descriptor.Open($"/proc/{_child}/ns/net", ReadOnly)
            : throw KernelException.FromErrorNumber("make a network namespace", one[0]);
    }

    public void Dispose()
    {
        _commands.Dispose();
        _answers.Dispose();
        _ = Libc.Kill(_child, SignalKill);
        int status;
        while (Libc.Wait(_child, &status, 0) < 0 && Marshal.GetLastPInvokeError() == ErrInterrupted)
        {
        }
    }

    /// <summary>The child: makes a network namespace for each byte it reads. Bare calls only.</summary>
    private static void Serve(void* given)
    {
        var ends = (ServiceEnds*)given;
        ends->Call(ends->Numbers.ControlProcess, SetParentDeathSignal, SignalKill, 0, 0, 0);
        ends->Call(ends->Numbers.DuplicateTo, ends->Commands, 0, 0, 0, 0);
        ends->Call(ends->Numbers.DuplicateTo, ends->Answers, 1, 0, 0, 0);
        ends->Call(CallCloseRange, 2, int.MaxValue, 0, 0, 0);
        byte one = 0;
        while (ends->Call(ends->Numbers.Read, 0, (nint)(&one), 1, 0, 0) == 1)
        {
            // 0, or what went wrong.
            one = (byte)-ends->Call(ends->Numbers.Unshare, NewNetwork, 0, 0, 0, 0);
            ends->Call(ends->Numbers.Write, 1, (nint)(&one), 1, 0, 0);
        }
    }

    private struct ServiceEnds
    {
        public CallNumbers Numbers;
        public delegate*<nint, nint, nint, nint, nint, nint, nint> Call;
        public int Commands, Answers;
    }
}
