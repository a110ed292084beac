namespace BuildRunner.Testing.Docker;

/// <summary>Podman's service with Docker's API, in a network namespace of its own, with its own socket, data and networks.</summary>
public sealed class PodmanService : ITestEngine
{
    private const string NetworkPlugins = "/usr/lib/cni";

    private readonly EngineProcess _process;
    private readonly TestFolder _folder;

    private PodmanService(EngineProcess process, TestFolder folder)
    {
        _process = process;
        _folder = folder;
    }

    /// <inheritdoc/>
    public string Host => $"unix://{Socket}";

    /// <inheritdoc/>
    public string Socket => _folder["podman.sock"];

    /// <inheritdoc/>
    public int ProcessId => _process.Id;

    /// <summary>Starts one; skips the test where the host cannot.</summary>
    public static async Task<PodmanService> StartAsync()
    {
        Requires.Root();
        Requires.Program("podman", "runc", "unshare", "iptables", "busybox");
        Requires.Path(NetworkPlugins);
        var folder = TestFolder.Create();
        await File.WriteAllTextAsync(folder["containers.conf"], Configuration(folder));
        await File.WriteAllTextAsync(folder["registries.conf"], Registries);
        string[] service = ["--net", "sh", "-c", "busybox ip link set lo up && exec \"$0\" \"$@\"", Requires.Find("podman")!, .. Own(folder), "system", "service", "--time", "0", $"unix://{folder["podman.sock"]}"];
        var podman = new PodmanService(EngineProcess.Start("unshare", service, Variables(folder)), folder);
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
            "nsenter", [$"--net=/proc/{ProcessId}/ns/net", "podman", .. Own(_folder), "rm", "--force", "--all", "--time", "0"], Variables(_folder)))
        {
            await removal.WaitForEndAsync();
        }

        await _process.DisposeAsync();
        _folder.Dispose();
    }

    private static string[] Own(TestFolder folder) => ["--root", folder["data"], "--runroot", folder["run"], "--tmpdir", folder["tmp"]];

    private static Dictionary<string, string> Variables(TestFolder folder) => new()
    {
        ["CONTAINERS_CONF"] = folder["containers.conf"],
        ["CONTAINERS_REGISTRIES_CONF"] = folder["registries.conf"],
    };

    // Docker speaks to registries of its loopback interface without TLS; Podman wants to be told.
    private static string Registries => $"[[registry]]\nlocation = \"127.0.0.1:{ITestEngine.RegistryPort}\"\ninsecure = true\n";

    // A root without CAP_SYS_RESOURCE cannot raise limits to Podman's defaults; crun refuses hosts with both versions of cgroups.
    private static string Configuration(TestFolder folder) =>
        $"""
        [containers]
        default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
        [engine]
        cgroup_manager = "cgroupfs"
        events_logger = "file"
        runtime = "runc"
        [network]
        network_backend = "cni"
        network_config_dir = "{folder["networks"]}"
        cni_plugin_dirs = ["{NetworkPlugins}"]

        """;
}
