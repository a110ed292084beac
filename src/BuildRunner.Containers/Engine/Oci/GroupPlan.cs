using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>A group as it is asked for, with all that follows from the settings and from what the host is at that moment.</summary>
/// <param name="Spec">What was asked for.</param>
/// <param name="Options">The engine's settings for it.</param>
/// <param name="Labels">Labels of the host's security modules.</param>
/// <param name="NameServers">Whom its containers ask for names.</param>
/// <param name="Setup">What its holder is told.</param>
internal sealed record GroupPlan(GroupSpec Spec, OciEngineOptions Options, SecurityLabels Labels, IReadOnlyList<string> NameServers, GroupSetup Setup)
{
    /// <summary>True: it can be made before it is known for whom. What it writes to is empty at first, and lies under names that can be given to it later.</summary>
    public bool CanBeMadeAhead =>
        Spec is { Hardened: false, Workspace: { CopyOnWrite: false, BeginsEmpty: true, ChangesOf: null } }
        && Setup is { DiskBytes: 0, Place.Slots: >= ReadyGroup.FewestPlaces }
        && Options.User is null;

    /// <summary>Whether a group of this plan is one of the other, but for its name and for where its workspace lies.</summary>
    /// <remarks>The rules of the packet filter may differ by the name servers, which are looked at again when it is handed out.</remarks>
    public bool IsLike(GroupPlan other) =>
        CanBeMadeAhead && other.CanBeMadeAhead
        && Options == other.Options
        && Labels == other.Labels
        && NameServers.SequenceEqual(other.NameServers, StringComparer.Ordinal)
        && Setup.Place.IsAlsoFor(other.Setup.Place)
        && Spec.Workspace!.BasePath == other.Spec.Workspace!.BasePath && Spec.Workspace.TreePath == other.Spec.Workspace.TreePath
        && Setup with { GroupId = other.Setup.GroupId, WorkspaceSource = other.Setup.WorkspaceSource, Place = other.Setup.Place } == other.Setup;
}
