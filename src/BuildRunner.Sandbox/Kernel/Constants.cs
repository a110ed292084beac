using System.Runtime.InteropServices;

namespace BuildRunner.Sandbox.Kernel;

/// <summary>Numbers of the kernel's interface (<c>include/uapi</c>); those that differ by processor are looked up.</summary>
internal static class Constants
{
    private static readonly bool Arm = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;

    // open
    internal const int ReadOnly = 0, WriteOnly = 1, ReadWrite = 2, Create = 0x40, Exclusive = 0x80, Truncate = 0x200, Append = 0x400, NonBlocking = 0x800;
    internal const int CloseOnExec = 0x80000, PathOnly = 0x200000, NoTerminal = 0x100;
    internal const int AtCurrentDirectory = -100, AtEmptyPath = 0x1000, AtRemoveDirectory = 0x200;

    internal static int OnlyDirectory => Arm ? 0x4000 : 0x10000;

    internal static int NoFollow => Arm ? 0x8000 : 0x20000;

    // errors
    internal const int ErrNoPermission = 1, ErrNoEntry = 2, ErrInterrupted = 4, ErrBadExecutable = 8, ErrNoChild = 10, ErrAgain = 11, ErrAccess = 13;
    internal const int ErrBusy = 16, ErrExists = 17, ErrCrossDevice = 18, ErrNotDirectory = 20, ErrInvalid = 22, ErrPipe = 32, ErrNoSystemCall = 38, ErrLoop = 40, ErrReset = 104;

    // namespaces and clone
    internal const int NewMounts = 0x20000, NewNetwork = 0x40000000, NewUsers = 0x10000000, NewCgroups = 0x2000000, NewHostName = 0x4000000, NewIpc = 0x8000000, NewProcesses = 0x20000000;
    internal const int ShareFileSystem = 0x200, SameParent = 0x8000, WriteNumber = 0x100000;
    internal const ulong IntoCgroup = 0x200000000;

    // mount
    internal const nuint MountReadOnly = 1, MountNoSuid = 2, MountNoDevices = 4, MountNoExec = 8, MountRemount = 32, MountNoTimes = 1024, MountBind = 0x1000, MountRecursive = 0x4000;
    internal const nuint MountSlave = 1 << 19;
    internal const int UnmountDetach = 2, UnmountNoFollow = 8;

    // locks
    internal const int LockShared = 1, LockExclusive = 2, LockNoWait = 4;

    // poll
    internal const short PollIn = 1, PollOut = 4, PollError = 8, PollHangUp = 16;

    // prctl
    internal const int SetParentDeathSignal = 1, SetDumpable = 4, SetChildSubreaper = 36;

    // signals
    internal const int SignalKill = 9, SignalTerminate = 15, SignalCount = 64;

    // sockets
    internal const int Unix = 1, Netlink = 16, StreamSocket = 1, Raw = 3, SocketCloseOnExec = 0x80000, NoSignal = 0x4000, MessageCloseOnExec = 0x40000000;

    // calls with the same number on every processor
    internal const nint CallPidfdSendSignal = 424, CallOpenTree = 428, CallMoveMount = 429, CallOpenFileSystem = 430, CallConfigureFileSystem = 431, CallMountFileSystem = 432;
    internal const nint CallPidfdOpen = 434, CallClone3 = 435, CallCloseRange = 436;
    internal const nint CallOpenAt2 = 437, CallMountSetAttributes = 442, CallLandlockCreateRuleset = 444, CallLandlockRestrictSelf = 446;

    internal static nint CallSeccomp => Arm ? 277 : 317;

    internal static nint CallGetDirectoryEntries => Arm ? 61 : 217;
}
