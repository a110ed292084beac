using System.Globalization;
using BuildRunner.Sandbox.Kernel;
using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Network;

/// <summary>The network that stands for the host's where that may not be changed: a namespace of its own, and <c>slirp4netns</c>, which carries packets between it and the host's sockets.</summary>
/// <remarks>It lives as long as the group's holder: <c>slirp4netns</c> ends when the other end of its exit pipe is closed, whoever closes it.</remarks>
internal sealed unsafe class SlirpNetwork : IDisposable
{
    private const string Device = "tap0";

    // Far from what this process has open: nothing is overwritten before it is copied.
    private const int ReadyNumber = 200, ExitNumber = 201;

    private readonly Descriptor? _exit;
    private readonly int _carrier;

    private SlirpNetwork(Descriptor? exit, int carrier, string problem)
    {
        _exit = exit;
        _carrier = carrier;
        Problem = problem;
    }

    /// <summary>Why there is no way out; empty if there is one, or none was wanted.</summary>
    public string Problem { get; }

    /// <summary>Moves the calling thread to a network of its own, connected with the host's if that is wanted. There is no way back.</summary>
    /// <param name="connected">True: with a way out.</param>
    /// <param name="log">A new file for what <c>slirp4netns</c> says.</param>
    public static SlirpNetwork Create(bool connected, string log)
    {
        var (read, write) = Descriptor.Pipe();
        using (read)
        {
            var ends = new HeldEnds { Numbers = CallNumbers.OfThisProcessor(), Call = BareCode.Call(), Read = read.Number, Write = write.Number };
            var maker = Clone.Fork(NewNetwork, &Hold, &ends);
            if (maker < 0)
            {
                throw KernelException.FromErrorNumber("make a network namespace", -maker);
            }

            using var network = Descriptor.Open($"/proc/{maker}/ns/net", ReadOnly);
            try
            {
                // The carrier's own sockets are the host's: it is started before this process leaves.
                return connected ? Connect(network, log) : new SlirpNetwork(null, 0, "");
            }
            finally
            {
                KernelException.Check(Libc.SetNamespace(network.Number, NewNetwork), "enter a network namespace");
                write.Dispose();
                _ = Processes.Wait(maker);
            }
        }
    }

    public void Dispose()
    {
        if (_exit is not null)
        {
            _exit.Dispose();
            _ = Processes.Wait(_carrier);
        }
    }

    private static SlirpNetwork Connect(Descriptor network, string log)
    {
        if (Processes.Find("slirp4netns") is not { } program)
        {
            return new SlirpNetwork(null, 0, "the program slirp4netns, which carries an ordinary user's packets, is missing; as root: apt-get install slirp4netns");
        }

        var (readyRead, readyWrite) = Descriptor.Pipe();
        var (exitRead, exitWrite) = Descriptor.Pipe();
        using var nothing = Descriptor.Open("/dev/null", ReadWrite);
        using var said = Descriptor.Open(log, WriteOnly | Constants.Create | Exclusive | NoFollow, 0x180);
        string[] arguments =
        [
            program, "--configure", "--mtu=65520", "--disable-host-loopback", "--enable-sandbox", "--enable-seccomp", Option("ready-fd", ReadyNumber), Option("exit-fd", ExitNumber),
            "--netns-type=path", $"/proc/{Environment.ProcessId}/fd/{network.Number}", Device,
        ];
        using (readyRead)
        using (readyWrite)
        using (exitRead)
        {
            var carrier = Processes.Spawn(program, arguments, nothing.Number, said.Number, said.Number, (readyWrite.Number, ReadyNumber), (exitRead.Number, ExitNumber));
            readyWrite.Dispose();
            Span<byte> one = [0];
            if (carrier > 0 && readyRead.Read(one) == 1)
            {
                return new SlirpNetwork(exitWrite, carrier, "");
            }

            exitWrite.Dispose();
            return new SlirpNetwork(null, 0, carrier < 0 ? KernelException.FromErrorNumber($"start {program}", -carrier).Message : End(carrier, log));
        }
    }

    private static string End(int carrier, string log)
    {
        _ = Processes.Wait(carrier);
        var lines = (Files.TryRead(log) ?? "").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return $"slirp4netns ended: {string.Join("; ", lines.TakeLast(2))}";
    }

    private static string Option(string name, int descriptor) => $"--{name}={descriptor.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>The child: holds its namespace until its parent closes the pipe. Bare calls only.</summary>
    private static void Hold(void* given)
    {
        var ends = (HeldEnds*)given;
        byte one = 0;
        ends->Call(ends->Numbers.ControlProcess, SetParentDeathSignal, SignalKill, 0, 0, 0);
        ends->Call(ends->Numbers.Close, ends->Write, 0, 0, 0, 0);
        ends->Call(ends->Numbers.Read, ends->Read, (nint)(&one), 1, 0, 0);
    }

    private struct HeldEnds
    {
        public CallNumbers Numbers;
        public delegate*<nint, nint, nint, nint, nint, nint, nint> Call;
        public int Read, Write;
    }
}
