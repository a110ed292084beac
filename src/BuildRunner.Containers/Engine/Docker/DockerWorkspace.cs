using BuildRunner.Containers.Engine.Oci;
using Docker.DotNet.Models;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>The workspace of a group on an engine of this host.</summary>
internal sealed class DockerWorkspace : IAsyncDisposable
{
    private readonly WorkspaceSpec spec;
    private readonly string scratch;

    private DockerWorkspace(WorkspaceSpec spec, string scratch, string treeDirectory)
    {
        this.spec = spec;
        this.scratch = scratch;
        TreeDirectory = treeDirectory;
    }

    /// <summary>The tree as steps see it, on this host.</summary>
    public string TreeDirectory { get; }

    /// <summary>What every container of the group mounts.</summary>
    public IReadOnlyList<Mount> Mounts => spec.TreePath == spec.BasePath
        ? [Bind(TreeDirectory, spec.TreePath)]
        : [Bind(Path.Combine(scratch, "base"), spec.BasePath), Bind(TreeDirectory, spec.TreePath)];

    /// <summary>Makes the view that was asked for.</summary>
    /// <exception cref="ContainerException">The source cannot be read, or the view not be made.</exception>
    public static async Task<DockerWorkspace> CreateAsync(WorkspaceSpec spec, string scratch, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(scratch);
        Directory.CreateDirectory(Path.Combine(scratch, "base", Path.GetRelativePath(spec.BasePath, spec.TreePath)));
        if (!spec.CopyOnWrite)
        {
            return new DockerWorkspace(spec, scratch, Path.GetFullPath(spec.SourceDirectory));
        }

        var tree = Path.Combine(scratch, "view", "tree");
        if (!OverlayView.TryMount(spec.SourceDirectory, scratch, tree))
        {
            tree = Path.Combine(scratch, "tree");
            await HelperProgram.RunAsync("cp", ["-a", "--reflink=auto", "--", spec.SourceDirectory, tree], cancellationToken);
        }

        return new DockerWorkspace(spec, scratch, tree);
    }

    public async ValueTask DisposeAsync() => await RemoveAsync(scratch);

    /// <summary>Unmounts and deletes a group's scratch directory; also that of a process that was killed.</summary>
    public static async Task RemoveAsync(string scratch)
    {
        if (!Directory.Exists(scratch))
        {
            return;
        }

        OverlayView.Unmount(scratch);
        await HelperProgram.RunAsync("rm", ["-rf", "--one-file-system", "--", scratch], CancellationToken.None);
    }

    private static Mount Bind(string source, string target) => new() { Type = "bind", Source = source, Target = target };
}
