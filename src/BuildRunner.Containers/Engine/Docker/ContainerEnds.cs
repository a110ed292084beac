using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>How a container ended: as its waiter tells, or where that is gone without a word, as the engine does.</summary>
internal static class ContainerEnds
{
    /// <summary>What the waiter reported.</summary>
    public static ContainerExit Of(ExitReport report, ResourceLimits limits) => report switch
    {
        { OutOfMemory: true, Signal: 9 } or { OutOfMemory: true, Code: 137 } => new ContainerExit.OutOfMemory(limits.MemoryBytes),
        { Signal: > 0 } => new ContainerExit.Signaled(report.Signal),
        _ => new ContainerExit.Exited(report.Code),
    };

    /// <summary>The waiter is gone without a word, because the kernel, the engine or somebody else killed it; or it is overdue, and ended here.</summary>
    public static async Task<ContainerExit> OfLostWaiterAsync(DockerConnection connection, string id, ContainerSpec spec, ResourceLimits limits, bool isOverdue)
    {
        if (isOverdue)
        {
            await connection.RemoveContainerAsync(id, spec.Name, CancellationToken.None);
            return new ContainerExit.Signaled(9);
        }

        var found = await connection.CallAsync($"looking at the container '{spec.Name}'", c => c.Containers.InspectContainerAsync(id, CancellationToken.None));
        return found.State is { OOMKilled: true }
            ? new ContainerExit.OutOfMemory(limits.MemoryBytes)
            : throw new ContainerException(
                ContainerFailure.Lost,
                $"the container '{spec.Name}' was ended by something outside of BuildRunner (status {found.State?.ExitCode} {found.State?.Error})",
                isTransient: true);
    }

    /// <summary>The engine's word on a container, as an addition to a message.</summary>
    public static async Task<string> DescribeAsync(DockerConnection connection, string id)
    {
        try
        {
            var found = await connection.Client.Containers.InspectContainerAsync(id, CancellationToken.None);
            return $"its state is {found.State?.Status}, status {found.State?.ExitCode} {found.State?.Error}".TrimEnd();
        }
        catch (Exception unknown) when (unknown is global::Docker.DotNet.DockerApiException or HttpRequestException or IOException)
        {
            return "its state is not known";
        }
    }
}
