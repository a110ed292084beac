using System.Collections.Concurrent;
using System.Text;
using BuildRunner.Cli.Output;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Core.Logs;
using BuildRunner.Core.Runs;

namespace BuildRunner.Cli.Tests.Scenarios;

/// <summary>An engine that notes what it is asked for: each container's specification, environment, and its place among all beginnings and ends.</summary>
internal sealed class WatchedEngine(IContainerEngine inner) : IContainerEngine
{
    private readonly ConcurrentDictionary<string, TaskCompletionSource> begun = new(), ended = new();
    private int clock;

    public string Name => inner.Name;

    /// <summary>Called when a step starts, with <c>workflow/step</c>.</summary>
    public Action<string> Started { get; set; } = _ => { };

    /// <summary>Groups of steps that are held until all of a group have begun.</summary>
    public IReadOnlyList<string> Meet { get; init; } = [];

    /// <summary>Steps that are held until another has ended.</summary>
    public IReadOnlyDictionary<string, string> Held { get; init; } = new Dictionary<string, string>();

    /// <summary>Containers by <c>workflow/step</c>; of several attempts the last.</summary>
    public ConcurrentDictionary<string, WatchedContainer> Containers { get; } = new();

    /// <summary>How many containers were run by that name.</summary>
    public ConcurrentDictionary<string, int> Attempts { get; } = new();

    /// <summary>The container of a step or service: by its name, or <c>workflow/step</c> if several workflows have one of that name.</summary>
    public WatchedContainer this[string name] => Assert.Single(Containers, c => c.Key == name || c.Key.EndsWith("/" + name, StringComparison.Ordinal)).Value;

    public Task<EngineReadiness> ProbeAsync(CancellationToken cancellationToken) => inner.ProbeAsync(cancellationToken);

    public Task<ResolvedImage> PullAsync(ImageReference image, PullOptions options, IProgress<PullProgress>? progress, CancellationToken cancellationToken) =>
        inner.PullAsync(image, options, progress, cancellationToken);

    public async Task<IContainerGroup> CreateGroupAsync(GroupSpec spec, CancellationToken cancellationToken) => new Group(this, await inner.CreateGroupAsync(spec, cancellationToken));

    public Task<int> ReapAsync(string owner, CancellationToken cancellationToken) => inner.ReapAsync(owner, cancellationToken);

    public ValueTask DisposeAsync() => inner.DisposeAsync();

    // Nothing here depends on how long anything takes.
    private async Task HoldAsync(string key, CancellationToken cancellationToken)
    {
        Moment(begun, key).TrySetResult();
        foreach (var group in Meet.Select(group => group.Split(' ')).Where(group => group.Any(name => Is(name, key))))
        {
            foreach (var name in group)
            {
                await Moment(begun, name).Task.WaitAsync(cancellationToken);
            }
        }

        foreach (var (_, other) in Held.Where(held => Is(held.Key, key)))
        {
            await Moment(ended, other).Task.WaitAsync(cancellationToken);
        }
    }

    private void End(WatchedContainer container, string key)
    {
        container.End = Interlocked.Increment(ref clock);
        Moment(ended, key).TrySetResult();
    }

    private static bool Is(string name, string key) => key == name || key.EndsWith("/" + name, StringComparison.Ordinal);

    // Known by the last part of the name, unless the scenario names more of it.
    private TaskCompletionSource Moment(ConcurrentDictionary<string, TaskCompletionSource> moments, string name) =>
        moments.GetOrAdd(Named.FirstOrDefault(named => Is(named, name), name), _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));

    private IEnumerable<string> Named => Meet.SelectMany(group => group.Split(' ')).Concat(Held.Keys).Concat(Held.Values);

    private static string KeyOf(ContainerSpec spec) => $"{spec.Labels[ContainerLabels.Workflow]}/{spec.Labels[ContainerLabels.Step]}";

    private WatchedContainer Note(ContainerSpec spec, IReadOnlyDictionary<string, string> more)
    {
        var environment = new Dictionary<string, string>(spec.Environment);
        foreach (var (name, value) in more)
        {
            environment[name] = value;
        }

        var key = KeyOf(spec);
        Attempts.AddOrUpdate(key, 1, (_, count) => count + 1);
        return Containers[key] = new WatchedContainer(spec, environment, Interlocked.Increment(ref clock));
    }

    private sealed class Group(WatchedEngine engine, IContainerGroup inner) : IContainerGroup
    {
        public Task<string?> OpenWorkspaceAsync(CancellationToken cancellationToken) => inner.OpenWorkspaceAsync(cancellationToken);

        public Task<IPreparedContainer> PrepareAsync(ContainerSpec spec, CancellationToken cancellationToken) => inner.PrepareAsync(spec, cancellationToken);

        public async Task<ContainerExit> RunAsync(IPreparedContainer container, StartSpec start, IOutputSink output, CancellationToken cancellationToken)
        {
            var key = KeyOf(container.Spec);
            var noted = engine.Note(container.Spec, start.Environment);
            try
            {
                await engine.HoldAsync(key, cancellationToken);
                var run = inner.RunAsync(container, start, output, cancellationToken);
                engine.Started(key);
                return await run;
            }
            finally
            {
                engine.End(noted, key);
            }
        }

        public async Task<IRunningService> StartServiceAsync(ContainerSpec spec, IOutputSink output, CancellationToken cancellationToken)
        {
            var noted = engine.Note(spec, new Dictionary<string, string>());
            var service = await inner.StartServiceAsync(spec, output, cancellationToken);
            _ = service.Exited.ContinueWith(_ => engine.End(noted, KeyOf(spec)), TaskScheduler.Default);
            return service;
        }

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}

/// <summary>A container that was asked for.</summary>
internal sealed class WatchedContainer(ContainerSpec spec, IReadOnlyDictionary<string, string> environment, int begin)
{
    public ContainerSpec Spec => spec;

    /// <summary>Its environment, whole.</summary>
    public IReadOnlyDictionary<string, string> Environment => environment;

    /// <summary>Its place among all beginnings and ends.</summary>
    public int Begin => begin;

    /// <summary>As <see cref="Begin"/>; 0: it has not ended.</summary>
    public int End { get; set; }
}

/// <summary>Keeps the lines of a run.</summary>
internal sealed class TextView : IRunView
{
    private readonly ConcurrentQueue<(string Step, string Text)> lines = [];

    /// <summary>The lines of a step or service.</summary>
    public IEnumerable<string> LinesOf(string step) => lines.Where(line => line.Step == step).Select(line => line.Text);

    public void Show(RunProgress progress, RunState state)
    {
    }

    public ValueTask WriteAsync(LogLine line, CancellationToken cancellationToken)
    {
        lines.Enqueue((line.Step, Encoding.UTF8.GetString(line.Text.Span)));
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
