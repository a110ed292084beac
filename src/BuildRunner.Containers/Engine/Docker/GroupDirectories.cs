using System.Security.Cryptography;
using System.Text;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>Where a group keeps its files on this host.</summary>
/// <param name="Runtime">In memory: sockets and injected files.</param>
/// <param name="Scratch">On disk: what steps write to the workspace.</param>
internal sealed record GroupDirectories(string Runtime, string Scratch)
{
    /// <summary>Held locked by the process to which the group belongs. Beside the directory, so that it can be removed under it.</summary>
    public string LockFile => Runtime + ".lock";

    /// <summary>The directories of a group.</summary>
    public static GroupDirectories Of(string groupId, string scratchRoot)
    {
        // The path of a socket has at most 107 bytes, an id 64.
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(groupId)))[..20];
        return new GroupDirectories(Path.Combine(MemoryRoot(), hash), Path.Combine(scratchRoot, "docker-" + hash));
    }

    /// <summary>Makes them and takes the lock that says that the group lives; it is held until it is disposed.</summary>
    /// <exception cref="ContainerException">A group of this id lives already, or the directories cannot be made.</exception>
    public FileStream Create()
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Runtime)!, OwnerOnly);
            var alive = new FileStream(LockFile, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            Directory.CreateDirectory(Runtime, OwnerOnly);
            OwnDirectory.Make(Path.GetDirectoryName(Scratch)!);
            Directory.CreateDirectory(Scratch, OwnerOnly);
            return alive;
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new ContainerException(ContainerFailure.Internal, $"the directories of the group could not be made: {refused.Message}", innerException: refused);
        }
    }

    /// <summary>A directory where an engine of this host sees it, with one file that has the token's name. The caller removes it.</summary>
    public static string CreateProbe(string token)
    {
        var directory = Path.Combine(MemoryRoot(), "probe-" + token);
        Directory.CreateDirectory(directory, OwnerOnly);
        File.WriteAllText(Path.Combine(directory, token), "");
        return directory;
    }

    /// <summary>Puts the profile of system calls where an engine of this host can read it; its path.</summary>
    public string WriteSystemCalls(string profile)
    {
        var path = Path.Combine(Runtime, "seccomp.json");
        File.WriteAllText(path, profile);
        return path;
    }

    /// <summary>Removes them; what is mounted below must be gone.</summary>
    public void Remove()
    {
        if (Directory.Exists(Runtime))
        {
            Directory.Delete(Runtime, recursive: true);
        }
    }

    /// <summary>Locks of all groups of this host's user.</summary>
    public static IEnumerable<GroupDirectories> All(string scratchRoot) => Directory.Exists(MemoryRoot())
        ? Directory.EnumerateFiles(MemoryRoot(), "*.lock").Select(file =>
            new GroupDirectories(file[..^".lock".Length], Path.Combine(scratchRoot, "docker-" + Path.GetFileNameWithoutExtension(file))))
        : [];

    /// <summary>The lock of a group whose process is gone; null if it lives.</summary>
    public static FileStream? TryTakeOver(string lockFile)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(lockFile)!, OwnerOnly);
            return new FileStream(lockFile, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception held) when (held is IOException or UnauthorizedAccessException)
        {
            // Its owner lives, or it is another user's.
            return null;
        }
    }

    /// <summary>Removes the files of a group whose process is gone.</summary>
    public static async Task RemoveLeftOversAsync(string lockFile, string scratch)
    {
        new GroupDirectories(lockFile[..^".lock".Length], scratch).Remove();
        await DockerWorkspace.RemoveAsync(scratch);
        File.Delete(lockFile);
    }

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private static string MemoryRoot()
    {
        var name = $"buildrunner-{Libc.GetEffectiveUserId()}";
        string?[] candidates = ["/run/buildrunner", Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { Length: > 0 } own ? $"{own}/buildrunner" : null];
        var root = candidates.FirstOrDefault(c => c is not null && IsInMemory(Path.GetDirectoryName(c)!) && CanWrite(c)) ?? OwnDirectory.Make($"/dev/shm/{name}");
        return Path.Combine(root, "docker");
    }

    private static bool IsInMemory(string directory)
    {
        try
        {
            return Directory.Exists(directory) && new DriveInfo(directory).DriveFormat is "tmpfs" or "ramfs";
        }
        catch (Exception unknown) when (unknown is IOException or ArgumentException or UnauthorizedAccessException)
        {
            // Not told: not taken.
            return false;
        }
    }

    private static bool CanWrite(string directory)
    {
        try
        {
            Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
                | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
            return Libc.Access(directory, Libc.AccessWrite) == 0;
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            // Somebody else's.
            return false;
        }
    }
}
