using System.Diagnostics;
using BuildRunner.Containers.Tests.Storage;
using BuildRunner.Testing;

namespace BuildRunner.Containers.Tests.Engine.Docker;

/// <summary>A registry in the network namespace of an engine, on its loopback interface: the only place where the engine finds one.</summary>
internal sealed class NearbyRegistry : IAsyncDisposable
{
    private readonly Process _process;
    private readonly string[] _enter;

    private NearbyRegistry(Process process, string[] enter, int port)
    {
        (_process, _enter) = (process, enter);
        Port = port;
    }

    public int Port { get; }

    /// <summary>Starts it and waits until it answers.</summary>
    public static async Task<NearbyRegistry> StartAsync(int engine, string folder, CancellationToken cancellationToken)
    {
        Requires.Program("docker-registry", "nsenter", "ip", "skopeo");
        Directory.CreateDirectory(folder);
        var port = System.Security.Cryptography.RandomNumberGenerator.GetInt32(20_000, 32_000);
        await File.WriteAllTextAsync(
            $"{folder}/config.yml",
            $"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {folder}/data}}}}\nhttp: {{addr: '127.0.0.1:{port}'}}\n",
            cancellationToken);
        string[] enter = ["-t", engine.ToString(), "-n"];
        UnpackFixture.Run("nsenter", [.. enter, "ip", "link", "set", "lo", "up"]);
        var start = new ProcessStartInfo("nsenter") { RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (var argument in (string[])[.. enter, Requires.Find("docker-registry")!, "serve", $"{folder}/config.yml"])
        {
            start.ArgumentList.Add(argument);
        }

        var process = Process.Start(start)!;
        process.OutputDataReceived += static (_, _) => { };
        process.ErrorDataReceived += static (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var registry = new NearbyRegistry(process, enter, port);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(TimeSpan.FromSeconds(30));
        while (!registry.Answers())
        {
            await Task.Delay(50, deadline.Token);
        }

        return registry;
    }

    /// <summary>What skopeo finds there.</summary>
    public string Inspect(string image) => UnpackFixture.Run("nsenter", [.. _enter, "skopeo", "inspect", "--tls-verify=false", $"docker://127.0.0.1:{Port}/{image}"]);

    public async Task StopAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync(CancellationToken.None);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _process.Dispose();
    }

    private bool Answers()
    {
        var start = new ProcessStartInfo("nsenter") { RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (var argument in (string[])[.. _enter, "bash", "-c", $"exec 3<>/dev/tcp/127.0.0.1/{Port}"])
        {
            start.ArgumentList.Add(argument);
        }

        using var probe = Process.Start(start)!;
        probe.WaitForExit();
        return probe.ExitCode == 0;
    }
}
