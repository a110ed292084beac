using System.Globalization;
using System.Text;
using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Rootless;

namespace BuildRunner.Sandbox.Group;

/// <summary>Has others move processes into cgroups without waiting, for as long as an OCI runtime makes a container.</summary>
/// <remarks>
/// Whoever is the first to move a process for a while waits until every processor has passed through the kernel's scheduler (11 ms and more); those that come soon after, within about that time,
/// do not. So this process moves itself to where it is already, in a thread of its own and again and again: the kernel waits while other things are done, and has not forgotten it when the
/// runtime comes to its own moves. Who enters a cgroup by itself needs none of this (<see cref="ContainerCgroup.Members"/>).
/// </remarks>
internal sealed class QuickMoves : IDisposable
{
    /// <summary>The kernel forgets after about 10 ms.</summary>
    private const int PauseMilliseconds = 4;

    private volatile bool _isOver;

    private QuickMoves()
    {
    }

    /// <summary>Begins, at once and elsewhere. Where this process may not be moved, the runtime waits.</summary>
    /// <param name="limitMilliseconds">Ends by itself after this time.</param>
    public static QuickMoves Begin(int limitMilliseconds = int.MaxValue)
    {
        var moves = new QuickMoves();
        if (Rights.AreOfHost)
        {
            new Thread(() => moves.Run(Clock.Milliseconds() + limitMilliseconds)) { IsBackground = true }.Start();
        }

        return moves;
    }

    public void Dispose() => _isOver = true;

    private void Run(long end)
    {
        try
        {
            if (Cgroups.OfThisHost().MembersBesideThisProcess() is not { } path)
            {
                return;
            }

            using var members = Descriptor.Open(path, Constants.WriteOnly);
            var number = Encoding.ASCII.GetBytes(Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
            while (!_isOver && Clock.Milliseconds() < end && members.Write(number))
            {
                Pause();
            }
        }
        catch (Exception unknown) when (unknown is KernelException or IOException or UnauthorizedAccessException)
        {
            // Then the runtime waits.
        }
    }

    private static unsafe void Pause() => _ = Libc.Poll(null, 0, PauseMilliseconds);
}
