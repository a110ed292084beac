using BuildRunner.Sandbox.Kernel;
using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Waiter;

/// <summary>The first process of a container that a Docker or Podman engine runs for us: waits for "go", then is shim and init in one.</summary>
/// <remarks>
/// 1. Connects to its caller and says that it is ready; no user code has run. 2. On "go" puts files and names in place and starts the command
/// as its user. 3. Moves output to the caller, no faster than the caller takes it. 4. Obeys stop, runs checks, enforces the deadline. 5. When
/// the command has ended, kills and reaps everything else, sends what is left of the output, and reports. 6. Ends, and with it the container.
/// If the caller goes away it ends at once: a container whose caller was killed does not run on.
/// </remarks>
internal static class ContainerWaiter
{
    /// <summary>The verb <c>wait</c>: the caller listens on a socket in the file system.</summary>
    public static int RunOnSocket(string path) => Run(() =>
    {
        var socket = UnixSocket.Connect(path);
        return (socket, socket);
    });

    /// <summary>The verb <c>wait</c> without a path: the caller is attached to the standard streams.</summary>
    public static int RunOnStandardStreams() => Run(static () =>
    {
        // The command gets standard streams of its own; these two must not be them.
        var input = new Descriptor(KernelException.Check(Libc.Fcntl(0, DuplicateCloseOnExec, 3), "keep", "standard input"));
        var output = new Descriptor(KernelException.Check(Libc.Fcntl(1, DuplicateCloseOnExec, 3), "keep", "standard output"));
        return (input, output);
    });

    private static int Run(Func<(Descriptor Input, Descriptor Output)> connect)
    {
        // Nothing in the container may look into this process or stop it with a debugger.
        _ = Libc.ProcessControl(SetDumpable, 0, 0, 0, 0);
        var (input, output) = connect();
        var caller = new CallerChannel(input, output);
        try
        {
            if (Landlock.KeepWithin() is var error and not 0)
            {
                throw KernelException.FromErrorNumber("keep the container's signals and sockets within it (Landlock)", error);
            }

            return new WaiterLoop(caller).Run();
        }
        catch (KernelException e)
        {
            caller.Send(e.ToFailure().Encode());
            caller.Flush();
            return 1;
        }
    }

    private const int DuplicateCloseOnExec = 1030;
}
