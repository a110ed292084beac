using BuildRunner.Core.AgentContract;

namespace BuildRunner.Agent.Work;

/// <summary>The agent's folder. One agent at a time has it.</summary>
internal sealed class WorkFolder : IDisposable
{
    /// <summary>The folder in a workflow's that holds what is kept of its containers.</summary>
    public const string ContainersName = "containers";

    /// <summary>How the files of private keys of repositories begin, in <see cref="VolatileRoot"/>.</summary>
    public const string KeyPrefix = "key-";

    private readonly FileStream alive;

    private WorkFolder(string root, string volatileRoot, DiskSeal seal, FileStream alive)
    {
        Root = root;
        VolatileRoot = volatileRoot;
        Seal = seal;
        this.alive = alive;
    }

    /// <summary>Where everything is.</summary>
    public string Root { get; }

    /// <summary>What must not outlive the machine's run: the seal's key, and private keys while git needs them.</summary>
    public string VolatileRoot { get; }

    /// <summary>Hides what a restarted agent needs of secrets: those that have to be masked in what its predecessor's steps wrote, and that itself.</summary>
    public DiskSeal Seal { get; }

    /// <summary>One folder per piece of work: the journal.</summary>
    public string Works => Path.Combine(Root, "work");

    /// <summary>One folder per workflow: workspace and containers.</summary>
    public string Workflows => Path.Combine(Root, "workflows");

    /// <summary>What the engine makes for the next workflow before it is known. It is the engine's alone.</summary>
    public string Ready => Path.Combine(Root, "ready");

    /// <summary>One bare repository per source.</summary>
    public string Mirrors => Path.Combine(Root, "mirrors");

    /// <summary>The file systems of the containers that check out.</summary>
    public string CheckoutRoots => Path.Combine(Root, "checkout");

    /// <summary>Id, name and secret of the agent.</summary>
    public string CredentialFile => Path.Combine(Root, "credential");

    /// <summary>Takes the folder.</summary>
    /// <exception cref="IOException">Another agent has it, or it cannot be written.</exception>
    public static WorkFolder Open(string root, string volatileRoot)
    {
        DurableFile.MakeDirectory(root);
        FileStream alive;
        try
        {
            alive = new FileStream(Path.Combine(root, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e)
        {
            throw new IOException($"the folder {root} is in use by another agent of this machine, or cannot be written; give each agent a folder of its own (Agent:WorkDir)", e);
        }

        DurableFile.MakeDirectory(volatileRoot);
        var folder = new WorkFolder(root, volatileRoot, DiskSeal.Of(volatileRoot), alive);
        foreach (var path in new[] { folder.Works, folder.Workflows, folder.Mirrors, folder.CheckoutRoots })
        {
            DurableFile.MakeDirectory(path);
        }

        // What a checkout held that ended with its process, and secrets as versions before the seal kept them.
        foreach (var left in Directory.EnumerateFiles(volatileRoot).Where(f => !DiskSeal.IsKey(f)))
        {
            File.Delete(left);
        }

        return folder;
    }

    public string Work(WorkId work) => Path.Combine(Works, work.ToString());

    public string Workflow(WorkId start) => Path.Combine(Workflows, start.ToString());

    /// <summary>The workspace of a workflow.</summary>
    public string Tree(WorkId start) => Path.Combine(Workflow(start), "tree");

    /// <summary>There if the workspace lies on a disk that ends with the agent's process, and not in <see cref="Tree"/>.</summary>
    public string OwnDiskMark(WorkId start) => Path.Combine(Workflow(start), "own-disk");

    /// <summary>Small files of a workflow that its steps do not see.</summary>
    public string Scratch(WorkId start) => Path.Combine(Workflow(start), "scratch");

    /// <summary>What is kept of a workflow's containers.</summary>
    public string Containers(WorkId start) => Path.Combine(Workflow(start), ContainersName);

    public void Dispose() => alive.Dispose();
}
