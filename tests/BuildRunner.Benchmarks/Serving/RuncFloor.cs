using System.Diagnostics;
using System.Text.Json.Nodes;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Oci;

namespace BuildRunner.Benchmarks.Serving;

/// <summary>The profile that our engine uses, for the bare runtime, which makes the namespaces itself: the floor of everything that starts a container.</summary>
internal sealed class RuncFloor
{
    private const uint FirstHostId = 0x7FFF_0000;

    private readonly string _bundle;
    private int _count;

    /// <param name="directory">Where it is made; below it a folder <c>bundle</c>.</param>
    /// <param name="image">The root file system.</param>
    /// <param name="program">What runs in it.</param>
    public RuncFloor(string directory, string image, string program)
    {
        _bundle = Directory.CreateDirectory(Path.Combine(directory, "bundle")).FullName;
        var root = Path.Combine(_bundle, "root");
        Programs.RunAsync("cp", "-a", image, root).Wait();
        Programs.RunAsync("chown", "-R", $"{FirstHostId}:{FirstHostId}", root).Wait();
        Programs.RunAsync("chmod", "711", directory, _bundle).Wait();
        var spec = new RuntimeSpec
        {
            Root = root,
            Bundle = _bundle,
            HostName = "bench",
            UserNamespacePath = "",
            NetworkNamespacePath = "",
            FirstHostId = FirstHostId,
            CgroupPath = "/buildrunner/bench",
            Limits = new ResourceLimits(Pids: 4096),
            Binds = [],
            Privileged = false,
            AllowNewPrivileges = false,
            SharedMemoryBytes = 64 << 20,
            OpenFiles = 1024,
            ForeignArchitectures = false,
            FilterByRuntime = true,
        };
        var json = JsonNode.Parse(spec.ToJson()) ?? throw new InvalidOperationException();
        json["process"]!["args"] = new JsonArray(program);
        foreach (var space in json["linux"]!["namespaces"]!.AsArray())
        {
            space!.AsObject().Remove("path");
        }

        File.WriteAllText(Path.Combine(_bundle, "config.json"), json.ToJsonString());
    }

    /// <summary>Runs it to its end.</summary>
    /// <returns>What it printed.</returns>
    public async Task<string> RunAsync()
    {
        using var process = Process.Start(new ProcessStartInfo("runc", NextArguments()) { RedirectStandardOutput = true, RedirectStandardInput = true })
            ?? throw new InvalidOperationException("runc did not start");
        process.StandardInput.Close();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return output;
    }

    private string[] NextArguments() => ["--root", Path.Combine(_bundle, "state"), "run", "--bundle", _bundle, $"bench-{Environment.ProcessId}-{_count++}"];
}
