using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Sandbox.Kernel;

/// <summary>What <c>wait</c> says about a process that has ended.</summary>
internal static class WaitStatus
{
    public static ExitReport ToReport(int status) => (status & 0x7F) is var signal and > 0
        ? new ExitReport(-1, signal, OutOfMemory: false, DeadlinePassed: false)
        : new ExitReport((status >> 8) & 0xFF, 0, OutOfMemory: false, DeadlinePassed: false);
}
