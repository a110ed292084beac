namespace BuildRunner.Testing.Docker;

/// <summary>Podman's service with Docker's API, in a network namespace of its own, with its own socket, data and networks.</summary>
public sealed class PodmanService : ITestEngine
{
    private const string NetworkPlugins = "/usr/lib/cni";

    private readonly EngineProcess _process;
    private readonly TestFolder _folder;
    private readonly string _seen;

    private PodmanService(EngineProcess process, TestFolder folder, string seen)
    {
        _process = process;
        _folder = folder;
        _seen = seen;
    }

    /// <inheritdoc/>
    public string Host => $"unix://{Socket}";

    /// <inheritdoc/>
    public string Socket => _folder["podman.sock"];

    /// <inheritdoc/>
    public int ProcessId => _process.Id;

    /// <summary>Starts one; skips the test where the host cannot.</summary>
    public static Task<PodmanService> StartAsync() => StartAsync(elsewhere: false);

    /// <summary>Starts one that does not see this host's files: it has mounts of its own, and only its folder is in both.</summary>
    public static Task<PodmanService> StartElsewhereAsync() => StartAsync(elsewhere: true);

    private static async Task<PodmanService> StartAsync(bool elsewhere)
    {
        Requires.Root();
        Requires.Program("podman", "runc", "unshare", "iptables", "busybox");
        Requires.Path(NetworkPlugins);
        var folder = TestFolder.Create();
        var seen = elsewhere ? "/mnt" : folder.Path;
        var (mounts, hide) = elsewhere
            ? (new[] { "--mount", "--propagation", "private" }, $"mount --bind {folder.Path} /mnt && mount -t tmpfs none /tmp && mount -t tmpfs none /run && mount -t tmpfs none /dev/shm && ")
            : (Array.Empty<string>(), "");
        await File.WriteAllTextAsync(folder["containers.conf"], Configuration(seen));
        await File.WriteAllTextAsync(folder["registries.conf"], Registries);
        string[] service =
        [
            "--net", .. mounts, "sh", "-c", $"busybox ip link set lo up && {hide}exec \"$0\" \"$@\"", Requires.Find("podman")!, .. Own(seen),
            "system", "service", "--time", "0", $"unix://{seen}/podman.sock",
        ];
        var podman = new PodmanService(EngineProcess.Start("unshare", service, Variables(seen)), folder, seen);
        try
        {
            await podman._process.WaitForSocketAsync(folder["podman.sock"]);
            return podman;
        }
        catch
        {
            await podman.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        // Podman's containers do not end with the service: one that a failed test left must not stay on the host.
        await using (var removal = EngineProcess.Start(
            "nsenter", [$"--net=/proc/{ProcessId}/ns/net", $"--mount=/proc/{ProcessId}/ns/mnt", "podman", .. Own(_seen), "rm", "--force", "--all", "--time", "0"], Variables(_seen)))
        {
            await removal.WaitForEndAsync();
        }

        await _process.DisposeAsync();
        _folder.Dispose();
    }

    private static string[] Own(string folder) => ["--root", $"{folder}/data", "--runroot", $"{folder}/run", "--tmpdir", $"{folder}/tmp"];

    private static Dictionary<string, string> Variables(string folder) => new()
    {
        ["CONTAINERS_CONF"] = $"{folder}/containers.conf",
        ["CONTAINERS_REGISTRIES_CONF"] = $"{folder}/registries.conf",
    };

    // Docker speaks to registries of its loopback interface without TLS; Podman wants to be told.
    private static string Registries => $"[[registry]]\nlocation = \"127.0.0.1:{ITestEngine.RegistryPort}\"\ninsecure = true\n";

    // A root without CAP_SYS_RESOURCE cannot raise limits to Podman's defaults; crun refuses hosts with both versions of cgroups.
    private static string Configuration(string folder) =>
        $"""
        [containers]
        default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
        [engine]
        cgroup_manager = "cgroupfs"
        events_logger = "file"
        runtime = "runc"
        [network]
        network_backend = "cni"
        network_config_dir = "{folder}/networks"
        cni_plugin_dirs = ["{NetworkPlugins}"]

        """;
}
