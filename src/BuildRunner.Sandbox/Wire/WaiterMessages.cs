namespace BuildRunner.Sandbox.Wire;

/// <summary>What the engine says to the waiter in a container of a Docker or Podman engine, and what the waiter says.</summary>
/// <remarks>It is a shim inside of the container, so what both say has one number; what it says is not trusted.</remarks>
internal enum WaiterMessage : byte
{
    User = 1,
    Start = ShimMessage.Go,
    Stop = ShimMessage.Stop,
    Check = ShimMessage.Check,
    SetHosts = ShimMessage.AddHost,
    Input = ShimMessage.Input,
    Resize = ShimMessage.Resize,
    Extend = ShimMessage.Extend,

    /// <summary>What the caller has stored of the output (<see cref="OutputTaken"/>).</summary>
    Acknowledge = ShimMessage.Acknowledge,

    /// <summary>Keep the output until it is acknowledged (<see cref="WaiterRecord"/>).</summary>
    Record = 62,

    /// <summary>Make the name files what they were when the container began; answered with <see cref="Ready"/>.</summary>
    RestoreNames = 63,

    Ready = ShimMessage.Prepared,
    Output = ShimMessage.Output,
    CommandFailed = ShimMessage.CommandFailed,
    Exited = ShimMessage.Exited,
    CheckDone = ShimMessage.CheckDone,
    InputTaken = ShimMessage.InputTaken,

    Failed = ShimMessage.Failed,
}

/// <summary>Start the command. Everything that one container of an image has and another has not is in here.</summary>
internal sealed record WaiterStart
{
    public required IReadOnlyList<string> Arguments { get; init; }

    public required IReadOnlyList<string> Environment { get; init; }

    public required string WorkingDirectory { get; init; }

    /// <summary><c>user[:group]</c>; empty means root.</summary>
    public required string User { get; init; }

    /// <summary>Written into <see cref="FilesDirectory"/> before the command starts; empty where the engine has put them there itself.</summary>
    public required IReadOnlyList<FileContent> Files { get; init; }

    public required string FilesDirectory { get; init; }

    /// <summary>Lines of <c>/etc/hosts</c> beyond those that the engine has written.</summary>
    public required IReadOnlyList<string> Hosts { get; init; }

    /// <summary>The content of <c>/etc/resolv.conf</c>; empty keeps the engine's.</summary>
    public required string ResolvConf { get; init; }

    /// <summary>Milliseconds from now after which the container is ended; 0: never.</summary>
    public required long DeadlineMilliseconds { get; init; }

    public required int StopSignal { get; init; }

    public required int GraceMilliseconds { get; init; }

    public InputKind Input { get; init; }

    public byte[] Encode() => Frame.Encode((byte)WaiterMessage.Start, w =>
    {
        w.Write(Arguments);
        w.Write(Environment);
        w.Write(WorkingDirectory);
        w.Write(User);
        w.WriteAll(Files, static (w, f) => f.Write(w));
        w.Write(FilesDirectory);
        w.Write(Hosts);
        w.Write(ResolvConf);
        w.Write(DeadlineMilliseconds);
        w.Write(StopSignal);
        w.Write(GraceMilliseconds);
        Input.Write(w);
    });

    public static WaiterStart Decode(Frame frame)
    {
        using var r = frame.Open();
        return new WaiterStart
        {
            Arguments = r.ReadStrings(),
            Environment = r.ReadStrings(),
            WorkingDirectory = r.ReadString(),
            User = r.ReadString(),
            Files = r.ReadAll(FileContent.Read),
            FilesDirectory = r.ReadString(),
            Hosts = r.ReadStrings(),
            ResolvConf = r.ReadString(),
            DeadlineMilliseconds = r.ReadInt64(),
            StopSignal = r.ReadInt32(),
            GraceMilliseconds = r.ReadInt32(),
            Input = InputKind.Read(r),
        };
    }
}

/// <summary>Keep what is sent of the output until the caller has acknowledged it, and bring the record of it to its end should the caller go. The record's spool comes with this
/// message, as a descriptor: nothing in the container has a name for it.</summary>
/// <param name="Room">Bytes of output that the record has room for.</param>
/// <param name="Key">The record's key; empty for none.</param>
internal sealed record WaiterRecord(long Room, byte[] Key)
{
    /// <summary>The caller acknowledges when it has stored so much more; no less than this can be kept.</summary>
    public const int AcknowledgeAfter = 2 * OutputChunk.MaximumLength;

    public byte[] Encode() => Frame.Encode((byte)WaiterMessage.Record, w =>
    {
        w.Write(Room);
        w.WriteBytes(Key);
    });

    public static WaiterRecord Decode(Frame frame)
    {
        using var r = frame.Open();
        return new WaiterRecord(r.ReadInt64(), ReadKey(r));
    }

    private static byte[] ReadKey(BinaryReader reader) => reader.ReadInt32() is var length and (0 or SpoolCipher.KeyLength)
        ? reader.ReadBytes(length)
        : throw new InvalidDataException("A key of a spool has an impossible length.");
}

/// <summary>So much of the output is stored: all payloads of <see cref="WaiterMessage.Output"/> together, from the first one on.</summary>
internal readonly record struct OutputTaken(long Bytes)
{
    public byte[] Encode()
    {
        var taken = Bytes;
        return Frame.Encode((byte)WaiterMessage.Acknowledge, w => w.Write(taken));
    }

    public static OutputTaken Decode(Frame frame)
    {
        using var r = frame.Open();
        return new OutputTaken(r.ReadInt64());
    }
}

/// <summary>Replace the lines of <c>/etc/hosts</c> that were said before by these.</summary>
internal sealed record HostLines(IReadOnlyList<string> Lines)
{
    public byte[] Encode() => Frame.Encode((byte)WaiterMessage.SetHosts, w => w.Write(Lines));

    public static HostLines Decode(Frame frame)
    {
        using var r = frame.Open();
        return new HostLines(r.ReadStrings());
    }
}

/// <summary>Who <c>user[:group]</c> is in this image: asked with the text, answered with the numbers.</summary>
internal readonly record struct UserAnswer(uint UserId, uint GroupId)
{
    public byte[] Encode()
    {
        var answer = this;
        return Frame.Encode((byte)WaiterMessage.User, w =>
        {
            w.Write(answer.UserId);
            w.Write(answer.GroupId);
        });
    }

    public static UserAnswer Decode(Frame frame)
    {
        using var r = frame.Open();
        return new UserAnswer(r.ReadUInt32(), r.ReadUInt32());
    }
}

/// <summary>Output: the payload is a record, as a spool has it but never hidden.</summary>
internal static class OutputChunk
{
    /// <summary>No more is read from a pipe at once.</summary>
    public const int MaximumLength = SpoolRecord.MaximumLength;

    /// <summary>Reads the header of a payload; false if it is none.</summary>
    public static bool TryRead(Frame frame, out SpoolRecord record)
    {
        record = default;
        if (frame.Payload.Length <= SpoolRecord.HeaderLength || !SpoolRecord.TryReadHeader(frame.Payload.Span, out var found))
        {
            return false;
        }

        record = found;
        return found.Stream is 1 or 2 && found.Length == frame.Payload.Length - SpoolRecord.HeaderLength;
    }
}
