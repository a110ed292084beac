using System.Collections.Concurrent;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Kept;
using BuildRunner.Containers.Images;

namespace BuildRunner.Agent.Tests.Steps;

/// <summary>What a container does in a test.</summary>
internal delegate Task<ContainerExit> Behaviour(ContainerSpec spec, StartSpec start, IOutputSink output, CancellationToken stop);

/// <summary>An engine whose containers do what the test says, and that remembers what it was asked for.</summary>
internal sealed class ScriptedEngine : IContainerEngine
{
    public string Name => "scripted";

    /// <summary>What a container does, by step; without one it exits with 0.</summary>
    public ConcurrentDictionary<string, Behaviour> Behaviours { get; } = new();

    /// <summary>What pulling an image does; null: it is there.</summary>
    public Func<ImageReference, ResolvedImage>? Pull { get; init; }

    /// <summary>Whether a service becomes healthy.</summary>
    public Func<string, Task> Health { get; init; } = _ => Task.CompletedTask;

    /// <summary>What removing what others have left does.</summary>
    public Func<Task<int>> Reap { get; init; } = () => Task.FromResult(0);

    /// <summary>How often it was told to keep a group ready.</summary>
    public int KeptReady { get; private set; }

    public ConcurrentQueue<string> Pulled { get; } = [];

    public ConcurrentQueue<PullOptions> PulledWith { get; } = [];

    public ConcurrentQueue<ContainerSpec> Prepared { get; } = [];

    public ConcurrentQueue<(ContainerSpec Spec, StartSpec Start)> Started { get; } = [];

    public ConcurrentQueue<string> Disposed { get; } = [];

    /// <summary>What was asked to be kept, before anything of it was disposed.</summary>
    public ConcurrentQueue<KeepRequest> Kept { get; } = [];

    private readonly ConcurrentDictionary<string, TaskCompletionSource> seen = new();

    /// <summary>Completes when <c>prepared NAME</c> or <c>started NAME</c> has happened.</summary>
    public Task Sees(string what) => Moment(what).Task.WaitAsync(TimeSpan.FromSeconds(30));

    public static ResolvedImage Present(ImageReference image) => new(image, null, new ImageConfig());

    public Task<EngineReadiness> ProbeAsync(CancellationToken cancellationToken) => Task.FromResult(new EngineReadiness(true, []));

    public Task<ResolvedImage> PullAsync(ImageReference image, PullOptions options, IProgress<PullProgress>? progress, CancellationToken cancellationToken)
    {
        PulledWith.Enqueue(options);
        Pulled.Enqueue($"{image} {options.Policy}");
        return Task.FromResult((Pull ?? Present)(image));
    }

    /// <summary>The groups that were wanted.</summary>
    public ConcurrentQueue<GroupSpec> Groups { get; } = [];

    /// <summary>Whom it would tell whether a workflow got what was kept.</summary>
    public Action<bool>? First { get; private set; }

    public void KeepReady(string? folder = null, Action<bool>? first = null)
    {
        KeptReady++;
        First = first;
    }

    public Task<IContainerGroup> CreateGroupAsync(GroupSpec spec, CancellationToken cancellationToken)
    {
        Groups.Enqueue(spec);
        return Task.FromResult<IContainerGroup>(new Group(this, spec));
    }

    public Task<int> ReapAsync(string owner, CancellationToken cancellationToken) => Reap();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private TaskCompletionSource Moment(string what) => seen.GetOrAdd(what, _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));

    private sealed class Group(ScriptedEngine engine, GroupSpec spec) : IContainerGroup
    {
        public Task<string?> OpenWorkspaceAsync(CancellationToken cancellationToken) => Task.FromResult<string?>(null);

        public Task<IPreparedContainer> PrepareAsync(ContainerSpec container, CancellationToken cancellationToken)
        {
            engine.Prepared.Enqueue(container);
            engine.Moment($"prepared {container.Name}").TrySetResult();
            return Task.FromResult<IPreparedContainer>(new Container(engine, container));
        }

        public async Task<ContainerExit> RunAsync(IPreparedContainer container, StartSpec start, IOutputSink output, CancellationToken cancellationToken)
        {
            engine.Started.Enqueue((container.Spec, start));
            engine.Moment($"started {container.Spec.Name}").TrySetResult();
            return engine.Behaviours.TryGetValue(container.Spec.Name, out var behaviour)
                ? await behaviour(container.Spec, start, output, cancellationToken)
                : new ContainerExit.Exited(0);
        }

        public Task<IRunningService> StartServiceAsync(ContainerSpec container, IOutputSink output, CancellationToken cancellationToken)
        {
            engine.Started.Enqueue((container, StartSpec.AsPrepared));
            engine.Moment($"started {container.Name}").TrySetResult();
            return Task.FromResult<IRunningService>(new Service(engine, container));
        }

        public ValueTask DisposeAsync()
        {
            engine.Disposed.Enqueue($"group {spec.Id}");
            return ValueTask.CompletedTask;
        }
    }

    private sealed class Container(ScriptedEngine engine, ContainerSpec spec) : IPreparedContainer
    {
        public ContainerSpec Spec => spec;

        public Task<KeptContainer?> KeepAsync(KeepRequest request, CancellationToken cancellationToken)
        {
            Assert.True(spec.MayBeKept);
            engine.Kept.Enqueue(request);
            return Task.FromResult<KeptContainer?>(new KeptContainer
            {
                Id = "12345678",
                Engine = engine.Name,
                Group = "group",
                Owner = "test",
                Run = request.Run,
                Workflow = request.Workflow,
                Step = request.Step,
                Attempt = request.Attempt,
                Outcome = request.Outcome,
                At = request.At,
                Image = $"{spec.Image.Reference}",
            });
        }

        public ValueTask DisposeAsync()
        {
            engine.Disposed.Enqueue(spec.Name);
            engine.Moment($"disposed {spec.Name}").TrySetResult();
            return ValueTask.CompletedTask;
        }
    }

    private sealed class Service(ScriptedEngine engine, ContainerSpec spec) : IRunningService
    {
        private readonly TaskCompletionSource<ContainerExit> exited = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<ContainerExit> Exited => exited.Task;

        public Task WaitUntilHealthyAsync(CancellationToken cancellationToken) => engine.Health(spec.Name).WaitAsync(cancellationToken);

        public ValueTask DisposeAsync()
        {
            engine.Disposed.Enqueue(spec.Name);
            exited.TrySetResult(new ContainerExit.Signaled(15));
            return ValueTask.CompletedTask;
        }
    }
}
