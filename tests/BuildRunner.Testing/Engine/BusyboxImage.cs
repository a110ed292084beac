using System.Diagnostics;
using System.Text.Json.Nodes;
using BuildRunner.Containers.Images;
using BuildRunner.Testing.Docker;
using BuildRunner.Testing.Images;

namespace BuildRunner.Testing.Engine;

/// <summary>The image of the contract: a static busybox and a few users, as a directory or as an archive for engines with a store of their own.</summary>
public static class BusyboxImage
{
    /// <summary>Exits with its effective user; belongs to root, and has the set-user-id bit.</summary>
    public const string SetUserIdProgram = "whoami-setuid";

    /// <summary>Puts a rule of Landlock above those that it has, and exits with the error's number.</summary>
    public const string RestrictingProgram = "restrict-itself";

    /// <summary>Connects to the abstract socket "outsider", and exits with the error's number.</summary>
    public const string ConnectingProgram = "connect-to-outsider";

    /// <summary>Its name in engines with a store of their own.</summary>
    public const string Name = "busybox-test:1";

    private static readonly KeyValuePair<string, string>[] Environment = [new("PATH", "/bin:/usr/bin"), new("IMAGE", "busybox")];

    /// <summary>Calls that no step may make, with their numbers on x86-64 and two arguments with which they would work, or fail for another reason than a right.</summary>
    public static IReadOnlyDictionary<string, (int Number, int First, int Second)> DeniedCalls { get; } = new Dictionary<string, (int, int, int)>
    {
        ["mount"] = (165, 0, 0),
        ["unshare"] = (272, 0x00020000, 0),
        ["setns"] = (308, 0, 0),
        ["keyctl"] = (250, 0, 0),
        ["add_key"] = (248, 0, 0),
        ["bpf"] = (321, 0, 0),
        ["perf_event_open"] = (298, 0, 0),
        ["userfaultfd"] = (323, 1, 0),
        ["io_uring_setup"] = (425, 1, 0),
        ["open_by_handle_at"] = (304, 0, 0),
        ["init_module"] = (175, 0, 0),
        ["kexec_load"] = (246, 0, 0),
        ["reboot"] = (169, 0, 0),
        ["socket-alg"] = (41, 38, 5),
        ["socket-vsock"] = (41, 40, 1),
        ["socket-packet"] = (41, 17, 3),
    };

    /// <summary>The program that makes one of <see cref="DeniedCalls"/> and exits with the error's number.</summary>
    public static string ProgramOf(string call) => "call-" + call;

    /// <summary>Fills a new directory and describes it as an image that engines take.</summary>
    public static ResolvedImage Create(string directory)
    {
        foreach (var part in new[] { "bin", "etc", "tmp", "root", "home/builder", "var" })
        {
            Directory.CreateDirectory(Path.Combine(directory, part));
        }

        var busybox = Requires.Find("busybox") ?? throw new InvalidOperationException("busybox is missing");
        Run("cp", busybox, Path.Combine(directory, "bin/busybox"));
        Run(busybox, "--install", "-s", Path.Combine(directory, "bin"));
        foreach (var link in Directory.EnumerateFiles(Path.Combine(directory, "bin")).Where(f => new FileInfo(f).LinkTarget is not null))
        {
            File.Delete(link);
            File.CreateSymbolicLink(link, "busybox");
        }

        File.WriteAllText(Path.Combine(directory, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nbuilder:x:1000:1000::/home/builder:/bin/sh\n");
        File.WriteAllText(Path.Combine(directory, "etc/group"), "root:x:0:\nbuilder:x:1000:\nextra:x:1500:builder,other\nmany:x:1501:builder\n");
        File.SetUnixFileMode(Path.Combine(directory, "tmp"), (UnixFileMode)0x3FF);
        if (System.Environment.IsPrivilegedProcess)
        {
            Run("chown", "1000:1000", Path.Combine(directory, "home/builder"));
        }
        else
        {
            // Who may give no file away lets the image's user write.
            File.SetUnixFileMode(Path.Combine(directory, "home/builder"), (UnixFileMode)0x1FF);
        }

        AddProgram(Path.Combine(directory, "bin", SetUserIdProgram), TinyPrograms.ExitWithEffectiveUser, 0x9ED);
        AddProgram(Path.Combine(directory, "bin", ConnectingProgram), TinyPrograms.ConnectToOutsider, 0x1ED);
        AddProgram(Path.Combine(directory, "bin", RestrictingProgram), TinyPrograms.RestrictItself, 0x1ED);
        foreach (var (name, call) in DeniedCalls)
        {
            AddProgram(Path.Combine(directory, "bin", ProgramOf(name)), TinyPrograms.ExitWithErrorOf(call.Number, call.First, call.Second), 0x1ED);
        }

        return Describe(directory);
    }

    /// <summary>Writes the same tree and configuration as <c>docker save</c> does.</summary>
    public static void WriteArchive(string directory, string path, string name = Name)
    {
        string[] owners = System.Environment.IsPrivilegedProcess ? ["--numeric-owner"] : ["--numeric-owner", "--owner=0", "--group=0"];
        Run("tar", [.. owners, "--sort=name", "-C", directory, "-cf", path + ".layer", "."]);
        var layer = TestLayer.Of(File.ReadAllBytes(path + ".layer"));
        var image = new TestImage { Layers = [layer] }.WithSetting("Env", new JsonArray([.. Environment.Select(v => JsonValue.Create($"{v.Key}={v.Value}"))]));
        DockerArchive.Write(path, image, name);
        File.Delete(path + ".layer");
    }

    /// <summary>Adds a program. Written by another process: what this one has open for writing cannot be executed while it forks elsewhere.</summary>
    private static void AddProgram(string target, byte[] content, int mode)
    {
        File.WriteAllBytes(target + ".new", content);
        Run("cp", target + ".new", target);
        File.Delete(target + ".new");
        File.SetUnixFileMode(target, (UnixFileMode)mode);
    }

    /// <summary>Any directory as an image.</summary>
    public static ResolvedImage Describe(string directory) =>
        ImageReference.TryParse("rootfs:" + directory, null, out var reference, out var problem)
            ? new ResolvedImage(reference, null, new ImageConfig { Environment = [.. Environment] }) { LayerDirectories = [directory] }
            : throw new InvalidOperationException(problem);

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{program} ended with {process.ExitCode}");
        }
    }
}
