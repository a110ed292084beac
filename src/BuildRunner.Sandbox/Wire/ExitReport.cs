namespace BuildRunner.Sandbox.Wire;

/// <summary>How a container ended.</summary>
/// <param name="Code">The exit code, or -1 if a signal ended it.</param>
/// <param name="Signal">The signal, or 0.</param>
/// <param name="OutOfMemory">The kernel killed a process of it for memory.</param>
/// <param name="DeadlinePassed">The shim ended it because its deadline had passed.</param>
/// <param name="Abandoned">The shim ended it because its caller was gone, or had not said in time that it is not.</param>
/// <param name="DiskBytes">The group's disk was full while it ran: how much the group may write. 0: it was not, or has no limit.</param>
internal readonly record struct ExitReport(int Code, int Signal, bool OutOfMemory, bool DeadlinePassed, bool Abandoned = false, long DiskBytes = 0)
{
    public byte[] Encode(byte kind)
    {
        var report = this;
        return Frame.Encode(kind, w =>
        {
            w.Write(report.Code);
            w.Write(report.Signal);
            w.Write(report.OutOfMemory);
            w.Write(report.DeadlinePassed);
            w.Write(report.Abandoned);
            w.Write(report.DiskBytes);
        });
    }

    public static ExitReport Decode(Frame frame)
    {
        using var r = frame.Open();
        var report = new ExitReport(r.ReadInt32(), r.ReadInt32(), r.ReadBoolean(), r.ReadBoolean(), r.ReadBoolean());

        // A record that an older version left on the disk ends here.
        return r.BaseStream.Position < r.BaseStream.Length ? report with { DiskBytes = r.ReadInt64() } : report;
    }
}

/// <summary>The command could not be executed.</summary>
/// <param name="Stage">What was being done.</param>
/// <param name="ErrorNumber">The kernel's answer.</param>
/// <param name="Subject">To what: the program, the directory.</param>
internal sealed record CommandFailure(CommandStage Stage, int ErrorNumber, string Subject)
{
    public byte[] Encode(byte kind) => Frame.Encode(kind, w =>
    {
        w.Write((byte)Stage);
        w.Write(ErrorNumber);
        w.Write(Subject);
    });

    public static CommandFailure Decode(Frame frame)
    {
        using var r = frame.Open();
        return new CommandFailure((CommandStage)r.ReadByte(), r.ReadInt32(), r.ReadString());
    }
}

/// <summary>The steps between "go" and the command's first instruction.</summary>
internal enum CommandStage : byte
{
    Fork = 1,
    StandardInput,
    WorkingDirectory,
    User,

    /// <summary>No file of that name was found on the search path.</summary>
    Find,

    /// <summary>The file is there and the kernel does not execute it.</summary>
    Execute,

    /// <summary>The file is there, and the interpreter that it names is not.</summary>
    Interpreter,

    /// <summary>The kernel did not take the filter of system calls.</summary>
    Filter,

    /// <summary>The kernel has Landlock and did not keep the container's signals and sockets within it.</summary>
    Landlock,
}
