namespace BuildRunner.Sandbox.Wire;

/// <summary>What a shim says to the init of its container, and what the init says. The init is inside: what it says is not trusted.</summary>
internal enum InitMessage : byte
{
    Restrict = 1,
    Start,
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

/// <summary>The first message to an init: put this filter of system calls in force, for itself and all that it starts. Empty: none.</summary>
internal static class RestrictRequest
{
    public static byte[] Encode(byte[] filter) => Frame.Encode((byte)InitMessage.Restrict, w => w.WriteBytes(filter));

    public static byte[] Decode(Frame frame)
    {
        using var r = frame.Open();
        return r.ReadByteArray();
    }
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
