using System.Globalization;
using System.Text;
using BuildRunner.Containers.Storage;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>What an ordinary user's containers need of this host, piece by piece.</summary>
/// <param name="root">Where the host's files lie: <c>/</c>, but for tests.</param>
/// <param name="user">The user's name.</param>
/// <param name="userId">The user's number.</param>
/// <param name="path">The folders in which programs are looked for.</param>
public sealed class RootlessAccount(string root, string user, uint userId, string path)
{
    private const uint IdsNeeded = 65536;

    // Overlays of ordinary users, with their marks in attributes of the user's own.
    private static readonly Version OldestKernel = new(5, 11);

    /// <summary>Of the user that runs this process.</summary>
    public static RootlessAccount OfThisUser() => RootlessUser.OfThisProcess is { } inside ? Of(inside.Name, inside.Id) : Of(Environment.UserName, Libc.EffectiveUser());

    /// <summary>One line for each piece; those without a remedy are as they should be, or cannot be changed.</summary>
    public IReadOnlyList<ReadinessCheck> Checks() => [.. Needed(), .. SlirpNetwork(), RuntimeDirectory(), Limits()];

    /// <summary>Those without which no container can be made.</summary>
    public IReadOnlyList<ReadinessCheck> Needed() => [Namespaces(), Ids("subuid", "newuidmap"), Ids("subgid", "newgidmap")];

    /// <summary>Those without which steps reach nothing but each other.</summary>
    public IReadOnlyList<ReadinessCheck> SlirpNetwork() => [Tunnel(), NetworkProgram()];

    /// <summary>The map by which the user is root of a namespace, and the ids that the host gave them are the others there: as <c>newuidmap</c> and <c>newgidmap</c> take it.</summary>
    /// <param name="file"><c>subuid</c> or <c>subgid</c>.</param>
    /// <param name="own">The user's own number, or that of the user's group.</param>
    public string MapOf(string file, uint own)
    {
        var map = new StringBuilder(string.Create(CultureInfo.InvariantCulture, $"0 {own} 1"));
        var next = 1u;
        foreach (var (first, count) in Ranges(file))
        {
            var taken = Math.Min(count, IdsNeeded - next);
            map.Append(taken > 0 ? string.Create(CultureInfo.InvariantCulture, $" {next} {first} {taken}") : "");
            next += taken;
        }

        return map.ToString();
    }

    /// <summary>What is wrong with pieces that are as they must not be, and what to do, in one text; null if nothing is.</summary>
    public static string? ProblemOf(IEnumerable<ReadinessCheck> checks)
    {
        var missing = checks.Where(c => c.Status == ReadinessStatus.Failed).Select(c => c.Remedy is null ? c.Detail : $"{c.Detail} ({c.Remedy})").ToList();
        return missing.Count == 0 ? null : string.Join("; ", missing);
    }

    /// <summary>The failure of a container that needs a way out where there is none.</summary>
    /// <param name="container">Its name.</param>
    /// <param name="said">What was found out when the way was opened.</param>
    internal ContainerException NoUplink(string container, string said) => new(
        ContainerFailure.EngineUnavailable,
        $"{container} has no way out, because {user} is not root and {ProblemOf(SlirpNetwork()) ?? said}. Steps with 'network: none' need none; Engine:Network=none runs all of them without one.");

    private static RootlessAccount Of(string name, uint id) => new("/", name, id, Environment.GetEnvironmentVariable("PATH") ?? "/usr/bin:/bin");

    private ReadinessCheck Namespaces()
    {
        (string File, string Bad, string Remedy)[] switches =
        [
            ("proc/sys/user/max_user_namespaces", "0", "sysctl user.max_user_namespaces=15000"),
            ("proc/sys/kernel/unprivileged_userns_clone", "0", "sysctl kernel.unprivileged_userns_clone=1"),
            ("proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or a profile for unshare"),
        ];
        var closed = switches.FirstOrDefault(s => Read(s.File).Trim() == s.Bad);
        return !File.Exists(Of("proc/self/ns/user")) ? Missing("namespaces", "this kernel has no user namespaces", null)
            : Environment.OSVersion.Version < OldestKernel ? Missing("namespaces", $"the kernel is {Environment.OSVersion.Version}; ordinary users have overlays since {OldestKernel}", null)
            : Find("unshare") is null ? Missing("namespaces", "the program unshare, which makes them, is missing", "as root: apt-get install util-linux")
            : closed.File is null ? There("namespaces", "user namespaces are open to everybody")
            : Missing("namespaces", $"user namespaces are closed to ordinary users: /{closed.File} is {closed.Bad}", "as root: " + closed.Remedy);
    }

    /// <summary>A range of ids, and the program that may hand it out.</summary>
    private ReadinessCheck Ids(string file, string program)
    {
        var count = Ranges(file).Sum(r => (long)r.Count);
        if (count < IdsNeeded - 1)
        {
            return Missing(file, $"/etc/{file} gives {user} {count} ids; images have up to {IdsNeeded}", $"as root: usermod --add-{file}s 100000-165535 {user}");
        }

        return Find(program) is not { } found ? Missing(file, $"the program {program}, which hands ids out, is missing", "as root: apt-get install uidmap")
            : MayRaise(found) ? There(file, $"{count} ids, by {found}")
            : Missing(file, $"{found} has neither the setuid bit nor capabilities, so it can hand nothing out", "as root: apt-get install --reinstall uidmap");
    }

    private List<(uint First, uint Count)> Ranges(string file) =>
    [
        .. Read("etc/" + file).Split('\n').Select(l => l.Trim().Split(':'))
            .Where(f => f.Length == 3 && (f[0] == user || f[0] == userId.ToString(CultureInfo.InvariantCulture)))
            .Select(f => (First: Number(f[1]), Count: Number(f[2]))).Where(r => r.Count > 0),
    ];

    private static uint Number(string text) => uint.TryParse(text, CultureInfo.InvariantCulture, out var number) ? number : 0;

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

    private ReadinessCheck NetworkProgram() => Find("slirp4netns") is { } found
        ? There("way out", found)
        : Missing("way out", "the program slirp4netns, which carries an ordinary user's packets, is missing", "as root: apt-get install slirp4netns");

    private ReadinessCheck RuntimeDirectory() => Directory.Exists(Of($"run/user/{userId}"))
        ? There("session", $"/run/user/{userId}")
        : Warned("session", $"/run/user/{userId} is missing: without XDG_RUNTIME_DIR what lives as long as a run lies on the disk", $"as root: loginctl enable-linger {user}");

    private static ReadinessCheck Limits() => Warned(
        "limits", "limits of memory, processors and processes are not kept: the engine has no cgroups without root", "run it with sudo where steps must be limited");

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
