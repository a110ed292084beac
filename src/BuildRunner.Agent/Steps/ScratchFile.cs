namespace BuildRunner.Agent.Steps;

/// <summary>A file of this host that one attempt writes to. It is mounted as a file: whatever the step does, its path stays the file that was made here.</summary>
internal sealed class ScratchFile : IDisposable
{
    private ScratchFile(string path) => Path = path;

    /// <summary>Where it is on this host.</summary>
    public string Path { get; }

    /// <summary>Makes an empty file that every user of a container can write.</summary>
    public static ScratchFile Create(string directory, string kind)
    {
        var path = System.IO.Path.Combine(directory, $"{kind}-{Guid.NewGuid():N}");
        using (File.Create(path))
        {
        }

        File.SetUnixFileMode(path, (UnixFileMode)0b110_110_110);
        return new ScratchFile(path);
    }

    /// <summary>Deletes it.</summary>
    public void Dispose() => File.Delete(Path);
}
