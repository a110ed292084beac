namespace BuildRunner.Cli.Output;

/// <summary>Holds what a step wrote until it is shown: a little in memory, much in a file that nobody else can read and that is gone with this object or process.</summary>
internal sealed class StepSpool : IDisposable
{
    private const int MaxInMemory = 256 * 1024;

    private Stream stream = new MemoryStream();

    /// <summary>Where lines are written to.</summary>
    public Stream Stream
    {
        get
        {
            if (stream is MemoryStream { Length: > MaxInMemory } memory)
            {
                var file = new FileStream(Path.Combine(Path.GetTempPath(), $"buildrunner-log-{Guid.NewGuid():N}"), new FileStreamOptions
                {
                    Mode = FileMode.CreateNew,
                    Access = FileAccess.ReadWrite,
                    Options = FileOptions.DeleteOnClose,
                    UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
                });
                memory.WriteTo(file);
                memory.Dispose();
                stream = file;
            }

            return stream;
        }
    }

    /// <summary>Writes everything to another stream.</summary>
    public void CopyTo(Stream target)
    {
        stream.Flush();
        stream.Position = 0;
        stream.CopyTo(target);
        stream.Seek(0, SeekOrigin.End);
    }

    public void Dispose() => stream.Dispose();
}
