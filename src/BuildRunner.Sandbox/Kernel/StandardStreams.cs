using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Kernel;

/// <summary>The standard streams of this process.</summary>
internal static class StandardStreams
{
    /// <summary>What this program says when it dies belongs into the group's state, not onto the caller's terminal.</summary>
    public static void SendErrorsTo(string path)
    {
        using var file = Descriptor.Open(path, WriteOnly | Create | Append | NoFollow, 0x180);
        KernelException.Check(Libc.Duplicate(file.Number, 2), "redirect", "standard error");
    }

    /// <summary>A reader that goes away is an answer of <c>write</c>, not the end of this process.</summary>
    public static void SurviveLostReaders() => _ = Libc.HandleSignal(13, 1);

    /// <summary>Keeps descriptors that came from the caller by accident away from every program started here.</summary>
    public static void KeepToThisProcess() => _ = Libc.Call(CallCloseRange, 3, int.MaxValue, 4, 0, 0);
}
