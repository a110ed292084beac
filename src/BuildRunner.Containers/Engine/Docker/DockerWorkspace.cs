using BuildRunner.Containers.Engine.Oci;
using Docker.DotNet.Models;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>The workspace of a group on an engine of this host.</summary>
internal sealed class DockerWorkspace : IAsyncDisposable
{
    private readonly WorkspaceSpec spec;
    private readonly string scratch;

    private DockerWorkspace(WorkspaceSpec spec, string scratch, string treeDirectory, bool isView)
    {
        IsView = isView;
        this.spec = spec;
        this.scratch = scratch;
        TreeDirectory = treeDirectory;
    }

    /// <summary>True: it is an overlay; false: a copy, or the source itself.</summary>
    public bool IsView { get; }

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
            return new DockerWorkspace(spec, scratch, Path.GetFullPath(spec.SourceDirectory), isView: false);
        }

        var tree = Path.Combine(scratch, "view", "tree");
        var (source, changes) = spec.ChangesOf switch
        {
            { WorkspaceDirectory: { } whole, WorkspaceIsWhole: true } => (whole, null),
            var before => (spec.SourceDirectory, before?.WorkspaceDirectory),
        };
        if (OverlayView.TryMount(source, changes, scratch, tree))
        {
            return new DockerWorkspace(spec, scratch, tree, isView: true);
        }

        if (changes is not null)
        {
            throw new ContainerException(ContainerFailure.EngineUnavailable, $"the tree as a kept container's workflow left it ({changes}) can be shown only where overlays can be mounted, by root");
        }

        tree = Path.Combine(scratch, "tree");
        await HelperProgram.RunAsync("cp", ["-a", "--reflink=auto", "--", source, tree], cancellationToken);
        return new DockerWorkspace(spec, scratch, tree, isView: false);
    }

    /// <summary>Puts what was written elsewhere: the changes of a view, or the whole copy. Nothing may use it any more.</summary>
    public async Task MoveAsync(string target)
    {
        OverlayView.Unmount(scratch);
        await HelperProgram.RunAsync("mv", ["-T", "--", Path.Combine(scratch, IsView ? "upper" : "tree"), target], CancellationToken.None);
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
