using System.Diagnostics;

namespace BuildRunner.Benchmarks;

/// <summary>A network namespace, and the user namespace that it belongs to, made before they are needed, as an engine does.</summary>
internal sealed class ReadyNamespaces : IDisposable
{
    public const uint FirstHostId = 0x7FFF_0000;

    private readonly Process _holder;

    private ReadyNamespaces(Process holder) => _holder = holder;

    /// <summary>The user namespace; only if there is one.</summary>
    public string User => $"/proc/{_holder.Id}/ns/user";

    public string Network => $"/proc/{_holder.Id}/ns/net";

    public static ReadyNamespaces Create(bool userNamespace)
    {
        var holder = Process.Start(new ProcessStartInfo("unshare", userNamespace ? ["--user", "--net", "sleep", "infinity"] : ["--net", "sleep", "infinity"]))!;
        var home = new FileInfo("/proc/self/ns/net").LinkTarget;
        SpinWait.SpinUntil(() => new FileInfo($"/proc/{holder.Id}/ns/net").LinkTarget != home);

        foreach (var map in userNamespace ? new[] { "uid_map", "gid_map" } : [])
        {
            File.WriteAllText($"/proc/{holder.Id}/{map}", $"0 {FirstHostId} 65536");
        }

        return new ReadyNamespaces(holder);
    }

    public void Dispose()
    {
        _holder.Kill();
        _holder.WaitForExit();
        _holder.Dispose();
    }
}
