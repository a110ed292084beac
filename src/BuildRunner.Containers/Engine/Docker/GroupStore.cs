using Docker.DotNet.Models;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>Where a group's workspace is, and how its containers get their files: by paths of this host where the engine sees them, else through its API.</summary>
internal abstract class GroupStore : IAsyncDisposable
{
    /// <summary>The one that fits the engine and the caller.</summary>
    /// <remarks>A caller who is not root, of a rootless engine or one of the group <c>docker</c>, may neither give a file to a step's user nor remove
    /// what a step's users leave. So a workspace that is thrown away lies on the engine then, as if that were elsewhere.</remarks>
    public static async Task<GroupStore> CreateAsync(DockerConnection connection, GroupSpec group, GroupDirectories directories, CancellationToken cancellationToken)
    {
        var seesThisHost = await connection.SeesThisHostAsync(cancellationToken);
        return seesThisHost && (connection.Options.IsRoot || group.Workspace is { CopyOnWrite: false })
            ? await SharedGroupStore.CreateAsync(connection, group.Workspace, directories, cancellationToken)
            : await RemoteGroupStore.CreateAsync(connection, group, directories, seesThisHost, cancellationToken);
    }

    /// <summary>The workspace, as every container of the group mounts it.</summary>
    public abstract IReadOnlyList<Mount> Workspace { get; }

    /// <summary>The profile of system calls as the engine takes it; null: the engine can only have its own.</summary>
    public abstract string? SystemCalls { get; }

    /// <summary>What one container needs. The caller disposes it.</summary>
    /// <param name="number">Unique in the group.</param>
    public abstract IContainerFiles CreateFiles(int number);

    /// <inheritdoc cref="IContainerGroup.OpenWorkspaceAsync"/>
    public abstract Task<string?> OpenWorkspaceAsync(CancellationToken cancellationToken);

    /// <summary>True: what <see cref="MoveWorkspaceAsync"/> moves is what was changed; false: the whole tree.</summary>
    public abstract bool HasView { get; }

    /// <summary>Puts what was written to the workspace into a directory that does not exist yet. Nothing may use the workspace any more.</summary>
    public abstract Task MoveWorkspaceAsync(string target);

    /// <summary>Removes everything; no container of the group may be left.</summary>
    public abstract ValueTask DisposeAsync();
}

/// <summary>On an engine of this host.</summary>
internal sealed class SharedGroupStore : GroupStore
{
    private readonly DockerConnection connection;
    private readonly GroupDirectories directories;
    private readonly DockerWorkspace? workspace;

    private SharedGroupStore(DockerConnection connection, GroupDirectories directories, DockerWorkspace? workspace, string systemCalls)
    {
        this.connection = connection;
        this.directories = directories;
        this.workspace = workspace;
        SystemCalls = systemCalls;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Mount> Workspace => workspace?.Mounts ?? [];

    /// <inheritdoc/>
    public override string SystemCalls { get; }

    public static async Task<SharedGroupStore> CreateAsync(DockerConnection connection, WorkspaceSpec? spec, GroupDirectories directories, CancellationToken cancellationToken)
    {
        // Podman wants a file, of its own host.
        var profile = await connection.IsPodman ? directories.WriteSystemCalls(connection.SystemCallProfile) : connection.SystemCallProfile;
        var workspace = spec is null ? null : await DockerWorkspace.CreateAsync(spec, directories.Scratch, cancellationToken);
        return new SharedGroupStore(connection, directories, workspace, profile);
    }

    /// <inheritdoc/>
    public override IContainerFiles CreateFiles(int number) => new FilesInMemory(Path.Combine(directories.Runtime, $"{number}"), connection.SandboxProgram);

    /// <inheritdoc/>
    public override Task<string?> OpenWorkspaceAsync(CancellationToken cancellationToken) => Task.FromResult(workspace?.TreeDirectory);

    /// <inheritdoc/>
    public override bool HasView => workspace?.IsView ?? false;

    /// <inheritdoc/>
    public override Task MoveWorkspaceAsync(string target) => workspace?.MoveAsync(target) ?? Task.CompletedTask;

    /// <inheritdoc/>
    public override ValueTask DisposeAsync() => workspace?.DisposeAsync() ?? ValueTask.CompletedTask;
}

/// <summary>On an engine elsewhere, or one whose files are not the caller's: the workspace is a volume that was filled through the API.</summary>
internal sealed class RemoteGroupStore : GroupStore
{
    private readonly DockerConnection connection;
    private readonly Carrier carrier;
    private readonly WorkspaceSpec? spec;
    private readonly string copy;

    private RemoteGroupStore(DockerConnection connection, Carrier carrier, WorkspaceSpec? spec, string copy, string? systemCalls)
    {
        this.connection = connection;
        this.carrier = carrier;
        this.spec = spec;
        this.copy = copy;
        SystemCalls = systemCalls;
        Workspace = spec is null
            ? []
            : [new Mount { Type = "volume", Source = carrier.WorkspaceVolume, Target = spec.BasePath, VolumeOptions = new VolumeOptions { NoCopy = true } }];
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Mount> Workspace { get; }

    /// <inheritdoc/>
    public override string? SystemCalls { get; }

    /// <exception cref="ContainerException">The engine refused, or the workspace would have to be shared with this host.</exception>
    public static async Task<RemoteGroupStore> CreateAsync(
        DockerConnection connection, GroupSpec group, GroupDirectories directories, bool seesThisHost, CancellationToken cancellationToken)
    {
        if (group.Workspace is { CopyOnWrite: false })
        {
            throw new ContainerException(
                ContainerFailure.InvalidSpec,
                $"the engine at {connection.Endpoint} does not see this host's files, so steps cannot work in place; run without --in-place, and take what they make with --out");
        }

        var carrier = await Carrier.CreateAsync(connection, group, DockerLabels.OfGroup(group, directories), cancellationToken);
        try
        {
            await carrier.SendHelperAsync(connection.SandboxProgram, cancellationToken);
            if (group.Workspace is { } spec)
            {
                await carrier.SendTreeAsync(SourceOf(spec), RelativeTree(spec), cancellationToken);
            }

            var profile = (await connection.IsPodman, seesThisHost) switch
            {
                (false, _) => connection.SystemCallProfile,
                (true, true) => directories.WriteSystemCalls(connection.SystemCallProfile),
                (true, false) => null,
            };
            return new RemoteGroupStore(connection, carrier, group.Workspace, Path.Combine(directories.Scratch, "copy"), profile);
        }
        catch
        {
            await carrier.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public override IContainerFiles CreateFiles(int number) => new FilesOverStreams(connection, carrier.HelperVolume);

    /// <inheritdoc/>
    public override async Task<string?> OpenWorkspaceAsync(CancellationToken cancellationToken)
    {
        if (spec is null)
        {
            return null;
        }

        await DockerWorkspace.RemoveAsync(copy);
        Directory.CreateDirectory(copy);
        await carrier.FetchTreeAsync(RelativeTree(spec), copy, cancellationToken);
        return copy;
    }

    /// <inheritdoc/>
    public override bool HasView => false;

    /// <inheritdoc/>
    public override async Task MoveWorkspaceAsync(string target)
    {
        if (spec is not null)
        {
            Directory.CreateDirectory(target);
            await carrier.FetchTreeAsync(RelativeTree(spec), target, CancellationToken.None);
        }
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        await carrier.DisposeAsync();
        await DockerWorkspace.RemoveAsync(copy);
    }

    private static string SourceOf(WorkspaceSpec spec) => spec.ChangesOf switch
    {
        { WorkspaceDirectory: { } whole, WorkspaceIsWhole: true } => whole,
        { WorkspaceDirectory: { } changes } => throw new ContainerException(
            ContainerFailure.InvalidSpec, $"the tree as a kept container's workflow left it ({changes}) can be shown only to an engine of this host"),
        _ => spec.SourceDirectory,
    };

    private static string RelativeTree(WorkspaceSpec spec) => Path.GetRelativePath(spec.BasePath, spec.TreePath) is var path && path == "." ? "" : path;
}
