using BuildRunner.Containers.Engine.Kept;
using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>A container of the embedded engine, from its preparation to its removal.</summary>
internal sealed class OciContainer : IPreparedContainer
{
    private const int Kill = 9, StatusOfKill = 137;

    private readonly OciGroup _group;
    private readonly ShimClient _shim;
    private readonly ResourceLimits _limits;
    private readonly Lazy<Task> _removal;
    private int _runs;

    public OciContainer(OciGroup group, ContainerSpec spec, string id, uint address, ShimClient shim, ResourceLimits limits)
    {
        _group = group;
        Spec = spec;
        Id = id;
        Address = address;
        _shim = shim;
        _limits = limits;
        // Elsewhere: whoever asks first holds the lazy value's lock meanwhile, and a removal takes the group's, which others hold while they ask.
        _removal = new Lazy<Task>(() => Task.Run(RemoveAsync));
    }

    /// <inheritdoc/>
    public ContainerSpec Spec { get; }

    /// <summary>Unique in the group, also among containers of the same name.</summary>
    public string Id { get; }

    /// <summary>0 without a network.</summary>
    public uint Address { get; }

    /// <summary>Starts the command; it cannot be started twice.</summary>
    public async Task StartAsync(StartSpec start, IOutputSink output)
    {
        if (Interlocked.Exchange(ref _runs, 1) != 0)
        {
            throw new InvalidOperationException($"The container {Spec.Name} has been started already.");
        }

        await _shim.GoAsync(ContainerCommand.Resolve(Spec, start, Names.HostName(Spec.Name)), output);
        _group.HasStarted();
    }

    /// <summary>Starts the command and waits for its end.</summary>
    public async Task<ContainerExit> RunAsync(StartSpec start, IOutputSink output, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        await StartAsync(start, output);
        using var reading = new CancellationTokenSource();
        var input = start.Input is null ? Task.CompletedTask : _shim.FeedAsync(start.Input.Events, reading.Token);
        var stopped = false;
        await using (cancellationToken.Register(() =>
        {
            stopped = true;
            _ = StopAsync();
        }))
        {
            var exit = await WaitToTheEndAsync(input, reading);
            return stopped ? throw new OperationCanceledException(cancellationToken) : exit;
        }
    }

    private async Task<ContainerExit> WaitToTheEndAsync(Task input, CancellationTokenSource reading)
    {
        try
        {
            return await WaitAsync();
        }
        finally
        {
            await reading.CancelAsync();
            await input.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <inheritdoc/>
    public async Task<KeptContainer?> KeepAsync(KeepRequest request, CancellationToken cancellationToken) => Spec.MayBeKept
        ? await _group.KeepAsync(this, request, cancellationToken)
        : throw new InvalidOperationException($"The container {Spec.Name} was not prepared to be kept.");

    /// <summary>Has the shim move the writable layer, and waits until everything else of the container is gone.</summary>
    public async Task MoveLayerAsync(string target)
    {
        await _shim.KeepAsync(target);
        await DisposeAsync();
    }

    /// <summary>Completes when every process of the container is dead and its output delivered.</summary>
    public async Task<ContainerExit> WaitAsync()
    {
        var report = await _shim.Exited;
        return report.Abandoned
            ? throw Failures.NotRenewed(Spec.Name)
            : ExitOf(report, _limits.MemoryBytes);
    }

    /// <summary>What a shim's report means.</summary>
    public static ContainerExit ExitOf(ExitReport report, long? memoryLimit) => EndOf(report, memoryLimit) with { DiskLimitBytes = report.DiskBytes > 0 ? report.DiskBytes : null };

    private static ContainerExit EndOf(ExitReport report, long? memoryLimit) => report switch
    {
        { OutOfMemory: true, Signal: Kill } or { OutOfMemory: true, Code: StatusOfKill } => new ContainerExit.OutOfMemory(memoryLimit),
        { Signal: > 0 } => new ContainerExit.Signaled(report.Signal),
        _ => new ContainerExit.Exited(report.Code),
    };

    /// <summary>Asks the command to end; after its grace it is killed.</summary>
    public Task StopAsync() => _shim.StopAsync();

    /// <inheritdoc/>
    public Task ExtendAsync(TimeSpan time) => _shim.ExtendAsync(time);

    public Task AddHostAsync(string line) => _shim.AddHostAsync(line);

    public Task<int> CheckAsync(IReadOnlyList<string> arguments, TimeSpan timeout, CancellationToken cancellationToken) =>
        _shim.CheckAsync(arguments, timeout, cancellationToken);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => new(_removal.Value);

    private async Task RemoveAsync()
    {
        await _shim.DisposeAsync();
        await _group.ForgetAsync(this);
    }
}
