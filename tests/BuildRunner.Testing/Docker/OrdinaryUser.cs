using System.Diagnostics;
using System.Globalization;

namespace BuildRunner.Testing.Docker;

/// <summary>A user without any right, who is known only in mounts of a test's own: with a home, a session's folder, ids to hand out and an open tunnel device.</summary>
/// <remarks>The host's <c>/etc</c> and <c>/dev</c> stay as they are. Everything that the user starts is in a process namespace of its own and ends with its first process.</remarks>
public sealed class OrdinaryUser : IDisposable
{
    /// <summary>The user's number.</summary>
    public const int Id = 54321;

    private const string Name = "buildrunner-test";
    private const string Tunnel = "/dev/net/tun";

    /// <summary>Run by root in new mounts: $1 is the user's folder, $2 the folder of programs that the user must be able to reach, $3 that of .NET; then the command.</summary>
    private const string Enter =
        $"""
        set -e
        folder=$1 programs=$2 dotnet=$3; shift 3
        mount -t tmpfs -o mode=755 none "$folder/own"
        mkdir "$folder/own/upper" "$folder/own/work"
        mount -t overlay -o "lowerdir=/etc,upperdir=$folder/own/upper,workdir=$folder/own/work" none /etc
        echo "{Name}:x:$ID:$ID::$folder/home:/bin/sh" >> /etc/passwd
        echo "{Name}:x:$ID:" >> /etc/group
        echo "{Name}:600000:$COUNT" >> /etc/subuid
        echo "{Name}:600000:$COUNT" >> /etc/subgid
        mknod -m $MODE "$folder/own/tun" c 10 200
        mount --bind "$folder/own/tun" {Tunnel}
        mount --bind "$programs" "$folder/programs"
        mount --bind "$dotnet" "$folder/dotnet"
        "$@" &
        wait $!
        """;

    private readonly TestFolder _folder = TestFolder.Create();
    private readonly string _programs;

    /// <summary>Makes the user's folders; skips the test where the host cannot have such a user.</summary>
    /// <param name="programs">A folder of this host that becomes <see cref="Programs"/>.</param>
    public OrdinaryUser(string programs)
    {
        Requires.Root();
        Requires.Program("unshare", "nsenter", "setpriv", "newuidmap", "slirp4netns");
        Requires.Path(Tunnel);
        _programs = programs;
        File.SetUnixFileMode(_folder.Path, (UnixFileMode)0x1ED);
        foreach (var part in new[] { "own", "programs", "dotnet" })
        {
            Directory.CreateDirectory(_folder[part]);
        }

        foreach (var own in new[] { Home, Session })
        {
            Directory.CreateDirectory(own);
            GiveTo(own);
        }
    }

    /// <summary>How many ids <c>/etc/subuid</c> and <c>/etc/subgid</c> give the user.</summary>
    public int IdCount { get; init; } = 65536;

    /// <summary>The mode of <c>/dev/net/tun</c>.</summary>
    public string TunnelMode { get; init; } = "666";

    /// <summary>True: the user's programs are in a network of their own, in which there is nothing.</summary>
    public bool HasOwnNetwork { get; init; }

    /// <summary>The user's home.</summary>
    public string Home => _folder["home"];

    /// <summary>What <c>XDG_RUNTIME_DIR</c> names.</summary>
    public string Session => _folder["session"];

    /// <summary>Where the user sees the programs.</summary>
    public string Programs => _folder["programs"];

    /// <summary>The variables of the user's session, and no others.</summary>
    public IReadOnlyDictionary<string, string> Variables => new Dictionary<string, string>
    {
        ["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/share/docker.io/contrib",
        ["HOME"] = Home,
        ["USER"] = Name,
        ["XDG_RUNTIME_DIR"] = Session,
        ["DOTNET_ROOT"] = _folder["dotnet"],
        ["TMPDIR"] = Home,
    };

    /// <summary>Makes a file of the home, or a folder with all that is in it, the user's.</summary>
    public static void GiveTo(string path)
    {
        using var change = Process.Start("chown", ["-R", $"{Id}:{Id}", path]);
        change.WaitForExit();
    }

    /// <summary>The command that makes the user's mounts and starts a program there; when it is killed, everything in it ends.</summary>
    internal IEnumerable<string> First(params IEnumerable<string> command) =>
    [
        "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc", .. HasOwnNetwork ? ["--net"] : Array.Empty<string>(), "sh", "-c", Script(), "enter", _folder.Path, _programs, DotnetRoot, .. As(command),
    ];

    /// <summary>The arguments of <c>nsenter</c> by which the user starts one more program.</summary>
    /// <param name="first">The process that <see cref="First"/> became.</param>
    /// <param name="directory">Where the program starts.</param>
    /// <param name="more">Variables beyond those of the session.</param>
    /// <param name="command">The program.</param>
    public string[] Next(int first, string directory, IReadOnlyDictionary<string, string> more, params IEnumerable<string> command) =>
        [$"--mount=/proc/{first}/ns/mnt", $"--pid=/proc/{first}/ns/pid_for_children", $"--net=/proc/{first}/ns/net", "sh", "-c", "cd \"$0\" && exec \"$@\"", directory, .. As(command, more)];

    /// <summary>Removes all that is the user's.</summary>
    public void Dispose() => _folder.Dispose();

    private static string DotnetRoot => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "../../.."));

    private string Script() => Enter.Replace("$ID", Id.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
        .Replace("$COUNT", IdCount.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal).Replace("$MODE", TunnelMode, StringComparison.Ordinal);

    private string[] As(IEnumerable<string> command, IReadOnlyDictionary<string, string>? more = null) =>
    [
        "setpriv", "--reuid", $"{Id}", "--regid", $"{Id}", "--clear-groups", "--inh-caps=-all", "env", "-i",
        .. Variables.Concat(more ?? new Dictionary<string, string>()).Select(v => $"{v.Key}={v.Value}"), .. command,
    ];
}
