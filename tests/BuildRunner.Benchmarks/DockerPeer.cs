using System.Diagnostics;

namespace BuildRunner.Benchmarks;

/// <summary>The peer: a Docker engine that runs already, or a private one in a network namespace of its own, with an image made of busybox.</summary>
internal sealed class DockerPeer : IAsyncDisposable
{
    private readonly Process? _daemon;
    private readonly string _directory;

    private DockerPeer(Process? daemon, string directory, string host)
    {
        _daemon = daemon;
        _directory = directory;
        Host = host;
    }

    public const string Image = "buildrunner-bench:busybox";

    public string Host { get; }

    public static async Task<DockerPeer> StartAsync()
    {
        var directory = Directory.CreateTempSubdirectory("buildrunner-bench-").FullName;
        var running = await Programs.CaptureAsync("docker", "info", "--format", "{{.ServerVersion}}");
        Process? daemon = null;
        var host = Environment.GetEnvironmentVariable("DOCKER_HOST") ?? "unix:///var/run/docker.sock";
        if (running.Code != 0 || running.Output.Trim().Length == 0)
        {
            host = $"unix://{directory}/docker.sock";
            daemon = StartDaemon(directory, host);
        }

        var peer = new DockerPeer(daemon, directory, host);
        await peer.WaitAsync();
        await peer.ImportBusyboxAsync();
        var version = await peer.CaptureAsync("version", "--format", "docker engine {{.Server.Version}}, client {{.Client.Version}}");
        Console.WriteLine(version.Output.Trim());
        return peer;
    }

    public Task RunAsync(params string[] arguments) => Programs.RunAsync("docker", ["--host", Host, .. arguments]);

    /// <summary>Milliseconds from the start of the client to the first byte that it prints.</summary>
    public async Task<double> MeasureFirstByteAsync(params string[] arguments)
    {
        var info = new ProcessStartInfo("docker") { RedirectStandardOutput = true };
        foreach (var argument in (string[])["--host", Host, .. arguments])
        {
            info.ArgumentList.Add(argument);
        }

        var start = Stopwatch.GetTimestamp();
        using var process = Process.Start(info) ?? throw new InvalidOperationException("docker did not start");
        var read = await process.StandardOutput.BaseStream.ReadAsync(new byte[1]);
        var elapsed = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        await process.WaitForExitAsync();
        return read == 1 ? elapsed : throw new InvalidOperationException("docker printed nothing");
    }

    public async ValueTask DisposeAsync()
    {
        if (_daemon is not null)
        {
            // unshare forks: the daemon is its child, and ends with its own TERM.
            await Programs.CaptureAsync("pkill", "-TERM", "-P", _daemon.Id.ToString());
            await _daemon.WaitForExitAsync();
            _daemon.Dispose();
        }

        await Programs.CaptureAsync("rm", "-rf", _directory);
    }

    private Task<(int Code, string Output)> CaptureAsync(params string[] arguments) => Programs.CaptureAsync("docker", ["--host", Host, .. arguments]);

    private static Process StartDaemon(string directory, string host)
    {
        string[] arguments =
        [
            "--net", "--fork", "dockerd", "--host", host, "--data-root", $"{directory}/data", "--exec-root", $"{directory}/exec",
            "--pidfile", $"{directory}/docker.pid", "--log-level", "error",
        ];
        var info = new ProcessStartInfo("unshare") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in arguments)
        {
            info.ArgumentList.Add(argument);
        }

        var process = Process.Start(info) ?? throw new InvalidOperationException("unshare did not start");
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    private async Task WaitAsync()
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while ((await CaptureAsync("info")).Code != 0)
        {
            await Task.Delay(200, deadline.Token);
        }
    }

    private async Task ImportBusyboxAsync()
    {
        var root = Path.Combine(_directory, "root");
        Directory.CreateDirectory(Path.Combine(root, "bin"));
        File.Copy("/bin/busybox", Path.Combine(root, "bin", "busybox"));
        foreach (var applet in new[] { "sh", "true", "echo", "sleep" })
        {
            File.CreateSymbolicLink(Path.Combine(root, "bin", applet), "busybox");
        }

        var archive = Path.Combine(_directory, "root.tar");
        await Programs.RunAsync("tar", "-C", root, "-cf", archive, ".");
        await RunAsync("import", archive, Image);
    }
}
