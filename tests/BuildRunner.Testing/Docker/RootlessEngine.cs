namespace BuildRunner.Testing.Docker;

/// <summary>An engine that an ordinary user has started for themselves: Podman's service, or Docker's daemon.</summary>
public sealed class RootlessEngine : ITestEngine
{
    // A root without CAP_SYS_RESOURCE cannot raise limits to Podman's defaults; crun refuses hosts with both versions of cgroups.
    private const string PodmanConfiguration =
        """
        [containers]
        default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
        [engine]
        cgroup_manager = "cgroupfs"
        events_logger = "file"
        runtime = "runc"
        [network]
        network_backend = "cni"
        cni_plugin_dirs = ["/usr/lib/cni"]

        """;

    private readonly EngineProcess _process;

    private RootlessEngine(OrdinaryUser user, EngineProcess process, string socket)
    {
        User = user;
        _process = process;
        Socket = socket;
    }

    /// <summary>Whose it is.</summary>
    public OrdinaryUser User { get; }

    /// <inheritdoc/>
    public string Host => $"unix://{Socket}";

    /// <inheritdoc/>
    public string Socket { get; }

    /// <inheritdoc/>
    public int ProcessId => _process.Id;

    /// <summary>Starts Podman's service at its usual place in the user's session.</summary>
    /// <param name="programs">The folder of programs that the user must be able to reach.</param>
    public static async Task<RootlessEngine> StartPodmanAsync(string programs)
    {
        Requires.Program("podman", "runc", "iptables");
        Requires.Path("/usr/lib/cni");
        var user = new OrdinaryUser(programs);
        var socket = $"{user.Session}/podman/podman.sock";
        Directory.CreateDirectory(Path.GetDirectoryName(socket)!);
        Directory.CreateDirectory($"{user.Home}/.config/containers");
        await File.WriteAllTextAsync($"{user.Home}/.config/containers/containers.conf", PodmanConfiguration);
        OrdinaryUser.GiveTo(user.Session);
        OrdinaryUser.GiveTo(user.Home);
        return await StartAsync(user, socket, "podman", "system", "service", "--time", "0", $"unix://{socket}");
    }

    /// <summary>Starts Docker's daemon at its usual place in the user's session, as its own script does.</summary>
    /// <inheritdoc cref="StartPodmanAsync" path="/param"/>
    public static Task<RootlessEngine> StartDockerAsync(string programs)
    {
        Requires.Program("dockerd", "containerd", "rootlesskit", "iptables");
        Requires.Path("/usr/share/docker.io/contrib/dockerd-rootless.sh");
        var user = new OrdinaryUser(programs);
        var socket = $"{user.Session}/docker.sock";
        return StartAsync(user, socket, "dockerd-rootless.sh", "--host", $"unix://{socket}", "--data-root", $"{user.Home}/data", "--log-level", "error");
    }

    /// <inheritdoc cref="OrdinaryUser.Next"/>
    public string[] Next(string directory, IReadOnlyDictionary<string, string> more, params IEnumerable<string> command) => User.Next(ProcessId, directory, more, command);

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        User.Dispose();
    }

    private static async Task<RootlessEngine> StartAsync(OrdinaryUser user, string socket, params IEnumerable<string> command)
    {
        // What holds the namespaces takes no notice of a polite signal; nothing of it needs to be put in order.
        var engine = new RootlessEngine(user, EngineProcess.Start("unshare", user.First(command), politely: false), socket);
        try
        {
            await engine._process.WaitForSocketAsync(socket);
            return engine;
        }
        catch
        {
            await engine.DisposeAsync();
            throw;
        }
    }
}
