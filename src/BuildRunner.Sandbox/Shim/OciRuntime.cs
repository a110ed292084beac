using System.Globalization;
using System.Text;
using System.Text.Json;
using BuildRunner.Sandbox.Group;
using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Wire;
using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Shim;

/// <summary>The OCI runtime's command line.</summary>
internal sealed class OciRuntime(PrepareRequest request, string bundle) : IContainerLauncher
{
    private string Log => bundle + "/runtime.log";

    private string State => $"{request.RuntimeState}/{request.ContainerId}";

    private string Name => Path.GetFileName(request.Runtime);

    /// <inheritdoc/>
    public int Create(Descriptor input, Descriptor output, Descriptor error, Descriptor caller)
    {
        HideUnifiedHierarchy();
        var pidFile = bundle + "/pid";
        var pid = Start(["create", "--bundle", bundle, "--pid-file", pidFile, request.ContainerId], input, output, error);
        if (!WaitUnlessCallerIsGone(pid, caller, out var status))
        {
            return 0;
        }

        if (status != 0)
        {
            throw new KernelException(FailureKind.Runtime, 0, LastError());
        }

        var first = int.Parse(Files.TryRead(pidFile) ?? "", CultureInfo.InvariantCulture);
        return (Name == "runc" ? OpenStartPipe(first, caller) : RunStart(caller)) ? first : 0;
    }

    /// <inheritdoc/>
    /// <remarks>
    /// For runc and crun that is a directory and the cgroups, when every process is dead; their own <c>delete</c> is a process that costs more
    /// than many a step. Other runtimes keep more, a virtual machine perhaps, and are asked.
    /// </remarks>
    public void Delete()
    {
        if (Name is "runc" or "crun")
        {
            Cgroups.OfThisHost().Remove(request.CgroupPath);
            _ = TreeRemover.Remove(State);
            return;
        }

        using var nothing = Descriptor.Open("/dev/null", ReadWrite);
        var pid = Start(["delete", "--force", request.ContainerId], nothing, nothing, nothing);
        _ = Processes.Wait(pid);
    }

    private int Start(string[] command, Descriptor input, Descriptor output, Descriptor error)
    {
        var program = Processes.Find(request.Runtime)
            ?? throw new KernelException(FailureKind.RuntimeMissing, 0, $"the OCI runtime {request.Runtime} is missing; apt-get install runc");
        string[] arguments = [program, "--root", request.RuntimeState, "--log", Log, "--log-format", "json", .. command];
        var pid = Processes.Spawn(program, arguments, input.Number, output.Number, error.Number);
        return pid > 0 ? pid : throw KernelException.FromErrorNumber($"start {program}", -pid);
    }

    /// <summary>
    /// crun refuses hosts where version 2 of cgroups is mounted beside version 1 and has controllers of its own; no option changes that. It does not see what is not mounted, and
    /// these mounts are this shim's alone.
    /// </summary>
    private void HideUnifiedHierarchy()
    {
        if (Name == "crun")
        {
            foreach (var mount in Cgroups.OfThisHost().UnifiedBesideOthers.ToList())
            {
                Mounts.Detach(mount);
            }
        }
    }

    /// <summary>How a runtime lets a created container begin is its own affair: but for runc it is asked, in a process more.</summary>
    /// <returns>False: the caller is gone.</returns>
    private bool RunStart(Descriptor caller)
    {
        using var nothing = Descriptor.Open("/dev/null", ReadWrite);
        var pid = Start(["start", request.ContainerId], nothing, nothing, nothing);
        if (!WaitUnlessCallerIsGone(pid, caller, out var status))
        {
            return false;
        }

        return status == 0 ? true : throw new KernelException(FailureKind.Runtime, 0, LastError());
    }

    private static unsafe bool WaitUnlessCallerIsGone(int pid, Descriptor caller, out int status)
    {
        using var process = Processes.OpenProcess(pid);
        var entries = stackalloc PollEntry[2];
        entries[0] = new PollEntry { Descriptor = process.Number, Events = PollIn };
        entries[1] = new PollEntry { Descriptor = caller.Number };
        do
        {
            _ = Libc.Poll(entries, 2, -1);
        }
        while (entries[0].Returned == 0 && entries[1].Returned == 0);

        if (entries[0].Returned == 0)
        {
            _ = Processes.Signal(process, SignalKill);
            _ = Processes.Wait(pid);
            status = -1;
            return false;
        }

        status = Processes.Wait(pid);
        return true;
    }

    /// <summary>
    /// A created container's process waits until somebody opens this pipe: what <c>start</c> would do in a process of its own. It is
    /// removed, as by <c>start</c>, because its presence means "created" to the runtime.
    /// </summary>
    /// <returns>False: the caller is gone, and with it the process.</returns>
    /// <remarks>The process may be killed before it opens the pipe. Who waited for it to do so would wait for ever, so this never blocks on the pipe itself.</remarks>
    private unsafe bool OpenStartPipe(int first, Descriptor caller)
    {
        var path = State + "/exec.fifo";
        using var process = Processes.OpenProcess(first);
        using (var pipe = Descriptor.Open(path, ReadOnly | NonBlocking))
        {
            var entries = stackalloc PollEntry[3];
            entries[0] = new PollEntry { Descriptor = pipe.Number, Events = PollIn };
            entries[1] = new PollEntry { Descriptor = process.Number, Events = PollIn };
            entries[2] = new PollEntry { Descriptor = caller.Number };
            while (entries[0].Returned == 0 && entries[1].Returned == 0 && entries[2].Returned == 0)
            {
                _ = Libc.Poll(entries, 3, -1);
            }

            if (entries[0].Returned == 0)
            {
                _ = Processes.Signal(process, SignalKill);
                _ = Processes.Wait(first);
                return entries[1].Returned == 0 ? false : throw new KernelException(FailureKind.Runtime, 0, "the container's first process was killed before it could begin");
            }
        }

        File.Delete(path);
        return true;
    }

    private string LastError()
    {
        var last = "it said nothing";
        foreach (var line in (Files.TryRead(Log) ?? "").Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            last = Message(line) ?? last;
        }

        return $"{request.Runtime} could not create or start the container: {last}";
    }

    private static string? Message(string line)
    {
        try
        {
            var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(line));
            while (reader.Read())
            {
                if (reader.TokenType == JsonTokenType.PropertyName && reader.ValueTextEquals("msg"u8) && reader.Read())
                {
                    return reader.GetString();
                }
            }
        }
        catch (JsonException)
        {
            // Not every runtime logs JSON: the line itself is its message.
        }

        return line;
    }
}
