using BuildRunner.Sandbox.Kernel;

namespace BuildRunner.Sandbox.Launch;

/// <summary>A plan as the forked child reads it: numbers and pointers to memory that was ready before the fork.</summary>
internal unsafe struct NativePlan
{
    public CallNumbers Numbers;

    /// <summary>Makes a system call (<see cref="BareCode"/>).</summary>
    public delegate*<nint, nint, nint, nint, nint, nint, nint> Call;

    /// <summary>Memory that the shim shares with its children: the number of the process that becomes the container's first, once there is one.</summary>
    public int* Container;

    /// <summary>Room for what a process says when it fails.</summary>
    public int* Said;
    public int Report, Input, Output, Error;
    public int Users, Network;

    /// <summary>Files to which a process writes itself to be in a cgroup.</summary>
    public int* Cgroups;
    public int CgroupCount;

    /// <summary>The container's directory in the one hierarchy of version 2; -1: it has none.</summary>
    public int UnifiedCgroup;

    public byte* Root, Slash, Here, Nothing, KeyringName, HostName;
    public int HostNameLength;
    public bool ReadOnlyRoot;
    public byte* Program;
    public byte** Arguments;
    public byte** Environment;

    public NativeFileSystem* FileSystems;
    public int FileSystemCount;

    /// <summary>Which of them is <c>proc</c>.</summary>
    public int Proc;

    public NativeTree* Nodes;
    public int NodeCount;
    public NativeTree* Binds;
    public int BindCount;
    public NativeLink* Links;
    public int LinkCount;
    public NativeSetting* Settings;
    public int SettingCount;

    /// <summary>As settings are: files below <c>/proc</c>, with what is written to them.</summary>
    public NativeSetting* Labels;
    public int LabelCount;
    public byte** Masked;
    public int MaskedCount;

    /// <summary>Which of the nodes is the null device, by which files are masked.</summary>
    public int Null;

    /// <summary>What is mounted over a directory that is masked.</summary>
    public NativeFileSystem* Mask;

    public byte** ReadOnly;
    public int ReadOnlyCount;
    public NativeLimit* Limits;
    public int LimitCount;
    public ulong Capabilities;
    public int CapabilityCount;
    public bool NoNewPrivileges;
    public byte* Filter;
    public ushort FilterLength;

    /// <summary>Room for two paths.</summary>
    public byte* Path, OtherPath;
    public const int PathLength = 16 * 1024;
}

internal unsafe struct NativeFileSystem
{
    public byte* Type, Source, Target;
    public NativeOption* Options;
    public int OptionCount;
    public uint Attributes;

    /// <summary>Filled in by the child: the mount, which is nowhere yet.</summary>
    public int Mount;
}

internal unsafe struct NativeOption
{
    public byte* Key;

    /// <summary>Null: the option is only there or not.</summary>
    public byte* Value;
}

internal unsafe struct NativeTree
{
    public byte* Source, Target;
    public bool IsDirectory, IsBlock;
    public uint Major, Minor;

    /// <summary>Filled in by the child: a copy of the mounts, which is nowhere yet.</summary>
    public int Mount;
}

internal unsafe struct NativeLink
{
    public byte* Target, Text;
}

internal unsafe struct NativeSetting
{
    /// <summary>Below <c>/proc</c>.</summary>
    public byte* Path;
    public byte* Value;
    public int Length;
}

internal struct NativeLimit
{
    public int Resource;
    public ulong Soft, Hard;
}
