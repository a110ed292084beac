namespace BuildRunner.Containers.Engine.Docker;

/// <summary>A service on a Docker or Podman engine.</summary>
internal sealed class DockerService : IRunningService
{
    private readonly DockerGroup group;
    private readonly DockerContainer container;

    private DockerService(DockerGroup group, DockerContainer container, IOutputSink output)
    {
        this.group = group;
        this.container = container;
        Exited = container.WaitAsync(output);
    }

    /// <inheritdoc/>
    public Task<ContainerExit> Exited { get; }

    public static async Task<DockerService> StartAsync(DockerGroup group, DockerContainer container, IOutputSink output)
    {
        await container.GoAsync(StartSpec.AsPrepared);
        return new DockerService(group, container, output);
    }

    /// <inheritdoc/>
    public Task ExtendAsync(TimeSpan time) => container.ExtendAsync(time);

    /// <inheritdoc/>
    public async Task WaitUntilHealthyAsync(CancellationToken cancellationToken)
    {
        var check = container.Spec.HealthCheck ?? container.Spec.Image.Config.HealthCheck;
        if (check is null || check.Test.Count == 0)
        {
            return;
        }

        var time = group.Connection.Time;
        var started = time.GetTimestamp();
        for (var failures = 0; ;)
        {
            var status = Exited.IsCompleted
                ? WaiterSession.EndedStatus
                : await container.CheckAsync(check.Test, check.Timeout, cancellationToken);
            if (status == 0)
            {
                return;
            }

            if (status == WaiterSession.EndedStatus)
            {
                throw Unhealthy($"has ended ({await DescribeEndAsync()})");
            }

            failures += time.GetElapsedTime(started) >= check.StartPeriod ? 1 : 0;
            if (failures >= Math.Max(check.Retries, 1))
            {
                throw Unhealthy($"failed its health check {failures} times in a row, the last time with status {status}");
            }

            await Task.WhenAny(Exited, Task.Delay(check.Interval, time, cancellationToken));
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await container.StopAsync();
        try
        {
            await Exited;
        }
        catch (ContainerException)
        {
            // Whoever needed the service was told by Exited or the health check; here it only has to be gone.
        }

        group.RemoveLater(container);
    }

    private async Task<string> DescribeEndAsync()
    {
        try
        {
            return $"status {(await Exited).Status}";
        }
        catch (ContainerException failure)
        {
            return failure.Message;
        }
    }

    private ContainerException Unhealthy(string what) => new(ContainerFailure.Unhealthy, $"the service '{container.Spec.Name}' {what}");
}
