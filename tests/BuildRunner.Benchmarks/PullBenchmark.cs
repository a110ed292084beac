using System.Diagnostics;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Registry;
using BuildRunner.Containers.Storage;

namespace BuildRunner.Benchmarks;

/// <summary>A pull of 300 MB in six layers from a loopback registry, verified and unpacked: against docker, podman, and the work itself.</summary>
/// <remarks>
/// All data lie on one file system of their own, journalled ext4 in a sparse file: the root file system of a CI machine may have no journal, and then be ten times
/// slower after files were removed. What a round leaves is removed, and the disk written, before the next one's clock starts.
/// </remarks>
internal sealed class PullBenchmark : IAsyncDisposable
{
    private const int Port = 5099;
    private const string Name = "bench/pull:1";

    private readonly string _folder = Directory.CreateTempSubdirectory("buildrunner-bench-").FullName;
    private readonly List<Process> _processes = [];

    private string Disk => Path.Combine(_folder, "disk");

    private static string Image => $"127.0.0.1:{Port}/{Name}";

    public static async Task<bool> RunAsync(int rounds)
    {
        await using var benchmark = new PullBenchmark();
        await benchmark.PrepareAsync();
        return await benchmark.MeasureAsync(rounds);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _processes.AsEnumerable().Reverse())
        {
            await Programs.CaptureAsync("kill", "-TERM", process.Id.ToString());
            await process.WaitForExitAsync();
            process.Dispose();
        }

        await Programs.CaptureAsync("umount", "-R", "-l", Disk);
        await Programs.CaptureAsync("rm", "-rf", _folder);
    }

    private async Task PrepareAsync()
    {
        Directory.CreateDirectory(Disk);
        await Programs.RunAsync("truncate", "-s", "24G", $"{_folder}/disk.img");
        await Programs.RunAsync("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", $"{_folder}/disk.img");
        await Programs.RunAsync("mount", "-o", "loop", $"{_folder}/disk.img", Disk);
        PullImage.Write($"{Disk}/layout");
        await File.WriteAllTextAsync(
            $"{_folder}/registry.yml", $"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {Disk}/registry}}}}\nhttp: {{addr: '127.0.0.1:{Port}'}}\n");
        Start("docker-registry", "serve", $"{_folder}/registry.yml");
        using (var store = Open("push"))
        {
            await WaitAsync(async () => (await Programs.CaptureAsync("bash", "-c", $"exec 3<>/dev/tcp/127.0.0.1/{Port}")).Code == 0);
            await store.ImportAsync(new ImageImport { Path = $"{Disk}/layout", Name = Parse(Image) }, null, CancellationToken.None);
            await store.PushAsync(Parse(Image), Parse(Image), new PushOptions(), null, CancellationToken.None);
        }

        Directory.Delete($"{Disk}/push", recursive: true);
        var daemon = Start(
            "unshare", "--net", "dockerd", "--host", $"unix://{_folder}/docker.sock", "--data-root", $"{Disk}/docker", "--exec-root", $"{_folder}/exec", "--pidfile", $"{_folder}/docker.pid",
            "--log-level", "error");
        await WaitAsync(async () => (await DockerAsync("info")).Code == 0);
        // Its loopback interface is not ours: the same registry, once more.
        await Programs.RunAsync("nsenter", "-t", daemon.Id.ToString(), "-n", "ip", "link", "set", "lo", "up");
        Start("nsenter", "-t", daemon.Id.ToString(), "-n", "docker-registry", "serve", $"{_folder}/registry.yml");
        await WaitAsync(async () => (await Programs.CaptureAsync("nsenter", "-t", daemon.Id.ToString(), "-n", "bash", "-c", $"exec 3<>/dev/tcp/127.0.0.1/{Port}")).Code == 0);
        Console.WriteLine((await DockerAsync("version", "--format", "docker engine {{.Server.Version}}, client {{.Client.Version}}")).Output.Trim());
        Console.WriteLine((await Programs.CaptureAsync("podman", "--version")).Output.Trim());
        Console.WriteLine($"kernel {Environment.OSVersion.Version}, .NET {Environment.Version}, {Environment.ProcessorCount} processors, load {(await File.ReadAllTextAsync("/proc/loadavg")).Trim()}");
    }

    private async Task<bool> MeasureAsync(int rounds)
    {
        var comparison = new Comparison("pull of 300 MB, six layers");
        comparison.Add("buildrunner", () => CleanAsync("store"), PullAsync);
        comparison.Add("floor: inflate, hash, write", () => CleanAsync("floor"), () => Task.Run(Floor));
        comparison.Add("docker pull", async () => await SyncAsync(() => DockerAsync("rmi", "-f", Image)), () => Programs.RunAsync("docker", "--host", $"unix://{_folder}/docker.sock", "pull", "-q", Image));
        comparison.Add("podman pull", async () => await SyncAsync(() => PodmanAsync("rmi", "-f", Image)), () => Programs.RunAsync("podman", [.. PodmanPlace, "pull", "-q", "--tls-verify=false", Image]));
        await comparison.MeasureAsync(rounds);
        Console.WriteLine($"load after: {(await File.ReadAllTextAsync("/proc/loadavg")).Trim()}");
        return comparison.AtMost("buildrunner", "docker pull", 0.35)
            & comparison.AtMost("buildrunner", "podman pull", 0.35)
            & comparison.AtMost("buildrunner", "floor: inflate, hash, write", 1.4);
    }

    private async Task PullAsync()
    {
        using var store = Open("store");
        await store.PullAsync(Parse(Image), new PullOptions { Policy = PullPolicy.Always }, null, CancellationToken.None);
    }

    // The same files from the disk, two at a time, the largest first: what no program that verifies and unpacks can do without.
    private void Floor()
    {
        var queue = new Queue<FileInfo>(new DirectoryInfo($"{Disk}/layout/blobs/sha256").EnumerateFiles().Where(file => file.Length > 100_000).OrderByDescending(file => file.Length));
        var limits = new ImageLimits();
        var threads = Enumerable.Range(0, 2).Select(_ => new Thread(() =>
        {
            while (true)
            {
                FileInfo file;
                lock (queue)
                {
                    if (!queue.TryDequeue(out file!))
                    {
                        return;
                    }
                }

                using var content = new FileStream(file.FullName, FileMode.Open, FileAccess.Read, FileShare.Read, 1);
                using var hashing = new HashingStream(content, long.MaxValue);
                LayerUnpacker.Unpack(hashing, file.Length, Directory.CreateDirectory($"{Disk}/floor/{file.Name}").FullName, limits, CancellationToken.None);
                if (hashing.TakeDigest().Hex != file.Name)
                {
                    throw new InvalidOperationException($"{file.Name} is damaged");
                }
            }
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
    }

    private ImageStore Open(string name) => new(Path.Combine(Disk, name), new ImageStoreOptions { Registry = new RegistryOptions { UseCredentialFiles = false } }, TimeProvider.System);

    private Task CleanAsync(string name) => SyncAsync(() => Programs.CaptureAsync("rm", "-rf", $"{Disk}/{name}"));

    private async Task SyncAsync(Func<Task> remove)
    {
        await remove();
        await Programs.RunAsync("sync", "-f", Disk);
    }

    private Task<(int Code, string Output)> DockerAsync(params string[] arguments) => Programs.CaptureAsync("docker", ["--host", $"unix://{_folder}/docker.sock", .. arguments]);

    private Task<(int Code, string Output)> PodmanAsync(params string[] arguments) => Programs.CaptureAsync("podman", [.. PodmanPlace, .. arguments]);

    private string[] PodmanPlace => ["--root", $"{Disk}/podman", "--runroot", $"{_folder}/podman-run", "--tmpdir", $"{_folder}/podman-tmp", "--storage-driver", "overlay"];

    private Process Start(string program, params string[] arguments)
    {
        var info = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in arguments)
        {
            info.ArgumentList.Add(argument);
        }

        var process = Process.Start(info) ?? throw new InvalidOperationException($"{program} did not start");
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        _processes.Add(process);
        return process;
    }

    private static async Task WaitAsync(Func<Task<bool>> isReady)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!await isReady())
        {
            await Task.Delay(200, deadline.Token);
        }
    }

    private static ImageReference Parse(string text) => ImageReference.TryParse(text, null, out var reference, out var problem) ? reference : throw new InvalidOperationException(problem);
}
