using BuildRunner.Sandbox.Kernel;
using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Group;

/// <summary>The cgroups of one container, open for a process to get into them.</summary>
internal sealed class ContainerCgroup : IDisposable
{
    private readonly List<Descriptor> _members = [];

    /// <summary>
    /// Of version 1: a process of one thread that writes 0 to these is in. They are the files for threads: a thread that moves itself can neither end nor start another meanwhile, so the kernel
    /// does not have every processor pass through its scheduler first, as for a process in <c>cgroup.procs</c> (docs/decisions/0198).
    /// </summary>
    public IReadOnlyList<Descriptor> Members => _members;

    /// <summary>The directory of version 2, in which a process can be born; to move there, it would have to wait.</summary>
    public Descriptor? Unified { get; private set; }

    public void Add(string directory, bool isUnified)
    {
        if (isUnified)
        {
            Unified = Descriptor.Open(directory, ReadOnly | OnlyDirectory);
        }
        else
        {
            _members.Add(Descriptor.Open(directory + "/tasks", WriteOnly));
        }
    }

    public void Dispose()
    {
        Unified?.Dispose();
        _members.ForEach(m => m.Dispose());
    }
}
