using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Wire;
using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Network;

/// <summary>The host's packet filter rules for all groups: one table, installed once, in force for every uplink by its device's name.</summary>
internal static unsafe class Firewall
{
    /// <summary>Stands for the table's name in the rules. The name carries a hash of the rules, so that changed rules replace the old ones.</summary>
    public const string TableName = "@TABLE@";

    /// <summary>Stands for the name of the chain of one list of name servers.</summary>
    public const string NamesName = "@NAMES@";

    /// <summary>Installs the rules if they are not there, and has the host forward; returns what is in the way, empty if nothing is.</summary>
    /// <param name="rules">The same for all installations of one version.</param>
    /// <param name="names">What is added to them, once for each list of name servers: those of other installations stay.</param>
    /// <param name="forwards6">Whether IPv6 is forwarded too.</param>
    public static string Ensure(string rules, string names, bool forwards6)
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

        return IsOn(Forwarding) || Files.TryWriteKernelFile(Forwarding, "1") == 0
            ? ""
            : $"forwarding is off and cannot be turned on; as root: sysctl net.ipv4.ip_forward=1";
    }

    private static string Install(string table, string rules, string names)
    {
        if (Processes.Find("nft") is not { } nft)
        {
            return "the program nft is missing; apt-get install nftables";
        }

        if (IsInstalled(table, NamesOfAll))
        {
            rules = "";
        }
        else
        {
            var old = Run(nft, ["list", "tables"], "").Output.Split('\n').Where(l => l.StartsWith("table inet " + Prefix, StringComparison.Ordinal));
            rules = string.Concat(old.Select(l => $"delete {l}\n")) + rules;
        }

        var (status, output) = Run(nft, ["-f", "-"], (rules + names).Replace(TableName, table, StringComparison.Ordinal));
        return status == 0 ? "" : $"nft refused the rules: {output.Trim()}";
    }

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

    private const string Prefix = "buildrunner_", Forwarding = "/proc/sys/net/ipv4/ip_forward", Forwarding6 = "/proc/sys/net/ipv6/conf/all/forwarding";
    private const string NamesOfAll = "names", NamesPrefix = NamesOfAll + "_";
    private const int NetlinkNetfilter = 12, HeaderLength = 20;
    private const ushort GetChain = 0xA04, ChainTable = 1, ChainName = 3;
    private const byte FamilyInet = 1;
}
