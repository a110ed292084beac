namespace BuildRunner.Containers.Engine.Oci;

/// <summary>A service of the embedded engine.</summary>
internal sealed class OciService : IRunningService
{
    private readonly OciGroup _group;
    private readonly OciContainer _container;

    private OciService(OciGroup group, OciContainer container)
    {
        _group = group;
        _container = container;
        Exited = container.WaitAsync();
    }

    /// <inheritdoc/>
    public Task<ContainerExit> Exited { get; }

    public static async Task<OciService> StartAsync(OciGroup group, OciContainer container, IOutputSink output)
    {
        await container.StartAsync(StartSpec.AsPrepared, output);
        return new OciService(group, container);
    }

    /// <inheritdoc/>
    public Task ExtendAsync(TimeSpan time) => _container.ExtendAsync(time);

    /// <inheritdoc/>
    public async Task WaitUntilHealthyAsync(CancellationToken cancellationToken)
    {
        var check = _container.Spec.HealthCheck ?? _container.Spec.Image.Config.HealthCheck;
        if (check is null || check.Test.Count == 0)
        {
            return;
        }

        var started = TimeProvider.System.GetTimestamp();
        for (var failures = 0; ;)
        {
            var status = Exited.IsCompleted ? ShimClient.EndedStatus : await _container.CheckAsync(check.Test, check.Timeout, cancellationToken);
            if (status == 0)
            {
                return;
            }

            if (status == ShimClient.EndedStatus)
            {
                throw Unhealthy($"has ended ({await DescribeEndAsync()})");
            }

            failures += TimeProvider.System.GetElapsedTime(started) >= check.StartPeriod ? 1 : 0;
            if (failures >= Math.Max(check.Retries, 1))
            {
                throw Unhealthy($"failed its health check {failures} times in a row, the last time with status {status}");
            }

            await Task.WhenAny(Exited, Task.Delay(check.Interval, cancellationToken));
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _container.StopAsync();
        try
        {
            await Exited;
        }
        catch (ContainerException)
        {
            // Whoever needed the service was told by Exited or the health check; here it only has to be gone.
        }

        _group.RemoveLater(_container);
    }

    private async Task<string> DescribeEndAsync()
    {
        try
        {
            return $"status {(await Exited).Status}";
        }
        catch (ContainerException e)
        {
            return e.Message;
        }
    }

    private ContainerException Unhealthy(string what) => new(ContainerFailure.Unhealthy, $"The service {_container.Spec.Name} {what}.");
}
