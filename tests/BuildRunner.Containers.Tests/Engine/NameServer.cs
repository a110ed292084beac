using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>A name server of this host that knows one name, at port 53 of one of its addresses.</summary>
internal sealed class NameServer : IAsyncDisposable
{
    private const int HeaderLength = 12;

    private readonly UdpClient _socket;
    private readonly string _name;
    private readonly byte[] _address;
    private readonly Task _serving;

    private NameServer(UdpClient socket, string name, byte[] address)
    {
        (_socket, _name, _address) = (socket, name, address);
        _serving = ServeAsync();
    }

    /// <summary>How often it was asked for the name that it knows.</summary>
    public int Asked { get; private set; }

    /// <summary>Starts one.</summary>
    /// <param name="at">Where it listens.</param>
    /// <param name="name">The name that it knows; of all others it says that they do not exist.</param>
    /// <param name="address">The address of that name, of version 4; it has none of version 6.</param>
    public static NameServer Start(string at, string name, string address) =>
        new(new UdpClient(new IPEndPoint(IPAddress.Parse(at), 53)), name, IPAddress.Parse(address).GetAddressBytes());

    public async ValueTask DisposeAsync()
    {
        _socket.Dispose();
        await _serving;
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                var question = await _socket.ReceiveAsync();
                await _socket.SendAsync(AnswerTo(question.Buffer), question.RemoteEndPoint);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    // RFC 1035: header, question, answer. Whatever comes behind the question is left out.
    private byte[] AnswerTo(byte[] asked)
    {
        const ushort itself = 0x8180, doesNotExist = 3, address = 1;
        var name = new StringBuilder();
        var at = HeaderLength;
        for (; asked[at] > 0; at += asked[at] + 1)
        {
            name.Append(name.Length > 0 ? "." : "").Append(Encoding.ASCII.GetString(asked, at + 1, asked[at]));
        }

        var kind = BinaryPrimitives.ReadUInt16BigEndian(asked.AsSpan(at + 1));
        var known = name.Equals(_name);
        Asked += known ? 1 : 0;
        byte[] answer = [.. asked[..(at + 5)], .. known && kind == address ? (byte[])[0xC0, HeaderLength, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, .. _address] : []];
        BinaryPrimitives.WriteUInt16BigEndian(answer.AsSpan(2), (ushort)(itself | (known ? 0 : doesNotExist)));
        BinaryPrimitives.WriteUInt16BigEndian(answer.AsSpan(6), (ushort)(known && kind == address ? 1 : 0));
        answer.AsSpan(8, 4).Clear();
        return answer;
    }
}
