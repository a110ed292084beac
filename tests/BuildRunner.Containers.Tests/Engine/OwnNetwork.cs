using System.Diagnostics;
using System.Globalization;
using BuildRunner.Containers.Engine.Oci;
using BuildRunner.Testing;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>A network namespace that stands for the host's, for tests that change the packet filter: its rules are the whole host's, and others use them.</summary>
internal sealed class OwnNetwork : IAsyncDisposable
{
    /// <summary>The name server of engines that are in it.</summary>
    public const string NameServer = "192.0.2.53";

    private static int _count;

    private readonly string _name = string.Create(CultureInfo.InvariantCulture, $"brtest{Environment.ProcessId}-{Interlocked.Increment(ref _count)}");

    private OwnNetwork()
    {
    }

    private string Join => $"--net=/run/netns/{_name}";

    public static async Task<OwnNetwork> CreateAsync()
    {
        Requires.Program("ip", "nsenter", "unshare");
        var network = new OwnNetwork();
        await RunAsync("ip", "netns", "add", network._name);
        return network;
    }

    /// <summary>Has the helper of an engine start in it.</summary>
    /// <param name="options">Its helper is a link to the real one, in whose place a script is put.</param>
    /// <param name="before">What the script does before; its arguments are the whole command, the fourth of them is the verb.</param>
    public void Enter(OciEngineOptions options, string before = "")
    {
        var path = options.SandboxPath!;
        var real = new FileInfo(path).LinkTarget ?? throw new ArgumentException($"{path} is the helper itself, and not a link to it that could be exchanged", nameof(options));
        File.Delete(path);
        File.WriteAllText(path, $"#!/bin/sh\nset -- nsenter {Join} '{real}' \"$@\"\n{before}\nexec \"$@\"\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        options.Network.NameServers = [NameServer];
    }

    public Task<string> RulesAsync() => RunAsync("nsenter", Join, "nft", "list", "ruleset");

    public Task FlushAsync() => RunAsync("nsenter", Join, "nft", "flush", "ruleset");

    public async ValueTask DisposeAsync() => await RunAsync("ip", "netns", "delete", _name);

    private static async Task<string> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        var text = await process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        await process.WaitForExitAsync(CancellationToken.None);
        Assert.Equal(0, process.ExitCode);
        return text;
    }
}
