namespace BuildRunner.Sandbox.Wire;

/// <summary>What the engine says to a container's shim, and what the shim says.</summary>
internal enum ShimMessage : byte
{
    Prepare = 1,
    Go,
    Stop,
    Acknowledge,
    Check,
    AddHost,
    Input,
    Resize,
    Keep,
    Extend,
    Assign,

    Prepared = 64,
    Output,
    CommandFailed,
    Exited,
    CheckDone,
    InputTaken,
    Assigned,

    Failed = 127,
}

/// <summary>Start the command.</summary>
internal sealed record GoRequest(IReadOnlyList<string> Arguments, IReadOnlyList<string> Environment, InputKind Input)
{
    public byte[] Encode() => Frame.Encode((byte)ShimMessage.Go, w =>
    {
        w.Write(Arguments);
        w.Write(Environment);
        Input.Write(w);
    });

    public static GoRequest Decode(Frame frame)
    {
        using var r = frame.Open();
        return new GoRequest(r.ReadStrings(), r.ReadStrings(), InputKind.Read(r));
    }
}

/// <summary>Kill the container when this time has passed and nobody has said so again.</summary>
internal readonly record struct ExtendRequest(long Milliseconds)
{
    public byte[] Encode()
    {
        var request = this;
        return Frame.Encode((byte)ShimMessage.Extend, w => w.Write(request.Milliseconds));
    }

    public static ExtendRequest Decode(Frame frame)
    {
        using var r = frame.Open();
        return new ExtendRequest(r.ReadInt64());
    }
}

/// <summary>End the container: the signal to all its processes, then KILL after the grace.</summary>
internal sealed record StopRequest(int Signal, int GraceMilliseconds)
{
    public byte[] Encode() => Frame.Encode((byte)ShimMessage.Stop, w =>
    {
        w.Write(Signal);
        w.Write(GraceMilliseconds);
    });

    public static StopRequest Decode(Frame frame)
    {
        using var r = frame.Open();
        return new StopRequest(r.ReadInt32(), r.ReadInt32());
    }
}

/// <summary>A position in the spool: how far it was written (<see cref="ShimMessage.Output"/>), or consumed (<see cref="ShimMessage.Acknowledge"/>).</summary>
/// <param name="From">First byte; only said of written output.</param>
/// <param name="To">The byte after the last.</param>
internal readonly record struct SpoolRange(long From, long To)
{
    public byte[] Encode(ShimMessage kind)
    {
        var range = this;
        return Frame.Encode((byte)kind, w =>
        {
            w.Write(range.From);
            w.Write(range.To);
        });
    }

    public static SpoolRange Decode(Frame frame)
    {
        using var r = frame.Open();
        return new SpoolRange(r.ReadInt64(), r.ReadInt64());
    }
}

/// <summary>Run a command beside the container's own, with its user and environment, to find out whether it is healthy.</summary>
internal sealed record CheckRequest(int Id, IReadOnlyList<string> Arguments, int TimeoutMilliseconds)
{
    public byte[] Encode(byte kind) => Frame.Encode(kind, w =>
    {
        w.Write(Id);
        w.Write(Arguments);
        w.Write(TimeoutMilliseconds);
    });

    public static CheckRequest Decode(Frame frame)
    {
        using var r = frame.Open();
        return new CheckRequest(r.ReadInt32(), r.ReadStrings(), r.ReadInt32());
    }
}

/// <summary>A check has ended.</summary>
/// <param name="Id">Which check.</param>
/// <param name="Status">As a shell shows it; 0 is healthy.</param>
internal readonly record struct CheckResult(int Id, int Status)
{
    public byte[] Encode(byte kind)
    {
        var result = this;
        return Frame.Encode(kind, w =>
        {
            w.Write(result.Id);
            w.Write(result.Status);
        });
    }

    public static CheckResult Decode(Frame frame)
    {
        using var r = frame.Open();
        return new CheckResult(r.ReadInt32(), r.ReadInt32());
    }
}
