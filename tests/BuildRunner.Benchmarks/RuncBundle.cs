using System.Text.Json.Nodes;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Oci;

namespace BuildRunner.Benchmarks;

/// <summary>The same profile, mounts and image for the bare runtime, which makes the namespaces itself. Its root is a plain directory, where the engine's is an overlay.</summary>
internal sealed class RuncBundle
{
    private readonly string _bundle;
    private readonly ReadyNamespaces? _ready;
    private int _count;

    public RuncBundle(string directory, string name, bool userNamespace, ReadyNamespaces? ready = null)
    {
        _ready = ready;
        _bundle = Directory.CreateDirectory(Path.Combine(directory, name)).FullName;
        var root = Path.Combine(_bundle, "root");
        var owner = userNamespace ? ReadyNamespaces.FirstHostId : 0;
        Programs.RunAsync("cp", "-a", Path.Combine(directory, "image"), root).Wait();
        Directory.CreateDirectory(Path.Combine(_bundle, "injected"));
        foreach (var file in new[] { "hosts", "resolv.conf", "hostname" })
        {
            File.WriteAllText(Path.Combine(_bundle, file), "");
        }

        Programs.RunAsync("chown", "-R", $"{owner}:{owner}", root).Wait();
        Programs.RunAsync("chmod", "711", directory, _bundle).Wait();
        File.WriteAllText(Path.Combine(_bundle, "config.json"), Configuration(root, userNamespace));
    }

    public string[] NextArguments() => ["--root", Path.Combine(_bundle, "state"), "run", "--bundle", _bundle, $"bench-{Environment.ProcessId}-{Path.GetFileName(_bundle)}-{_count++}"];

    private string Configuration(string root, bool userNamespace)
    {
        var spec = new RuntimeSpec
        {
            Root = root,
            Bundle = _bundle,
            HostName = "bench",
            UserNamespacePath = "",
            NetworkNamespacePath = "",
            FirstHostId = ReadyNamespaces.FirstHostId,
            CgroupPath = "/buildrunner/bench",
            Limits = new ResourceLimits(Pids: 4096),
            Binds =
            [
                (_bundle + "/hosts", "/etc/hosts"), (_bundle + "/resolv.conf", "/etc/resolv.conf"), (_bundle + "/hostname", "/etc/hostname"),
                (_bundle + "/injected", InjectedFile.Root),
            ],
            Privileged = false,
            AllowNewPrivileges = false,
            SharedMemoryBytes = 64 << 20,
            OpenFiles = 1024,
            ForeignArchitectures = false,
            FilterByRuntime = true,
        };
        var json = JsonNode.Parse(spec.ToJson()) ?? throw new InvalidOperationException();
        json["process"]!["args"] = new JsonArray("/true");
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
