using System.Text;
using System.Text.RegularExpressions;
using BuildRunner.Containers.Engine;

namespace BuildRunner.Agent.Checkout;

/// <summary>A root file system that is made of programs of this machine, at the paths that they have here, with the libraries and interpreters that they need.</summary>
internal sealed partial class RootCopy
{
    /// <summary>Where the loader looks up libraries that lie in unusual folders.</summary>
    public const string LoaderCache = "/etc/ld.so.cache";

    private const UnixFileMode Readable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
    private const UnixFileMode Executable = Readable | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
    private const UnixFileMode Everybody = Executable | UnixFileMode.GroupWrite | UnixFileMode.OtherWrite | UnixFileMode.StickyBit;

    private readonly string root;

    // By their path on this machine without links: where the copy is.
    private readonly Dictionary<string, string> copies = new(StringComparer.Ordinal);

    /// <summary>Begins an empty one.</summary>
    public RootCopy(string root)
    {
        this.root = root;
        MakeDirectory(root, Executable);
        TakeLinksOfTop();
        foreach (var directory in (string[])["dev", "etc", "proc", "root", "run", "sys", "var"])
        {
            MakeDirectory(Path.Combine(root, directory), Executable);
        }

        MakeDirectory(Path.Combine(root, "tmp"), Everybody);
        Write("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
        Write("etc/group", "root:x:0:\n");
        if (File.Exists(LoaderCache))
        {
            Add(LoaderCache);
        }
    }

    /// <summary>Takes a program over, with what it needs.</summary>
    /// <exception cref="IOException">Something cannot be read or written.</exception>
    /// <exception cref="ContainerException">A library that it needs is missing.</exception>
    public async Task AddProgramAsync(string path, CancellationToken cancellationToken)
    {
        if (!Add(path))
        {
            return;
        }

        switch (HeadOf(path))
        {
            case [0x7F, (byte)'E', (byte)'L', (byte)'F', ..]:
                await AddLibrariesAsync(path, cancellationToken);
                break;
            case [(byte)'#', (byte)'!', .. var line] when Encoding.UTF8.GetString(line).Split(['\n', ' '], StringSplitOptions.RemoveEmptyEntries) is [var interpreter, ..]
                && interpreter.EndsWith("sh", StringComparison.Ordinal) && File.Exists(interpreter):
                await AddProgramAsync(interpreter, cancellationToken);
                break;
        }
    }

    private async Task AddLibrariesAsync(string path, CancellationToken cancellationToken)
    {
        // A program that is linked statically makes it fail, and needs nothing.
        var (_, output) = await MachineProgram.RunAsync("ldd", [path], cancellationToken);
        if (MissingLibrary().Match(output) is { Success: true } missing)
        {
            throw new IOException($"{path} needs {missing.Groups["name"].Value}, which is missing");
        }

        foreach (Match library in Library().Matches(output))
        {
            var file = library.Groups["path"].Value;
            if (Add(file))
            {
                AddEncodings(Path.GetDirectoryName(file)!);
            }
        }
    }

    // Attributes of a repository may ask for any encoding of its files, and the C library loads most of them from a folder beside it.
    private void AddEncodings(string libraries)
    {
        foreach (var folder in new[] { libraries + "/gconv", "/usr" + libraries + "/gconv" }.Where(Directory.Exists))
        {
            Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).ToList().ForEach(f => Add(f));
        }
    }

    /// <summary>Copies a file once; a second name of it is a link to the first. False: its content is there already.</summary>
    private bool Add(string path)
    {
        var target = root + path;
        if (Path.Exists(target))
        {
            return false;
        }

        MakeDirectory(Path.GetDirectoryName(target)!, Executable);
        var real = new FileInfo(path).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? path;
        if (copies.TryGetValue(real, out var first))
        {
            File.CreateSymbolicLink(target, first);
            return false;
        }

        File.Copy(real, target);
        File.SetUnixFileMode(target, (File.GetUnixFileMode(target) & UnixFileMode.UserExecute) != 0 ? Executable : Readable);
        copies.Add(real, path);
        return true;
    }

    // Where /lib is a link to usr/lib, it is here too. Links that lead elsewhere are none here: what is written below them would be written there.
    private void TakeLinksOfTop()
    {
        foreach (var entry in new DirectoryInfo("/").EnumerateFileSystemInfos().Where(e => e.LinkTarget is not null && LinkOfTop().IsMatch(e.LinkTarget)))
        {
            var to = entry.LinkTarget!.TrimStart('/');
            MakeDirectory(Path.Combine(root, to), Executable);
            File.CreateSymbolicLink(Path.Combine(root, entry.Name), to);
        }
    }

    private void Write(string name, string text)
    {
        var path = Path.Combine(root, name);
        File.WriteAllText(path, text);
        File.SetUnixFileMode(path, Readable);
    }

    // Whatever this process's mask is: the containers' users are others.
    private static void MakeDirectory(string path, UnixFileMode mode)
    {
        if (Directory.Exists(path))
        {
            return;
        }

        MakeDirectory(Path.GetDirectoryName(path)!, Executable);
        Directory.CreateDirectory(path);
        File.SetUnixFileMode(path, mode);
    }

    private static byte[] HeadOf(string path)
    {
        using var file = File.OpenRead(path);
        var head = new byte[128];
        return head[..file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)];
    }

    [GeneratedRegex(@"^\s+(?:\S+ => )?(?<path>/\S+) \(0x", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex Library();

    [GeneratedRegex(@"^\s+(?<name>\S+) => not found", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex MissingLibrary();

    [GeneratedRegex(@"\A/?usr/(bin|sbin|lib|lib32|lib64|libx32)\z", RegexOptions.ExplicitCapture)]
    private static partial Regex LinkOfTop();
}
