using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Sandbox.Shim;

/// <summary>What a container is for, and what the shim keeps because of that: its output, and what outlives the caller.</summary>
internal sealed class AssignedTask : IDisposable
{
    /// <summary>Whoever comes instead of the caller finds it locked for as long as this process lives.</summary>
    private readonly FileLock? _alive;

    /// <summary>Begins to keep what it asks for.</summary>
    /// <exception cref="KernelException">Its record or the output's file cannot be made.</exception>
    public AssignedTask(string containerDirectory, ContainerTask task)
    {
        Task = task;
        _alive = task.RecordDirectory.Length == 0 ? null : FileLock.TryShare(RecordPaths.Lock(task.RecordDirectory));
        Spool = OutputSpool.Of(containerDirectory, task);
    }

    public ContainerTask Task { get; }

    /// <summary>Where its output waits for its reader.</summary>
    public OutputSpool Spool { get; }

    /// <summary>Keeps how it ended. Whoever comes instead of the caller finds that under its name only when it is whole.</summary>
    public void Record(byte[] end)
    {
        if (Task.RecordDirectory.Length > 0)
        {
            var path = RecordPaths.Exit(Task.RecordDirectory);
            Files.Write(path + ".new", end, 0x180);
            File.Move(path + ".new", path, overwrite: true);
        }
    }

    /// <remarks>The lock stays with the process: what else it has of the container is removed after this.</remarks>
    public void Dispose()
    {
        GC.KeepAlive(_alive);
        Spool.Dispose();
    }
}
