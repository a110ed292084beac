using System.Runtime.InteropServices;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>What this kernel's Landlock can do; the container's first process uses it by itself.</summary>
internal static partial class LandlockOfHost
{
    private const int CreateRuleset = 444, AskVersion = 1, FirstWithScopes = 6;

    /// <summary>The version of its interface; 0: there is none.</summary>
    public static int Version => (int)Math.Max(0, Call(CreateRuleset, 0, 0, AskVersion));

    /// <summary>What the doctor says of it.</summary>
    public static ReadinessCheck Check(int version) => new("landlock", ReadinessStatus.Ok, version >= FirstWithScopes
        ? $"signals and abstract sockets of a step are kept within it by the kernel too (Landlock {version})"
        : $"this kernel's Landlock keeps no signals and abstract sockets ({(version == 0 ? "it has none" : $"version {version}")}; Linux 6.12 does): namespaces alone keep a step's within it");

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial nint Call(nint number, nint attributes, nint size, nint flags);
}
