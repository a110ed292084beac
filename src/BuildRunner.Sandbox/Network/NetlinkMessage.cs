using System.Buffers.Binary;
using System.Text;

namespace BuildRunner.Sandbox.Network;

/// <summary>Builds one rtnetlink request.</summary>
internal sealed class NetlinkMessage
{
    private readonly byte[] _bytes = new byte[1024];
    private int _length = HeaderLength;

    public NetlinkMessage(ushort type, ushort flags)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(_bytes.AsSpan(4), type);
        BinaryPrimitives.WriteUInt16LittleEndian(_bytes.AsSpan(6), (ushort)(flags | FlagRequest | FlagAcknowledge));
    }

    /// <summary>The finished request.</summary>
    public ReadOnlySpan<byte> Finish(uint sequence)
    {
        BinaryPrimitives.WriteInt32LittleEndian(_bytes, _length);
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(8), sequence);
        return _bytes.AsSpan(0, _length);
    }

    /// <summary><c>struct ifinfomsg</c>: which link, and which of its flags to set.</summary>
    public NetlinkMessage Link(int index, uint flags)
    {
        var at = Reserve(16);
        BinaryPrimitives.WriteInt32LittleEndian(_bytes.AsSpan(at + 4), index);
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(at + 8), flags);
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(at + 12), flags);
        return this;
    }

    /// <summary><c>struct ifaddrmsg</c>.</summary>
    public NetlinkMessage AddressHeader(byte prefixLength, int index, bool ofVersion6 = false)
    {
        var at = Reserve(8);
        _bytes[at] = ofVersion6 ? FamilyIPv6 : FamilyIPv4;
        _bytes[at + 1] = prefixLength;

        // Usable at once: nobody else can have it.
        _bytes[at + 2] = ofVersion6 ? NoDuplicateDetection : (byte)0;
        BinaryPrimitives.WriteInt32LittleEndian(_bytes.AsSpan(at + 4), index);
        return this;
    }

    /// <summary><c>struct rtmsg</c> for a route in the main table.</summary>
    public NetlinkMessage RouteHeader(byte prefixLength, bool ofVersion6 = false)
    {
        var at = Reserve(12);
        _bytes[at] = ofVersion6 ? FamilyIPv6 : FamilyIPv4;
        _bytes[at + 1] = prefixLength;
        _bytes[at + 4] = 254;
        _bytes[at + 5] = 4;
        _bytes[at + 7] = 1;
        return this;
    }

    public NetlinkMessage Number(ushort attribute, uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(Attribute(attribute, 4)), value);
        return this;
    }

    /// <summary>An IPv4 address, given as a number whose highest byte is the first of the address.</summary>
    public NetlinkMessage Address(ushort attribute, uint address)
    {
        BinaryPrimitives.WriteUInt32BigEndian(_bytes.AsSpan(Attribute(attribute, 4)), address);
        return this;
    }

    /// <summary>An IPv6 address, given likewise.</summary>
    public NetlinkMessage Address(ushort attribute, UInt128 address)
    {
        BinaryPrimitives.WriteUInt128BigEndian(_bytes.AsSpan(Attribute(attribute, 16)), address);
        return this;
    }

    public NetlinkMessage Text(ushort attribute, string value)
    {
        var bytes = Encoding.ASCII.GetBytes(value);
        bytes.CopyTo(_bytes, Attribute(attribute, bytes.Length + 1));
        return this;
    }

    public NetlinkMessage Nested(ushort attribute, Action<NetlinkMessage> content)
    {
        var at = Attribute(attribute, 0) - AttributeHeaderLength;
        content(this);
        BinaryPrimitives.WriteUInt16LittleEndian(_bytes.AsSpan(at), (ushort)(_length - at));
        return this;
    }

    private int Attribute(ushort type, int length)
    {
        var at = Reserve(AttributeHeaderLength + length);
        BinaryPrimitives.WriteUInt16LittleEndian(_bytes.AsSpan(at), (ushort)(AttributeHeaderLength + length));
        BinaryPrimitives.WriteUInt16LittleEndian(_bytes.AsSpan(at + 2), type);
        return at + AttributeHeaderLength;
    }

    private int Reserve(int length)
    {
        var at = _length;
        _length += (length + 3) & ~3;
        return at;
    }

    internal const int HeaderLength = 16;
    private const int AttributeHeaderLength = 4;
    private const byte FamilyIPv4 = 2, FamilyIPv6 = 10, NoDuplicateDetection = 2;
    private const ushort FlagRequest = 1, FlagAcknowledge = 4;
}
