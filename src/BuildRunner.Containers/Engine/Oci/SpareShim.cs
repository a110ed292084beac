namespace BuildRunner.Containers.Engine.Oci;

/// <summary>A shim that was started before it is known for which container: a process's start is a good part of what a short step costs.</summary>
/// <remarks>It has read nothing and entered nothing. When this process ends it notices, as every shim, and ends.</remarks>
/// <param name="sandboxPath">BuildRunner's helper.</param>
internal sealed class SpareShim(string sandboxPath) : IAsyncDisposable
{
    private readonly Lock gate = new();
    private Task<SandboxProcess>? spare;
    private bool closed;

    /// <summary>Starts one, unless there is one.</summary>
    public void Refill()
    {
        lock (gate)
        {
            if (!closed)
            {
                spare ??= Task.Run(() => SandboxProcess.Start(sandboxPath, "shim"));
            }
        }
    }

    /// <summary>The spare one, or a new one. The caller disposes it.</summary>
    /// <exception cref="ContainerException">It cannot be started.</exception>
    public async Task<SandboxProcess> TakeAsync()
    {
        Task<SandboxProcess>? ready;
        lock (gate)
        {
            (ready, spare) = (spare, null);
        }

        if (ready is null)
        {
            return SandboxProcess.Start(sandboxPath, "shim");
        }

        var process = await ready;
        if (!process.HasEnded)
        {
            return process;
        }

        await process.DisposeAsync();
        return SandboxProcess.Start(sandboxPath, "shim");
    }

    /// <summary>Ends the spare one.</summary>
    public async ValueTask DisposeAsync()
    {
        Task<SandboxProcess>? left;
        lock (gate)
        {
            closed = true;
            (left, spare) = (spare, null);
        }

        if (left is null)
        {
            return;
        }

        await ((Task)left).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (left.IsCompletedSuccessfully)
        {
            var process = await left;
            await process.HangUpAsync();
            await process.WaitForExitAsync(TimeSpan.FromSeconds(10));
            await process.DisposeAsync();
        }
    }
}
