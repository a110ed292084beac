using System.Diagnostics;
using System.Net.Sockets;
using BuildRunner.Testing;
using BuildRunner.Testing.Engine;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>Starts the process that tests kill, and waits until it has got as far as it shall.</summary>
internal static class CrashingChild
{
    public static async Task<Process> StartAsync(TestFolder folder, string phase, Dictionary<string, string?> variables)
    {
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(folder["socket"]));
        listener.Listen(1);
        var info = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
        info.Environment[CrashingProcess.SocketVariable] = folder["socket"];
        info.Environment[CrashingProcess.FolderVariable] = folder.Path;
        foreach (var (name, value) in variables)
        {
            info.Environment[name] = value;
        }

        var child = Process.Start(info)!;
        _ = child.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        timeout.CancelAfter(TimeSpan.FromSeconds(60));
        using var connection = await listener.AcceptAsync(timeout.Token);
        using var reader = new StreamReader(new NetworkStream(connection));
        while (await reader.ReadLineAsync(timeout.Token) is { } said && said != phase)
        {
        }

        return child;
    }
}
