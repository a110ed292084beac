namespace BuildRunner.Sandbox.Wire;

/// <summary>What a shim says to the init of its container, and what the init says. The init is inside: what it says is not trusted.</summary>
internal enum InitMessage : byte
{
    Start = 1,
    Signal,
    Check,
    Input,
    Resize,

    Ready = 64,
    CommandFailed,
    Exited,
    CheckDone,
    InputTaken,
}

/// <summary>Start the command as this user.</summary>
internal sealed record StartRequest
{
    public required IReadOnlyList<string> Arguments { get; init; }

    public required IReadOnlyList<string> Environment { get; init; }

    public required string WorkingDirectory { get; init; }

    public required uint UserId { get; init; }

    public required uint GroupId { get; init; }

    public required IReadOnlyList<uint> Groups { get; init; }

    public InputKind Input { get; init; }

    public byte[] Encode() => Frame.Encode((byte)InitMessage.Start, w =>
    {
        w.Write(Arguments);
        w.Write(Environment);
        w.Write(WorkingDirectory);
        w.Write(UserId);
        w.Write(GroupId);
        w.WriteAll(Groups, static (w, g) => w.Write(g));
        Input.Write(w);
    });

    public static StartRequest Decode(Frame frame)
    {
        using var r = frame.Open();
        return new StartRequest
        {
            Arguments = r.ReadStrings(),
            Environment = r.ReadStrings(),
            WorkingDirectory = r.ReadString(),
            UserId = r.ReadUInt32(),
            GroupId = r.ReadUInt32(),
            Groups = r.ReadAll(static r => r.ReadUInt32()),
            Input = InputKind.Read(r),
        };
    }
}
