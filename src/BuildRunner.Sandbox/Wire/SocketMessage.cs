using System.Runtime.InteropServices;

namespace BuildRunner.Sandbox.Wire;

/// <summary>What <c>sendmsg</c> and <c>recvmsg</c> take, on a 64-bit kernel (<c>struct msghdr</c>).</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SocketMessage
{
    public void* Name;
    public ulong NameLength;
    public MessagePiece* Pieces;
    public nuint PieceCount;
    public DescriptorMessage* Control;
    public nuint ControlLength;
    public long Flags;
}

/// <summary>Bytes of a message (<c>struct iovec</c>).</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct MessagePiece
{
    public byte* Start;
    public nuint Length;
}

/// <summary>One descriptor beside the bytes of a message (<c>struct cmsghdr</c> and what follows it).</summary>
[StructLayout(LayoutKind.Sequential, Size = 24)]
internal struct DescriptorMessage
{
    /// <summary>Bytes of one that has a descriptor.</summary>
    public const int WithOne = 20;

    private const int SocketLevel = 1, Rights = 1;

    private nuint length;
    private int level;
    private int type;
    private int number;

    public readonly int Number => number;

    public readonly bool IsDescriptor => length >= WithOne && level == SocketLevel && type == Rights;

    public static DescriptorMessage Of(int number) => new() { length = WithOne, level = SocketLevel, type = Rights, number = number };
}
