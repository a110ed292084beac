using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Wire;
using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Network;

/// <summary>The host's packet filter rules for groups: one table for each set of rules, installed once, in force for the uplinks that have its letters in their names.</summary>
/// <remarks>So versions and settings of BuildRunner that differ work beside each other on one host. Who brings a table removes those of which no group lives any more.</remarks>
internal static unsafe class Firewall
{
    /// <summary>Stands for the table's name in the rules. The name carries a hash of the rules.</summary>
    public const string TableName = "@TABLE@";

    /// <summary>Stands for the beginning of the names of the devices for which they are in force.</summary>
    public const string DevicesName = "@DEVICES@";

    /// <summary>Stands for the name of the chain of one list of name servers.</summary>
    public const string NamesName = "@NAMES@";

    /// <summary>Installs the rules if they are not there, has the host forward, and makes a group's device; returns what is in the way, empty if nothing is.</summary>
    /// <param name="rules">The same for all installations of one version and the same settings.</param>
    /// <param name="names">What is added to them, once for each list of name servers: those of other installations stay.</param>
    /// <param name="forwards6">Whether IPv6 is forwarded too.</param>
    /// <param name="connect">Makes the device, whose name must begin as it is told. Meanwhile nobody can find that the rules have no device and remove them.</param>
    public static string Connect(string rules, string names, bool forwards6, Action<string> connect)
    {
        using var guard = FileLock.Take(HostPaths.Slots + "/firewall");
        var (table, chain) = (Prefix + Digits(rules), NamesPrefix + Digits(names));
        if (!IsInstalled(table, chain) && Install(table, rules, names.Replace(NamesName, chain, StringComparison.Ordinal)) is { Length: > 0 } problem)
        {
            return problem;
        }

        if (forwards6 && !IsOn(Forwarding6))
        {
            KeepListeningToRouters();
            _ = Files.TryWriteKernelFile(Forwarding6, "1");
        }

        if (!IsOn(Forwarding) && Files.TryWriteKernelFile(Forwarding, "1") != 0)
        {
            return "forwarding is off and cannot be turned on; as root: sysctl net.ipv4.ip_forward=1";
        }

        connect(DevicesOf(table));
        return "";
    }

    private static string Install(string table, string rules, string names)
    {
        if (Processes.Find("nft") is not { } nft)
        {
            return "the program nft is missing; apt-get install nftables";
        }

        rules = IsInstalled(table, NamesOfAll) ? "" : RemovalOfUnused(nft) + rules;
        var text = (rules + names).Replace(TableName, table, StringComparison.Ordinal).Replace(DevicesName, DevicesOf(table), StringComparison.Ordinal);
        var (status, output) = Run(nft, ["-f", "-"], text);
        return status == 0 ? "" : $"nft refused the rules: {output.Trim()}";
    }

    /// <summary>Removes the tables of which no device is there.</summary>
    private static string RemovalOfUnused(string nft)
    {
        const string Line = "table inet ";
        var devices = Directory.GetDirectories("/sys/class/net").Select(d => Path.GetFileName(d)).ToList();
        var tables = Run(nft, ["list", "tables"], "").Output.Split('\n').Where(l => l.StartsWith(Line, StringComparison.Ordinal)).Select(l => l[Line.Length..].Trim());
        var unused = tables.Where(t => t.StartsWith(Prefix, StringComparison.Ordinal) ? !devices.Any(d => d.StartsWith(DevicesOf(t), StringComparison.Ordinal))
            : t.StartsWith(OldPrefix, StringComparison.Ordinal) && !devices.Any(d => d.StartsWith(DevicePrefix, StringComparison.Ordinal) && char.IsAsciiDigit(d[DevicePrefix.Length..].FirstOrDefault())));
        return string.Concat(unused.Select(t => $"delete {Line}{t}\n"));
    }

    /// <summary>Letters and no digits, so that a process's number can follow.</summary>
    private static string DevicesOf(string table) => DevicePrefix + string.Concat(table[^4..].Select(c => (char)('g' + Convert.ToInt32(c.ToString(), 16))));

    private static string Digits(string text) => Hash(text).ToString("x16", CultureInfo.InvariantCulture);

    /// <summary>A host that has its IPv6 route from a router's announcements would stop listening to them once it forwards itself.</summary>
    private static void KeepListeningToRouters()
    {
        const string off = "0", onlyWhileNotForwarding = "1", always = "2";
        foreach (var device in Directory.GetDirectories("/proc/sys/net/ipv6/conf"))
        {
            if (Files.TryRead(device + "/accept_ra")?.Trim() == onlyWhileNotForwarding && Files.TryRead(device + "/forwarding")?.Trim() == off)
            {
                _ = Files.TryWriteKernelFile(device + "/accept_ra", always);
            }
        }
    }

    private static bool IsOn(string setting) => Files.TryRead(setting)?.Trim() == "1";

    /// <summary>Asks the kernel for a chain of a table, without a process.</summary>
    private static bool IsInstalled(string table, string chain)
    {
        using var socket = new Descriptor(KernelException.Check(Libc.Socket(Netlink, Raw | SocketCloseOnExec, NetlinkNetfilter), "open the packet filter"));
        byte[] request = [.. new byte[HeaderLength], .. Attribute(ChainTable, table), .. Attribute(ChainName, chain)];
        BinaryPrimitives.WriteInt32LittleEndian(request, request.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(request.AsSpan(4), GetChain);
        BinaryPrimitives.WriteUInt16LittleEndian(request.AsSpan(6), 1);
        request[16] = FamilyInet;
        var answer = new byte[4096];
        fixed (byte* start = request, received = answer)
        {
            if (Libc.Send(socket.Number, start, (nuint)request.Length, 0) < 0 || Libc.Receive(socket.Number, received, (nuint)answer.Length, 0) < 20)
            {
                return false;
            }
        }

        const ushort TypeError = 2;
        return BinaryPrimitives.ReadUInt16LittleEndian(answer.AsSpan(4)) != TypeError;
    }

    private static byte[] Attribute(ushort kind, string text)
    {
        var value = Encoding.ASCII.GetBytes(text + "\0");
        var attribute = new byte[4 + ((value.Length + 3) & ~3)];
        BinaryPrimitives.WriteUInt16LittleEndian(attribute, (ushort)(4 + value.Length));
        BinaryPrimitives.WriteUInt16LittleEndian(attribute.AsSpan(2), kind);
        value.CopyTo(attribute, 4);
        return attribute;
    }

    private static (int Status, string Output) Run(string program, IReadOnlyList<string> arguments, string input)
    {
        var (inputRead, inputWrite) = Descriptor.Pipe();
        var (outputRead, outputWrite) = Descriptor.Pipe();
        using (outputRead)
        {
            var pid = Processes.Spawn(program, [program, .. arguments], inputRead.Number, outputWrite.Number, outputWrite.Number);
            inputRead.Dispose();
            outputWrite.Dispose();
            if (pid < 0)
            {
                throw KernelException.FromErrorNumber($"start {program}", -pid);
            }

            // The rules fit into the pipe: nothing can block both sides.
            inputWrite.Write(Encoding.UTF8.GetBytes(input));
            inputWrite.Dispose();
            var output = Encoding.UTF8.GetString(Files.ReadToEnd(outputRead, 1 << 20));
            return (Processes.Wait(pid), output);
        }
    }

    /// <summary>FNV-1a; it only has to differ when the rules do.</summary>
    private static ulong Hash(string text)
    {
        var hash = 14695981039346656037;
        foreach (var c in text)
        {
            hash = (hash ^ c) * 1099511628211;
        }

        return hash;
    }

    private const string Prefix = "buildrunner.", OldPrefix = "buildrunner_", DevicePrefix = "brg", Forwarding = "/proc/sys/net/ipv4/ip_forward", Forwarding6 = "/proc/sys/net/ipv6/conf/all/forwarding";
    private const string NamesOfAll = "names", NamesPrefix = NamesOfAll + "_";
    private const int NetlinkNetfilter = 12, HeaderLength = 20;
    private const ushort GetChain = 0xA04, ChainTable = 1, ChainName = 3;
    private const byte FamilyInet = 1;
}
