namespace BuildRunner.Server.Storage;

/// <summary>Tells a disk without room from other trouble with files.</summary>
internal static class DiskFaults
{
    private const int NoSpace = 28;
    private const int OverQuota = 122;

    /// <summary>Whether there was no room, or no more for this user.</summary>
    public static bool IsFull(IOException fault) => fault.HResult is NoSpace or OverQuota;
}
