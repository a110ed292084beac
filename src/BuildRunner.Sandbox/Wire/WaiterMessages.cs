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

/// <summary>Output: the first byte of the payload is the stream (1 or 2), the rest is what was written.</summary>
internal static class OutputChunk
{
    /// <summary>No more is read from a pipe at once.</summary>
    public const int MaximumLength = 64 * 1024;
}
