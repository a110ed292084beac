namespace BuildRunner.Sandbox.Wire;

/// <summary>The files in which a shim keeps what outlives its caller. A waiter keeps the spool only, which its caller begins.</summary>
internal static class RecordPaths
{
    /// <summary>All output, as <see cref="SpoolRecord"/>s, from the first byte on.</summary>
    public static string Spool(string directory) => directory + "/spool";

    /// <summary>How the container ended: one message of the shim. There when every process of it is dead and its output in the spool.</summary>
    public static string Exit(string directory) => directory + "/exit";

    /// <summary>Locked by the shim while it lives.</summary>
    public static string Lock(string directory) => directory + "/lock";
}
