namespace BuildRunner.Containers.Engine.Dummy;

/// <summary>A group of containers that are not there.</summary>
internal sealed class DummyGroup(TimeProvider time) : IContainerGroup
{
    private readonly CancellationTokenSource end = new();

    public Task<string?> OpenWorkspaceAsync(CancellationToken cancellationToken) => Task.FromResult<string?>(null);

    public Task<IPreparedContainer> PrepareAsync(ContainerSpec spec, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return Task.FromResult<IPreparedContainer>(new Prepared(spec));
    }

    public async Task<ContainerExit> RunAsync(
        IPreparedContainer container,
        StartSpec start,
        IOutputSink output,
        CancellationToken cancellationToken)
    {
        var script = DummyScript.Of(container.Spec, start);
        script.Start();
        await output.WriteAsync(OutputStream.Out, script.Output(), time.GetUtcNow(), cancellationToken);
        await Task.Delay(script.Sleep ?? TimeSpan.Zero, time, cancellationToken);
        return script.Exit;
    }

    public async Task<IRunningService> StartServiceAsync(ContainerSpec spec, IOutputSink output, CancellationToken cancellationToken)
    {
        var script = DummyScript.Of(spec, StartSpec.AsPrepared);
        script.Start();
        await output.WriteAsync(OutputStream.Out, script.Output(), time.GetUtcNow(), cancellationToken);
        return new Service(script, time, end.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await end.CancelAsync();
        end.Dispose();
    }

    private sealed class Prepared(ContainerSpec spec) : IPreparedContainer
    {
        public ContainerSpec Spec => spec;

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private sealed class Service : IRunningService
    {
        private readonly CancellationTokenSource stop;

        public Service(DummyScript script, TimeProvider time, CancellationToken group)
        {
            stop = CancellationTokenSource.CreateLinkedTokenSource(group);
            Exited = LiveAsync(script, time, stop.Token);
        }

        public Task<ContainerExit> Exited { get; }

        public Task WaitUntilHealthyAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public async ValueTask DisposeAsync()
        {
            if (!Exited.IsCompleted)
            {
                await stop.CancelAsync();
            }

            await Exited;
            stop.Dispose();
        }

        private static async Task<ContainerExit> LiveAsync(DummyScript script, TimeProvider time, CancellationToken stop)
        {
            try
            {
                await Task.Delay(script.Sleep ?? Timeout.InfiniteTimeSpan, time, stop);
                return script.Exit;
            }
            catch (OperationCanceledException)
            {
                // Stopped with its group, or before: as TERM would end it.
                return new ContainerExit.Signaled(15);
            }
        }
    }
}
