using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Xunit;
namespace BuildRunner.Testing.Engine;

/// <summary>A machine on this host's network: a network namespace, connected by a pair of devices, that shows a page at each of its addresses.</summary>
/// <remarks>The addresses are of the ranges for documentation and drawn by lot, so that several of these can be on one host.</remarks>
public sealed class NearbyMachine : IDisposable
{
    /// <summary>Where its pages are.</summary>
    public const int Port = 8080;

    private static readonly string[] Configurations = ["all", "default"];
    private readonly Process _server;
    private readonly TestFolder _folder;

    private NearbyMachine(Process server, TestFolder folder)
    {
        _server = server;
        _folder = folder;
        var (low, high) = (RandomNumberGenerator.GetInt32(64) * 4, RandomNumberGenerator.GetInt32(1, 0xFFFF).ToString("x", CultureInfo.InvariantCulture));
        Host = [$"203.0.113.{low + 1}", $"2001:db8:{high}::1"];
        World = [$"203.0.113.{low + 2}", $"2001:db8:{high}::2"];
        Private = [$"10.77.{low}.1", $"fd12:{high}::1"];
        LinkLocal = [$"169.254.{low}.254", "fd00:ec2::254"];
    }

    /// <summary>The host's address on the link to it: of version 4, of version 6.</summary>
    public string[] Host { get; }

    /// <summary>An address that is neither private nor link-local.</summary>
    public string[] World { get; }

    /// <summary>A private one.</summary>
    public string[] Private { get; }

    /// <summary>One at which clouds answer with credentials, or of its kind.</summary>
    public string[] LinkLocal { get; }

    /// <summary>Whether devices of this host can have IPv6 addresses.</summary>
    public static bool HostHasIPv6 => Configurations.All(c => File.Exists($"/proc/sys/net/ipv6/conf/{c}/disable_ipv6") && File.ReadAllText($"/proc/sys/net/ipv6/conf/{c}/disable_ipv6").Trim() == "0");

    /// <summary>Starts one; it needs root.</summary>
    public static async Task<NearbyMachine> StartAsync()
    {
        Requires.Program("unshare", "ip", "busybox");
        var folder = TestFolder.Create();
        await File.WriteAllTextAsync(folder["page"], "page");
        var info = new ProcessStartInfo("unshare") { ArgumentList = { "--net", "busybox", "httpd", "-f", "-p", $"[::]:{Port}", "-h", folder.Path } };
        var machine = new NearbyMachine(Process.Start(info)!, folder);
        try
        {
            machine.Connect();
            return machine;
        }
        catch
        {
            machine.Dispose();
            throw;
        }
    }

    /// <summary>Where the page is at an address.</summary>
    public static string PageAt(string address) => $"http://{(address.Contains(':') ? $"[{address}]" : address)}:{Port}/page";

    /// <summary>Gives it another address, which this host reaches.</summary>
    public void Add(string address)
    {
        var version = address.Contains(':') ? 1 : 0;
        var alone = version == 0 ? "32" : "128";
        string[] nodad = version == 0 ? [] : ["nodad"];
        Run("nsenter", ["-t", Id, "-n", "ip", "address", "add", $"{address}/{alone}", "dev", "eth0", .. nodad]);
        Run("ip", "route", "replace", $"{address}/{alone}", "via", World[version], "dev", Device);
    }

    /// <summary>Ends it; its devices go with it.</summary>
    public void Dispose()
    {
        _server.Kill();
        _server.WaitForExit();
        _server.Dispose();
        _folder.Dispose();
    }

    private void Connect()
    {
        var home = Namespace("self");
        Assert.True(SpinWait.SpinUntil(() => Namespace(Id) != home, TimeSpan.FromSeconds(30)), "unshare made no network namespace");
        Run("ip", "link", "add", Device, "type", "veth", "peer", "name", "eth0", "netns", Id);
        Run("nsenter", "-t", Id, "-n", "ip", "link", "set", "eth0", "up");
        Run("ip", "link", "set", Device, "up");
        for (var version = 0; version < 2; version++)
        {
            var length = version == 0 ? "30" : "64";
            string[] nodad = version == 0 ? [] : ["nodad"];
            Run("ip", ["address", "add", $"{Host[version]}/{length}", "dev", Device, .. nodad]);
            Run("nsenter", ["-t", Id, "-n", "ip", "address", "add", $"{World[version]}/{length}", "dev", "eth0", .. nodad]);
            Add(Private[version]);
            Add(LinkLocal[version]);
        }
    }

    private string Device => "nearby" + Id;

    private string Id => _server.Id.ToString(CultureInfo.InvariantCulture);

    private static string? Namespace(string process) => new FileInfo($"/proc/{process}/ns/net").LinkTarget;

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {error}");
    }
}
