using System.Collections.Concurrent;
using BuildRunner.Agent.Contract;
using BuildRunner.Agent.Output;
using BuildRunner.Core.AgentContract;
using Microsoft.Extensions.Logging;

namespace BuildRunner.Agent.Work;

/// <summary>The uploads that are going on.</summary>
internal sealed class Shipping(AgentContractClient client, TimeProvider time, ILogger logger, CancellationToken leaving)
{
    private readonly ConcurrentDictionary<Task, byte> running = new();

    /// <summary>How much the server takes.</summary>
    public LogLimits Limits { get; set; } = new();

    /// <summary>Begins to upload a log.</summary>
    /// <returns>Completes when all of it is at the server, or the server takes nothing of it; its file is gone then. Canceled if the process ends before: the next one
    /// finds the file.</returns>
    public Task Ship(WorkId work, long fence, string stream, LogFile log)
    {
        var upload = Task.Run(() => RunAsync(work, fence, stream, log), CancellationToken.None);
        running.TryAdd(upload, 0);
        upload.ContinueWith(
            done =>
            {
                running.TryRemove(done, out _);

                // Whoever needs the end of it hears of it; nobody else has to.
                _ = done.Exception;
            },
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
        return upload;
    }

    /// <summary>Waits until nothing is going on any more, for at most this long.</summary>
    public async Task SettleAsync(TimeSpan limit)
    {
        try
        {
            await Task.WhenAll(running.Keys).WaitAsync(limit, time, CancellationToken.None);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException or ContractException)
        {
            // What is not there yet is still on the disk.
        }
    }

    private async Task RunAsync(WorkId work, long fence, string stream, LogFile log)
    {
        using (log)
        {
            await new LogUpload(client, work, stream, fence, Limits, time, logger).RunAsync(log, leaving);
            log.Delete();
        }
    }
}
