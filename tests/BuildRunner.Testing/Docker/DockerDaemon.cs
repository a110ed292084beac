namespace BuildRunner.Testing.Docker;

/// <summary>A private Docker engine in a network namespace of its own, with its own socket and data. Never the host's.</summary>
public sealed class DockerDaemon : ITestEngine
{
    private readonly EngineProcess _process;
    private readonly TestFolder _folder;

    private DockerDaemon(EngineProcess process, TestFolder folder)
    {
        _process = process;
        _folder = folder;
    }

    /// <inheritdoc/>
    public string Host => $"unix://{_folder["docker.sock"]}";

    /// <inheritdoc/>
    public int ProcessId => _process.Id;

    /// <summary>Starts one; skips the test where the host cannot.</summary>
    public static async Task<DockerDaemon> StartAsync(params string[] more)
    {
        Requires.Root();
        Requires.Program("dockerd", "containerd", "unshare", "iptables");
        var folder = TestFolder.Create();

        // Without an own network namespace a second engine would remove the bridges of the first.
        string[] arguments =
        [
            "--net", Requires.Find("dockerd")!, "--host", $"unix://{folder["docker.sock"]}", "--data-root", folder["data"],
            "--exec-root", folder["exec"], "--pidfile", folder["docker.pid"], "--log-level", "error", .. more,
        ];
        var daemon = new DockerDaemon(EngineProcess.Start("unshare", arguments), folder);
        try
        {
            await daemon._process.WaitForSocketAsync(folder["docker.sock"]);
            return daemon;
        }
        catch
        {
            await daemon.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        _folder.Dispose();
    }
}
