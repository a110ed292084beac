using System.Collections.Concurrent;
using BuildRunner.Cli.Trees;
using BuildRunner.Core.Files;
using BuildRunner.Core.Planning;

namespace BuildRunner.Cli.Running;

/// <summary><c>--out DIR</c>: copies what each workflow changed in the tree, when its steps have ended. With several workflows each has a directory of its own.</summary>
internal sealed class TreeCopies
{
    private readonly ConcurrentQueue<string> lines = [];
    private readonly RunPlan plan;
    private readonly string tree;
    private readonly string directory;
    private readonly DateTimeOffset since;

    /// <exception cref="CliException">The directory is the tree itself.</exception>
    public TreeCopies(RunPlan plan, string tree, string directory, DateTimeOffset since)
    {
        if (IsSame(directory, tree))
        {
            throw new CliException(ExitCode.Usage, $"--out {tree} is the working tree itself; --in-place lets steps write to it");
        }

        (this.plan, this.tree, this.directory, this.since) = (plan, tree, directory, since);
    }

    /// <summary>What was done, for a person.</summary>
    public IEnumerable<string> Lines => lines;

    /// <summary>True: something could not be copied.</summary>
    public bool HasFailed { get; private set; }

    /// <summary>Copies what a workflow changed.</summary>
    /// <param name="workflow">The workflow.</param>
    /// <param name="merged">The directory that shows its workspace; null: there is none.</param>
    public Task CopyAsync(WorkflowPlan workflow, string? merged) => Task.Run(() =>
    {
        var destination = plan.Workflows.Count == 1 ? directory : Path.Combine(directory, workflow.Name);
        try
        {
            lines.Enqueue(merged is null ? $"nothing was copied to {destination}: the engine has no workspace" : TreeExport.Copy(tree, merged, destination, since));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The run itself went well or not; this is said beside it, and counts at the end.
            HasFailed = true;
            lines.Enqueue($"the changes could not be copied to {destination}: {PathTrouble.OfFolder(destination, e)}");
        }
    });

    private static bool IsSame(string directory, string tree)
    {
        var link = Directory.Exists(directory) ? Directory.ResolveLinkTarget(directory, returnFinalTarget: true) : null;
        var real = link?.FullName ?? directory;
        return Path.TrimEndingDirectorySeparator(real) == Path.TrimEndingDirectorySeparator(tree);
    }
}
