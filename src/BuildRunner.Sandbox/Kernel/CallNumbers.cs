using System.Runtime.InteropServices;

namespace BuildRunner.Sandbox.Kernel;

/// <summary>The numbers of the system calls that a forked child makes.</summary>
/// <remarks>Looked up before the fork and handed to the child by value: the child may not run a static constructor.</remarks>
internal readonly struct CallNumbers
{
    public readonly nint Clone, Read, Write, Close, Exit, ControlProcess, Unshare, DuplicateTo, NewSession, OpenAt;
    public readonly nint SetGroups, SetUser, SetGroup, ChangeDirectory, Execute, SignalAction, SignalMask, MakeDirectoryAt;
    public readonly nint SetNamespace, PivotRoot, Unmount, SetHostName, ControlKeys, SetCapabilities, Status, ReadLinkAt, LinkAt;
    public readonly nint ChangeDirectoryTo, Filter, FileMask, LimitResource, FileSystemStatus;

    /// <summary>Flags of <c>open</c> that differ as well.</summary>
    public readonly int OnlyDirectory, NoFollow;

    private CallNumbers(bool arm)
    {
        (Clone, Read, Write, Close, Exit) = arm ? (220, 63, 64, 57, 94) : (56, 0, 1, 3, 231);
        (ControlProcess, Unshare, DuplicateTo, NewSession, OpenAt) = arm ? (167, 97, 24, 157, 56) : (157, 272, 292, 112, 257);
        (SetGroups, SetUser, SetGroup) = arm ? (159, 147, 149) : (116, 117, 119);
        (ChangeDirectory, Execute, MakeDirectoryAt) = arm ? (49, 221, 34) : (80, 59, 258);
        (SignalAction, SignalMask) = arm ? (134, 135) : (13, 14);
        (SetNamespace, PivotRoot, Unmount, SetHostName, ControlKeys) = arm ? (268, 41, 39, 161, 219) : (308, 155, 166, 170, 250);
        (SetCapabilities, Status, ReadLinkAt, LinkAt) = arm ? (91, 291, 78, 36) : (126, 332, 267, 266);
        (ChangeDirectoryTo, Filter, FileMask, LimitResource, FileSystemStatus) = arm ? (50, 277, 166, 261, 44) : (81, 317, 95, 302, 138);
        (OnlyDirectory, NoFollow) = arm ? (0x4000, 0x8000) : (0x10000, 0x20000);
    }

    public static CallNumbers OfThisProcessor() => Of(RuntimeInformation.ProcessArchitecture);

    public static CallNumbers Of(Architecture processor) => new(processor == Architecture.Arm64);
}
