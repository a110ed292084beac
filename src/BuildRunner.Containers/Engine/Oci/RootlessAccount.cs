using System.Globalization;
using System.Text;
using BuildRunner.Containers.Storage;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>What an ordinary user's containers need of this host, piece by piece. The embedded engine needs root; with all of these a rootless Podman serves the engine <c>docker</c>.</summary>
/// <param name="root">Where the host's files lie: <c>/</c>, but for tests.</param>
/// <param name="user">The user's name.</param>
/// <param name="userId">The user's number.</param>
/// <param name="path">The folders in which programs are looked for.</param>
internal sealed class RootlessAccount(string root, string user, uint userId, string path)
{
    private const uint IdsNeeded = 65536;

    /// <summary>Of the user that runs this process.</summary>
    public static RootlessAccount OfThisUser() => new("/", Environment.UserName, Libc.EffectiveUser(), Environment.GetEnvironmentVariable("PATH") ?? "/usr/bin:/bin");

    /// <summary>One line for each piece; those without a remedy are as they should be, or cannot be changed.</summary>
    public IReadOnlyList<ReadinessCheck> Checks() =>
    [
        Namespaces(), Ids("subuid", "newuidmap"), Ids("subgid", "newgidmap"), Tunnel(), NetworkProgram(), RuntimeDirectory(), Delegation(),
    ];

    private ReadinessCheck Namespaces()
    {
        (string File, string Bad, string Remedy)[] switches =
        [
            ("proc/sys/user/max_user_namespaces", "0", "sysctl user.max_user_namespaces=15000"),
            ("proc/sys/kernel/unprivileged_userns_clone", "0", "sysctl kernel.unprivileged_userns_clone=1"),
            ("proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or a profile for Podman"),
        ];
        var closed = switches.FirstOrDefault(s => Read(s.File).Trim() == s.Bad);
        return !File.Exists(Of("proc/self/ns/user")) ? Missing("namespaces", "this kernel has no user namespaces", null)
            : closed.File is null ? There("namespaces", "user namespaces are open to everybody")
            : Missing("namespaces", $"user namespaces are closed to ordinary users: /{closed.File} is {closed.Bad}", "as root: " + closed.Remedy);
    }

    /// <summary>A range of ids, and the program that may hand it out.</summary>
    private ReadinessCheck Ids(string file, string program)
    {
        var count = Read("etc/" + file).Split('\n').Select(l => l.Trim().Split(':'))
            .Where(f => f.Length == 3 && (f[0] == user || f[0] == userId.ToString(CultureInfo.InvariantCulture)))
            .Sum(f => uint.TryParse(f[2], CultureInfo.InvariantCulture, out var ids) ? ids : 0L);
        if (count < IdsNeeded)
        {
            return Missing(file, $"/etc/{file} gives {user} {count} ids; images have up to {IdsNeeded}", $"as root: usermod --add-{file}s 100000-165535 {user}");
        }

        return Find(program) is not { } found ? Missing(file, $"the program {program}, which hands ids out, is missing", "as root: apt-get install uidmap")
            : MayRaise(found) ? There(file, $"{count} ids, by {found}")
            : Missing(file, $"{found} has neither the setuid bit nor capabilities, so it can hand nothing out", "as root: apt-get install --reinstall uidmap");
    }

    private ReadinessCheck Tunnel()
    {
        if (!File.Exists(Of("dev/net/tun")))
        {
            return Missing("tunnel", "/dev/net/tun is missing; without it steps have no way out", "as root: modprobe tun");
        }

        return (File.GetUnixFileMode(Of("dev/net/tun")) & UnixFileMode.OtherWrite) != 0 || userId == 0
            ? There("tunnel", "/dev/net/tun is open")
            : Missing("tunnel", "/dev/net/tun is closed to ordinary users; without it steps have no way out", "as root: chmod 0666 /dev/net/tun");
    }

    private ReadinessCheck NetworkProgram() => (Find("slirp4netns") ?? Find("pasta")) is { } found
        ? There("way out", found)
        : Missing("way out", "neither slirp4netns nor pasta is there, which carry an ordinary user's packets", "as root: apt-get install slirp4netns");

    private ReadinessCheck RuntimeDirectory() => Directory.Exists(Of($"run/user/{userId}"))
        ? There("session", $"/run/user/{userId}")
        : Missing("session", $"/run/user/{userId}, where the user's sockets lie, is missing", $"as root: loginctl enable-linger {user}");

    private ReadinessCheck Delegation()
    {
        if (!File.Exists(Of("sys/fs/cgroup/cgroup.controllers")))
        {
            return Warned("limits", "cgroups are not of version 2 alone: limits of memory, processors and processes cannot be given to ordinary users", "start the host with systemd.unified_cgroup_hierarchy=1");
        }

        var own = Read($"sys/fs/cgroup/user.slice/user-{userId}.slice/user@{userId}.service/cgroup.controllers").Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
        string[] missing = [.. ((string[])["memory", "cpu", "pids"]).Except(own)];
        return missing.Length == 0
            ? There("limits", "memory, cpu and pids are delegated")
            : Warned("limits", $"not delegated to {user}: {string.Join(", ", missing)}; such limits are not kept", "as root: Delegate=cpu memory pids in a drop-in of user@.service");
    }

    private string? Find(string program) => path.Split(':', StringSplitOptions.RemoveEmptyEntries).Select(d => $"{d}/{program}").FirstOrDefault(f => File.Exists(Of(f.TrimStart('/'))));

    /// <summary>Some distributions give these programs the setuid bit, others capabilities.</summary>
    private unsafe bool MayRaise(string program)
    {
        var file = Of(program.TrimStart('/'));
        fixed (byte* path = Encoding.UTF8.GetBytes(file + '\0'), name = "security.capability\0"u8)
        {
            return (File.GetUnixFileMode(file) & UnixFileMode.SetUser) != 0 || Libc.GetOwnAttribute(path, name, null, 0) > 0;
        }
    }

    private string Of(string file) => Path.Combine(root, file);

    private string Read(string file)
    {
        try
        {
            return File.ReadAllText(Of(file));
        }
        catch (Exception none) when (none is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private static ReadinessCheck There(string name, string detail) => new("rootless " + name, ReadinessStatus.Ok, detail);

    private static ReadinessCheck Missing(string name, string detail, string? remedy) => new("rootless " + name, ReadinessStatus.Failed, detail, remedy);

    private static ReadinessCheck Warned(string name, string detail, string remedy) => new("rootless " + name, ReadinessStatus.Warning, detail, remedy);
}
