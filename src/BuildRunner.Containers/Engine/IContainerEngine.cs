using BuildRunner.Containers.Engine.Kept;
using BuildRunner.Containers.Images;

namespace BuildRunner.Containers.Engine;

/// <summary>Runs containers: each from its image's pristine file system to its end.</summary>
/// <remarks>
/// <para>Isolation: every run starts from the image as it was pulled. Only what is written below a mount that is not read-only
/// survives; everything else is discarded before the run returns.</para>
/// <para>Lifetime: when <see cref="IContainerGroup.RunAsync"/> completes, in whatever way, every process of that container is dead and
/// nothing of it is reachable. Its mounts and writable layer are removed off the caller's path: by the group's disposal at the latest,
/// and by <see cref="ReapAsync"/> after a crash.</para>
/// <para>Errors: a command that ran and failed is a result (<see cref="ContainerExit"/>). <see cref="ContainerException"/> means that
/// the engine could not run the command.</para>
/// <para>All members may be called from several threads at once.</para>
/// </remarks>
public interface IContainerEngine : IAsyncDisposable
{
    /// <summary>The name by which a user chooses the engine: <c>oci</c>, <c>docker</c> or <c>dummy</c>.</summary>
    string Name { get; }

    /// <summary>What this engine keeps of containers that have ended; null: it keeps nothing.</summary>
    KeptContainers? Kept => null;

    /// <summary>False: nobody keeps containers to their limits of memory, processors and processes.</summary>
    bool KeepsLimits => true;

    /// <summary>How many containers should wait for their turn while a step runs, if so many steps follow: 1 where making one is quick.</summary>
    int PreparedAhead => 1;

    /// <summary>Finds out by doing whether this host can run containers with this engine, and what is missing where it cannot.</summary>
    Task<EngineReadiness> ProbeAsync(CancellationToken cancellationToken);

    /// <summary>Makes an image present on this host and resolves it to a digest.</summary>
    /// <remarks>Safe to repeat; concurrent calls for one image download it once.</remarks>
    /// <exception cref="ContainerException">The image cannot be had; <see cref="ContainerException.Reason"/> tells why.</exception>
    Task<ResolvedImage> PullAsync(ImageReference image, PullOptions options, IProgress<PullProgress>? progress, CancellationToken cancellationToken);

    /// <summary>Builds an image from a Dockerfile.</summary>
    /// <param name="build">What to build.</param>
    /// <param name="output">Gets what the builder prints, a line at a time; null: nobody wants to know.</param>
    /// <param name="cancellationToken">Ends the build.</param>
    /// <exception cref="ContainerException">It failed, or this engine builds no images; the message says which one does.</exception>
    Task<ResolvedImage> BuildAsync(ImageBuild build, Action<string>? output, CancellationToken cancellationToken) => throw Storage.StoreLibrary.CannotBuild(build);

    /// <summary>Keeps ready from now on what the next group needs, where the engine can make such things before it knows for which: for who runs workflows as they come. It ends with the engine.</summary>
    /// <param name="folder">A folder for this engine alone, on the file system of the workspaces that groups will get (<see cref="WorkspaceSpec.BeginsEmpty"/>); what is in it is removed. With it also a
    /// container in the likeness of the last workflows' first ones is kept (decision 227). Null: none.</param>
    /// <param name="first">Told of workflows whose first step has a container: true, it got the one that was kept; false, it was made as before, though one was kept that it was not like, or no other workflow was
    /// there. Not told of those in the profile hardened or with a disk of their own, which none is kept for. May be called by several threads at once.</param>
    void KeepReady(string? folder = null, Action<bool>? first = null)
    {
    }

    /// <summary>Creates what the containers of one workflow share: network, names, workspace.</summary>
    Task<IContainerGroup> CreateGroupAsync(GroupSpec spec, CancellationToken cancellationToken);

    /// <summary>Removes everything that processes which are gone left behind. Returns how many groups were removed.</summary>
    /// <param name="owner">The owner whose left-overs are looked for (<see cref="GroupSpec.Owner"/>).</param>
    /// <param name="cancellationToken">Ends the clean-up early; what is left is found by the next call.</param>
    Task<int> ReapAsync(string owner, CancellationToken cancellationToken);
}

/// <summary>The containers of one workflow: they share a network, each other's names and a workspace, and nothing else.</summary>
public interface IContainerGroup : IAsyncDisposable
{
    /// <summary>A directory on this host that shows the workspace as the steps see it, for reading results; null if the group has none.</summary>
    /// <remarks>It lives as long as the group. Where the engine is elsewhere it is a copy, made by this call; so call it when nothing writes any more.</remarks>
    /// <exception cref="ContainerException">The engine could not be asked for it.</exception>
    Task<string?> OpenWorkspaceAsync(CancellationToken cancellationToken);

    /// <summary>Makes everything ready but "go". No user code has run, so disposing the result is free.</summary>
    /// <remarks>The intent to start is stored between this call and <see cref="RunAsync"/> (promise G2).</remarks>
    Task<IPreparedContainer> PrepareAsync(ContainerSpec spec, CancellationToken cancellationToken);

    /// <summary>Starts a prepared container, streams its output to <paramref name="output"/>, and waits for its end.</summary>
    /// <param name="container">What <see cref="PrepareAsync"/> of this group returned; it can be run once.</param>
    /// <param name="start">Command and environment that were not known when the container was prepared.</param>
    /// <param name="output">Receives every byte in order per stream; slow writing slows the container down.</param>
    /// <param name="cancellationToken">Ends the container: its stop signal, then KILL after <see cref="ContainerSpec.StopGrace"/>. Then, when it is
    /// dead and its output delivered, <see cref="OperationCanceledException"/> is thrown.</param>
    /// <exception cref="ContainerException">The command could not be run.</exception>
    Task<ContainerExit> RunAsync(IPreparedContainer container, StartSpec start, IOutputSink output, CancellationToken cancellationToken);

    /// <summary>Starts a container that lives until it is disposed or the group is.</summary>
    Task<IRunningService> StartServiceAsync(ContainerSpec spec, IOutputSink output, CancellationToken cancellationToken);
}

/// <summary>What lives no longer than it is told to, whatever happens to its caller.</summary>
public interface ILeased
{
    /// <summary>Lets a started container live for this long from now: when the time has passed and nobody has called again, the engine kills it at once, also if
    /// its caller stands still (promise G5). Without a first call there is no such limit. Engines that run nothing outside of their caller may ignore it.</summary>
    Task ExtendAsync(TimeSpan time) => Task.CompletedTask;
}

/// <summary>A container that is ready to start. Disposing one that was never run leaves no trace.</summary>
public interface IPreparedContainer : ILeased, IAsyncDisposable
{
    /// <summary>The specification it was prepared from.</summary>
    ContainerSpec Spec { get; }

    /// <summary>Keeps the file system of a container that has been run, in place of discarding it; to be called before it is disposed, once.</summary>
    /// <remarks>Only for one whose <see cref="ContainerSpec.MayBeKept"/> is set.</remarks>
    /// <returns>The record of it; null on an engine that keeps nothing.</returns>
    /// <exception cref="ContainerException">It could not be kept.</exception>
    Task<KeptContainer?> KeepAsync(KeepRequest request, CancellationToken cancellationToken) => Task.FromResult<KeptContainer?>(null);
}

/// <summary>A service. Disposing it stops it: stop signal, grace, KILL.</summary>
public interface IRunningService : ILeased, IAsyncDisposable
{
    /// <summary>Completes when the service has ended by itself or was stopped.</summary>
    Task<ContainerExit> Exited { get; }

    /// <summary>Waits until the service's health check succeeds; returns at once if it has none.</summary>
    /// <exception cref="ContainerException"><see cref="ContainerFailure.Unhealthy"/>: the check failed too often, or the service ended.</exception>
    Task WaitUntilHealthyAsync(CancellationToken cancellationToken);
}

/// <summary>Receives what a container writes.</summary>
public interface IOutputSink
{
    /// <summary>Takes one chunk; the memory is only valid until the returned task completes.</summary>
    /// <param name="stream">Which stream wrote it.</param>
    /// <param name="bytes">Raw bytes, cut anywhere.</param>
    /// <param name="at">When it was read.</param>
    /// <param name="cancellationToken">Given up: the rest of the output will not be delivered.</param>
    ValueTask WriteAsync(OutputStream stream, ReadOnlyMemory<byte> bytes, DateTimeOffset at, CancellationToken cancellationToken);

    /// <summary>Told, after all that will be delivered, that the container wrote more than <see cref="RecordSpec.MaxOutput"/> allowed to be kept.</summary>
    /// <param name="stream">Which stream wrote it.</param>
    /// <param name="bytes">How many bytes are missing, exactly.</param>
    /// <param name="cancellationToken">Given up.</param>
    ValueTask MissingAsync(OutputStream stream, long bytes, CancellationToken cancellationToken) => ValueTask.CompletedTask;
}

/// <summary>A standard stream of a container.</summary>
public enum OutputStream
{
    /// <summary>Standard output.</summary>
    Out = 1,

    /// <summary>Standard error.</summary>
    Error = 2,
}

/// <summary>Whether an engine can be used on this host, with one line per thing that was checked.</summary>
/// <param name="Usable">True if a container was run, or everything that it needs was proven.</param>
/// <param name="Checks">What was checked, most important first.</param>
public sealed record EngineReadiness(bool Usable, IReadOnlyList<ReadinessCheck> Checks);

/// <summary>One thing that was checked.</summary>
/// <param name="Name">What was checked, in a word or two: <c>engine</c>, <c>user ids</c>.</param>
/// <param name="Status">Whether it is fine.</param>
/// <param name="Detail">What was found.</param>
/// <param name="Remedy">What to do about it, as a command where there is one; null if nothing is to be done.</param>
public sealed record ReadinessCheck(string Name, ReadinessStatus Status, string Detail, string? Remedy = null)
{
    /// <summary>The same in one short clause, where the detail is long and stands in the way of something else; null: the detail is short.</summary>
    public string? Brief { get; init; }
}

/// <summary>The verdict of one check.</summary>
public enum ReadinessStatus
{
    /// <summary>Fine.</summary>
    Ok,

    /// <summary>Works, but something should be known.</summary>
    Warning,

    /// <summary>Does not work.</summary>
    Failed,
}
