using BuildRunner.Sandbox.Kernel;

namespace BuildRunner.Sandbox.Rootless;

/// <summary>Whose root this process is.</summary>
internal static class Rights
{
    /// <summary>
    /// True: of the host. False: of a user namespace. The kernel lets such a root map no owners on the host's file systems, keep no orders for an overlay in the
    /// attributes that are the host's, move nobody between cgroups and come back to no namespace of the host.
    /// </summary>
    public static bool AreOfHost { get; } = (Files.TryRead("/proc/self/uid_map") ?? "").Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries) is ["0", "0", "4294967295"];
}
