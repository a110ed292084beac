using System.Diagnostics;
using BuildRunner.Containers.Images;

namespace BuildRunner.Testing.Engine;

/// <summary>A directory tree with a static busybox and a few users, to be used as an image without a registry.</summary>
public static class BusyboxImage
{
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
        Run("chown", "1000:1000", Path.Combine(directory, "home/builder"));
        return Describe(directory);
    }

    /// <summary>Adds a program. Written by another process: what this one has open for writing cannot be executed while it forks elsewhere.</summary>
    public static void AddProgram(ResolvedImage image, string path, byte[] content, int mode)
    {
        var target = Path.Combine(image.LayerDirectories[0], path);
        File.WriteAllBytes(target + ".new", content);
        Run("cp", target + ".new", target);
        File.Delete(target + ".new");
        File.SetUnixFileMode(target, (UnixFileMode)mode);
    }

    /// <summary>Any directory as an image.</summary>
    public static ResolvedImage Describe(string directory) =>
        ImageReference.TryParse("rootfs:" + directory, null, out var reference, out var problem)
            ? new ResolvedImage(reference, null, new ImageConfig()) { LayerDirectories = [directory] }
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
