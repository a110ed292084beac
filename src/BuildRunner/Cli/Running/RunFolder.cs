using BuildRunner.Cli.Trees;

namespace BuildRunner.Cli.Running;

/// <summary>The folder of a run's own small files, such as the outputs of steps; nobody else can look into it.</summary>
/// <remarks>A run that was killed leaves its folder. A lock, which ends with its process, tells such folders from those of living runs.</remarks>
internal sealed class RunFolder : IDisposable
{
    private const string Prefix = "buildrunner-run-";
    private const string LockName = "lock";

    private readonly FileStream alive;

    private RunFolder(string path, FileStream alive)
    {
        Path = path;
        this.alive = alive;
    }

    /// <summary>Where it is.</summary>
    public string Path { get; }

    /// <summary>Makes one.</summary>
    public static RunFolder Create()
    {
        var path = Directory.CreateTempSubdirectory(Prefix).FullName;

        // A file is there before it is locked: under its own name only when both are true, else another run takes the folder for a dead one's.
        var alive = new FileStream(System.IO.Path.Combine(path, LockName + ".new"), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None);
        File.Move(alive.Name, System.IO.Path.Combine(path, LockName));
        return new RunFolder(path, alive);
    }

    /// <summary>Deletes the folders of this user's runs that are dead.</summary>
    public static void RemoveDead()
    {
        // Anybody may make such a folder in the system's; only in our own can nobody exchange what is being deleted.
        foreach (var path in Directory.GetDirectories(System.IO.Path.GetTempPath(), Prefix + "*").Where(FileKinds.IsOwn))
        {
            try
            {
                // Opening it fails while its run lives. A folder without the file is one that is being made.
                using (new FileStream(System.IO.Path.Combine(path, LockName), FileMode.Open, FileAccess.ReadWrite, FileShare.None))
                {
                    Directory.Delete(path, recursive: true);
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Alive, or somebody else's.
            }
        }
    }

    public void Dispose()
    {
        Directory.Delete(Path, recursive: true);
        alive.Dispose();
    }
}
