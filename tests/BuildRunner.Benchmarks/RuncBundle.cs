using System.Text.Json.Nodes;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Oci;

namespace BuildRunner.Benchmarks;

/// <summary>The same profile, mounts and image for the bare runtime, which makes the namespaces itself. Its root is a plain directory, where the engine's is an overlay.</summary>
internal sealed class RuncBundle
{
    private readonly string _bundle;
    private readonly string _program;
    private readonly ReadyNamespaces? _ready;
    private int _count;

    /// <param name="directory">Where it is made.</param>
    /// <param name="name">Its folder there.</param>
    /// <param name="image">The root file system; it is copied.</param>
    /// <param name="program">What runs in it, without arguments.</param>
    /// <param name="userNamespace">Whether it has one.</param>
    /// <param name="ready">Namespaces that are there already; null: the runtime makes them.</param>
    /// <param name="files">Whether it has the mounts that a step has.</param>
    public RuncBundle(string directory, string name, string image, string program, bool userNamespace = true, ReadyNamespaces? ready = null, bool files = true)
    {
        _program = program;
        _ready = ready;
        _bundle = Directory.CreateDirectory(Path.Combine(directory, name)).FullName;
        var root = Path.Combine(_bundle, "root");
        var owner = userNamespace ? ReadyNamespaces.FirstHostId : 0;
        Programs.RunAsync("cp", "-a", image, root).Wait();
        Directory.CreateDirectory(Path.Combine(_bundle, "injected"));
        foreach (var file in new[] { "hosts", "resolv.conf", "hostname" })
        {
            File.WriteAllText(Path.Combine(_bundle, file), "");
        }

        Programs.RunAsync("chown", "-R", $"{owner}:{owner}", root).Wait();
        Programs.RunAsync("chmod", "711", directory, _bundle).Wait();
        File.WriteAllText(Path.Combine(_bundle, "config.json"), Configuration(root, userNamespace, files));
    }

    /// <summary>Arguments of the runtime for one more run. Safe from several threads.</summary>
    public string[] NextArguments() =>
        ["--root", Path.Combine(_bundle, "state"), "run", "--bundle", _bundle, $"bench-{Environment.ProcessId}-{Path.GetFileName(_bundle)}-{Interlocked.Increment(ref _count)}"];

    /// <summary>Runs it to its end, which must be a good one.</summary>
    public Task RunAsync() => Programs.RunAsync("runc", NextArguments());

    private string Configuration(string root, bool userNamespace, bool files)
    {
        var spec = new RuntimeSpec
        {
            Root = root,
            Bundle = _bundle,
            HostName = "bench",
            UserNamespacePath = "",
            NetworkNamespacePath = "",
            FirstHostId = ReadyNamespaces.FirstHostId,

            // Two at once must not have one: whoever ends first removes it.
            CgroupPath = $"/buildrunner/bench-{Path.GetFileName(_bundle)}",
            Limits = new ResourceLimits(Pids: 4096),
            Binds = !files ? [] :
            [
                (_bundle + "/hosts", "/etc/hosts"), (_bundle + "/resolv.conf", "/etc/resolv.conf"), (_bundle + "/hostname", "/etc/hostname"),
                (_bundle + "/injected", InjectedFile.Root),
            ],
            Privileged = false,
            AllowNewPrivileges = false,
            SharedMemoryBytes = 64 << 20,
            OpenFiles = 1024,
            Allow32Bit = false,
            FilterByRuntime = true,
        };
        var json = JsonNode.Parse(spec.ToJson()) ?? throw new InvalidOperationException();
        json["process"]!["args"] = new JsonArray(_program);
        var linux = json["linux"]!.AsObject();
        foreach (var space in linux["namespaces"]!.AsArray())
        {
            var type = (string?)space!["type"];
            space.AsObject().Remove("path");
            if (_ready is not null && (type is "user" or "network"))
            {
                space["path"] = type == "user" ? _ready.User : _ready.Network;
            }
        }

        if (!userNamespace)
        {
            linux.Remove("uidMappings");
            linux.Remove("gidMappings");
            linux["namespaces"] = new JsonArray([.. linux["namespaces"]!.AsArray().Where(n => (string?)n!["type"] != "user").Select(n => n!.DeepClone())]);
        }

        return json.ToJsonString();
    }
}
