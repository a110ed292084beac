namespace BuildRunner.Testing.Docker;

/// <summary>Podman's service with Docker's API, in a network namespace of its own, with its own socket and data.</summary>
public sealed class PodmanService : IAsyncDisposable
{
    // A root without CAP_SYS_RESOURCE cannot raise limits to Podman's defaults.
    private const string Configuration =
        "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=4096:4096\"]\n[engine]\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\n";

    private readonly EngineProcess _process;
    private readonly TestFolder _folder;

    private PodmanService(EngineProcess process, TestFolder folder)
    {
        _process = process;
        _folder = folder;
    }

    /// <summary>Its address, as <c>DOCKER_HOST</c> has it.</summary>
    public string Host => $"unix://{_folder["podman.sock"]}";

    /// <summary>Starts one; skips the test where the host cannot.</summary>
    public static async Task<PodmanService> StartAsync()
    {
        Requires.Root();
        Requires.Program("podman", "runc", "unshare");
        var folder = TestFolder.Create();
        await File.WriteAllTextAsync(folder["containers.conf"], Configuration);
        string[] arguments =
        [
            "--net", "--mount", "--propagation", "slave", Requires.Find("podman")!, "--root", folder["data"], "--runroot", folder["run"], "--cgroup-manager", "cgroupfs", "--runtime", "runc",
            "system", "service", "--time", "0", $"unix://{folder["podman.sock"]}",
        ];
        var environment = new Dictionary<string, string> { ["CONTAINERS_CONF"] = folder["containers.conf"] };
        var service = new PodmanService(EngineProcess.Start("unshare", arguments, environment), folder);
        try
        {
            await service._process.WaitForSocketAsync(folder["podman.sock"]);
            return service;
        }
        catch
        {
            await service.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        _folder.Dispose();
    }
}
