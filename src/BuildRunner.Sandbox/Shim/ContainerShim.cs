using BuildRunner.Sandbox.Group;
using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Launch;
using BuildRunner.Sandbox.Wire;
using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Shim;

/// <summary>Stands beside one container from its preparation to its end, and outlives its caller if need be.</summary>
/// <remarks>
/// 1. Enters the group's mounts and mounts the container's own. 2. Has a runtime or the launcher of our own create the container; its first process is this program's
/// init, which waits. 3. Reports "prepared"; a container that is made ahead is told later what it is for. 4. On "go" hands command and environment to the init. 5. Moves output into the spool, enforces
/// deadline and stop. 6. When the first process is dead, and with it every process of the container, reports the end. 7. Removes everything.
/// If its caller ends, the container is killed at once: it is never adopted by somebody else.
/// </remarks>
internal static class ContainerShim
{
    /// <summary>The verb <c>shim</c>.</summary>
    public static int Run()
    {
        var caller = FrameChannel.OfStandardStreams();
        _ = Libc.NewSession();
        if (caller.Read() is not { Kind: (byte)ShimMessage.Prepare } first)
        {
            return 2;
        }

        var request = PrepareRequest.Decode(first);
        try
        {
            using var moves = request.Runtime == LaunchPlan.RuntimeName ? null : QuickMoves.Begin();
            KernelException.Check(Libc.ProcessControl(SetChildSubreaper, 1, 0, 0, 0), "become the reaper of the container");
            using var alive = FileLock.TryShare(request.LockFile) ?? throw new KernelException(FailureKind.InvalidSpec, 0, "the group is gone");

            // From here on, and not only when the container is there: whoever comes instead of the caller waits for its end.
            using var kept = request.Task is { RecordDirectory: { Length: > 0 } record } ? FileLock.TryShare(RecordPaths.Lock(record)) : null;
            EnterGroup(request.HolderPid);
            Files.MakeDirectory(request.ContainerDirectory, 0x1C9);
            StandardStreams.SendErrorsTo(request.ContainerDirectory + "/shim.log");
            Run(request, caller, moves);
            return 0;
        }
        catch (KernelException e)
        {
            caller.Write(e.ToFailure().Encode());
            return 1;
        }
    }

    private static void EnterGroup(int holder)
    {
        using var mounts = Descriptor.Open($"/proc/{holder}/ns/mnt", ReadOnly);
        KernelException.Check(Libc.Unshare(ShareFileSystem), "get a file system context of its own");
        KernelException.Check(Libc.SetNamespace(mounts.Number, NewMounts), "enter the group's mounts");
    }

    /// <summary>Waits until the caller has decided: it says where to, or ends.</summary>
    private static void KeepIfTold(ContainerFiles files, FrameChannel caller)
    {
        while (caller.Read() is { } frame)
        {
            if (frame.Kind == (byte)ShimMessage.Keep)
            {
                using var reader = frame.Open();
                files.Keep(reader.ReadString());
                return;
            }
        }
    }

    private static void Run(PrepareRequest request, FrameChannel caller, QuickMoves? moves)
    {
        var files = new ContainerFiles(request);
        IContainerLauncher launcher = request.Runtime == LaunchPlan.RuntimeName ? new DirectLauncher(request) : new OciRuntime(request, files.Bundle);
        var created = false;
        try
        {
            var user = files.Mount();
            created = true;
            var running = RunningContainer.Create(request, files, launcher, user, caller);
            moves?.Dispose();
            if (running is { } container)
            {
                using (container)
                {
                    container.RunToItsEnd();
                    if (request.MayBeKept)
                    {
                        KeepIfTold(files, caller);
                    }
                }
            }
        }
        finally
        {
            if (created)
            {
                launcher.Delete();
            }

            files.Remove();
        }
    }
}
