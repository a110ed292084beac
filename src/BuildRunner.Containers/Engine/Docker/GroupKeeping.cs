using BuildRunner.Containers.Engine.Kept;
using Docker.DotNet.Models;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>Keeps containers of a group that have ended as images of the engine, and at the group's end what the workspace became.</summary>
/// <param name="connection">The engine.</param>
/// <param name="spec">The group.</param>
/// <param name="store">Its workspace.</param>
/// <param name="kept">The records of what is kept.</param>
internal sealed class GroupKeeping(DockerConnection connection, GroupSpec spec, GroupStore store, KeptContainers kept)
{
    /// <summary>The name under which images of kept containers stand in the engine's list.</summary>
    public const string Repository = "buildrunner-kept";

    private bool keepsWorkspace;

    /// <summary>Keeps a container that has ended as an image of the engine, and at the group's end the changes of the workspace.</summary>
    public async Task<KeptContainer> KeepAsync(DockerContainer container, KeepRequest request, CancellationToken cancellationToken)
    {
        var id = kept.Reserve(spec.Id);
        var parameters = new CommitContainerChangesParameters
        {
            ContainerID = container.Id,
            RepositoryName = Repository,
            Tag = id,
            Pause = false,
            Changes = [$"LABEL {DockerLabels.Kept}={id}"],
        };
        var image = await connection.CallAsync($"keeping the container '{container.Spec.Name}'", c => c.Images.CommitContainerChangesAsync(parameters, cancellationToken));
        var ofTree = spec.Workspace is { CopyOnWrite: true };
        keepsWorkspace |= ofTree;
        var record = new KeptContainer
        {
            Id = id,
            Engine = "docker",
            Group = spec.Id,
            Owner = spec.Owner,
            Run = request.Run,
            Workflow = request.Workflow,
            Step = request.Step,
            Attempt = request.Attempt,
            Outcome = request.Outcome,
            At = request.At,
            Image = container.Spec.Image.Reference.ToString(),
            ImageDigest = container.Spec.Image.ManifestDigest?.ToString(),
            StoreImage = image.ID,
            Tree = spec.Workspace?.SourceDirectory,
            WorkspaceDirectory = ofTree ? kept.WorkspaceOf(spec.Id) : null,
            WorkspaceIsWhole = ofTree && !store.HasView,
        };
        kept.Save(record);
        return record;
    }

    /// <summary>Puts what is kept of the workspace into its place. Nothing of the group may use the workspace any more.</summary>
    public Task FinishAsync() => keepsWorkspace ? store.MoveWorkspaceAsync(kept.WorkspaceOf(spec.Id)) : Task.CompletedTask;
}
