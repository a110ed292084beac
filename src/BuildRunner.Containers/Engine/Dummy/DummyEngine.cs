using BuildRunner.Containers.Images;

namespace BuildRunner.Containers.Engine.Dummy;

/// <summary>Runs nothing, and behaves as the environment of each container says. For testing pipelines, and BuildRunner itself, in milliseconds.</summary>
/// <remarks>The names are those of Woodpecker's dummy backend; <see cref="DummyScript"/> lists them.</remarks>
/// <param name="time">The clock of <c>SLEEP</c>.</param>
public sealed class DummyEngine(TimeProvider time) : IContainerEngine
{
    /// <inheritdoc/>
    public string Name => "dummy";

    /// <inheritdoc/>
    public Task<EngineReadiness> ProbeAsync(CancellationToken cancellationToken) =>
        Task.FromResult(new EngineReadiness(true, [new ReadinessCheck("engine", ReadinessStatus.Ok, "dummy: runs nothing")]));

    /// <inheritdoc/>
    public Task<ResolvedImage> PullAsync(
        ImageReference image,
        PullOptions options,
        IProgress<PullProgress>? progress,
        CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return Task.FromResult(new ResolvedImage(image, null, new ImageConfig()));
    }

    /// <inheritdoc/>
    public Task<ResolvedImage> BuildAsync(ImageBuild build, Action<string>? output, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        _ = ImageReference.TryParse("localhost/built:latest", null, out var name, out _);
        return Task.FromResult(new ResolvedImage(build.Name ?? name!, null, new ImageConfig()));
    }

    /// <inheritdoc/>
    public Task<IContainerGroup> CreateGroupAsync(GroupSpec spec, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return Task.FromResult<IContainerGroup>(new DummyGroup(time));
    }

    /// <inheritdoc/>
    public Task<int> ReapAsync(string owner, CancellationToken cancellationToken) => Task.FromResult(0);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
