using BuildRunner.Testing.Registries;

namespace BuildRunner.Testing.Docker;

/// <summary>A private Docker engine in a network namespace of its own, with its own socket and data. Never the host's.</summary>
public sealed class DockerDaemon : ITestEngine
{
    private const int TlsPort = 2376;

    private readonly EngineProcess _process;
    private readonly TestFolder _folder;
    private LoopbackBridge? _bridge;

    private DockerDaemon(EngineProcess process, TestFolder folder)
    {
        _process = process;
        _folder = folder;
        Host = $"unix://{Socket}";
    }

    /// <inheritdoc/>
    public string Host { get; private set; }

    /// <inheritdoc/>
    public int ProcessId => _process.Id;

    /// <inheritdoc/>
    public string Socket => _folder["docker.sock"];

    /// <summary>The folder with <c>ca.pem</c>, <c>cert.pem</c> and <c>key.pem</c> of an engine that speaks TLS.</summary>
    public string Certificates => _folder["certificates"];

    /// <summary>Starts one; skips the test where the host cannot.</summary>
    public static Task<DockerDaemon> StartAsync(params string[] more)
    {
        var folder = NewFolder();
        return StartAsync(folder, ["--net"], "", ["--exec-root", folder["exec"], "--pidfile", folder["docker.pid"], .. more]);
    }

    /// <summary>Starts one that does not see this host's files, and is reached by TCP, with certificates on both sides.</summary>
    public static async Task<DockerDaemon> StartElsewhereAsync()
    {
        var folder = NewFolder();
        Directory.CreateDirectory(folder["data"]);
        Directory.CreateDirectory(folder["certificates"]);
        var certificate = TestCertificate.Create();
        await File.WriteAllTextAsync(folder["certificates/ca.pem"], certificate.AuthorityPem);
        await File.WriteAllTextAsync(folder["certificates/cert.pem"], certificate.CertificatePem);
        await File.WriteAllTextAsync(folder["certificates/key.pem"], certificate.KeyPem);

        // Of this host it has the programs and its own folder.
        var hide = $"mount --bind {folder.Path} /mnt && mount -t tmpfs none /tmp && mount -t tmpfs none /run && mount -t tmpfs none /dev/shm && ";
        var daemon = await StartAsync(
            folder,
            ["--net", "--mount", "--propagation", "private"],
            hide,
            [
                "--exec-root", "/run/docker", "--pidfile", "/run/docker.pid", "--host", $"tcp://127.0.0.1:{TlsPort}", "--tlsverify",
                "--tlscacert", "/mnt/certificates/ca.pem", "--tlscert", "/mnt/certificates/cert.pem", "--tlskey", "/mnt/certificates/key.pem",
            ],
            "/mnt");
        daemon._bridge = LoopbackBridge.Into(daemon.ProcessId, TlsPort);
        daemon.Host = $"tcp://127.0.0.1:{daemon._bridge.Port}";
        return daemon;
    }

    public async ValueTask DisposeAsync()
    {
        if (_bridge is not null)
        {
            await _bridge.DisposeAsync();
        }

        await _process.DisposeAsync();
        _folder.Dispose();
    }

    private static TestFolder NewFolder()
    {
        Requires.Root();
        Requires.Program("dockerd", "containerd", "unshare", "iptables", "busybox");
        return TestFolder.Create();
    }

    /// <param name="folder">Its folder on this host.</param>
    /// <param name="namespaces">What it has of its own. Without an own network a second engine would remove the bridges of the first.</param>
    /// <param name="before">Shell commands before it.</param>
    /// <param name="more">More arguments.</param>
    /// <param name="seen">Where it sees its folder.</param>
    private static async Task<DockerDaemon> StartAsync(TestFolder folder, string[] namespaces, string before, string[] more, string? seen = null)
    {
        seen ??= folder.Path;
        string[] arguments =
        [
            .. namespaces, "sh", "-c", $"busybox ip link set lo up && {before}exec \"$0\" \"$@\"",
            Requires.Find("dockerd")!, "--host", $"unix://{seen}/docker.sock", "--data-root", $"{seen}/data", "--log-level", "error", .. more,
        ];
        var daemon = new DockerDaemon(EngineProcess.Start("unshare", arguments), folder);
        try
        {
            await daemon._process.WaitForSocketAsync(daemon.Socket);
            return daemon;
        }
        catch
        {
            await daemon.DisposeAsync();
            throw;
        }
    }
}
