namespace BuildRunner.Sandbox.Kernel;

/// <summary>The host's clocks.</summary>
internal static class Clock
{
    /// <summary>The time of day, for people.</summary>
    public static long UnixMicroseconds() => (TimeProvider.System.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    /// <summary>Milliseconds that only go forward, for limits.</summary>
    public static long Milliseconds() => Environment.TickCount64;
}
