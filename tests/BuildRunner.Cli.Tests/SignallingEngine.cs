using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;

namespace BuildRunner.Cli.Tests;

/// <summary>An engine that does something when a container starts, and remembers whether its group is gone.</summary>
internal sealed class SignallingEngine(IContainerEngine inner, Action started) : IContainerEngine
{
    public string Name => inner.Name;

    public bool GroupGone { get; private set; }

    public Task<EngineReadiness> ProbeAsync(CancellationToken cancellationToken) => inner.ProbeAsync(cancellationToken);

    public Task<ResolvedImage> PullAsync(ImageReference image, PullOptions options, IProgress<PullProgress>? progress, CancellationToken cancellationToken) =>
        inner.PullAsync(image, options, progress, cancellationToken);

    public async Task<IContainerGroup> CreateGroupAsync(GroupSpec spec, CancellationToken cancellationToken) => new Group(this, await inner.CreateGroupAsync(spec, cancellationToken));

    public Task<int> ReapAsync(string owner, CancellationToken cancellationToken) => inner.ReapAsync(owner, cancellationToken);

    public ValueTask DisposeAsync() => inner.DisposeAsync();

    private sealed class Group(SignallingEngine engine, IContainerGroup inner) : IContainerGroup
    {
        public Task<string?> OpenWorkspaceAsync(CancellationToken cancellationToken) => inner.OpenWorkspaceAsync(cancellationToken);

        public Task<IPreparedContainer> PrepareAsync(ContainerSpec spec, CancellationToken cancellationToken) => inner.PrepareAsync(spec, cancellationToken);

        public Task<ContainerExit> RunAsync(IPreparedContainer container, StartSpec start, IOutputSink output, CancellationToken cancellationToken)
        {
            var run = inner.RunAsync(container, start, output, cancellationToken);
            engine.Start();
            return run;
        }

        public Task<IRunningService> StartServiceAsync(ContainerSpec spec, IOutputSink output, CancellationToken cancellationToken) =>
            inner.StartServiceAsync(spec, output, cancellationToken);

        public ValueTask DisposeAsync()
        {
            engine.GroupGone = true;
            return inner.DisposeAsync();
        }
    }

    private void Start() => started();
}
