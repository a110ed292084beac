using BuildRunner.Agent.Contract;
using BuildRunner.Core.AgentContract;

namespace BuildRunner.Agent.Work;

/// <summary>Keeps one claim open, whatever the agent does: work comes this way, and orders to stop.</summary>
/// <remarks>A claim keeps its id until it brought work: should an answer get lost, the same work comes again with the next one.</remarks>
internal sealed class ClaimLoop(AgentParts parts, WorkRunner runner)
{
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(100);
    private long number;

    /// <summary>Told of the first workflow that is taken, before the next claim.</summary>
    public Func<Task>? OnWorkflow { get; init; }

    /// <summary>Claims until the agent leaves.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        var claim = Guid.NewGuid();
        var pauses = new RetryPauses();
        while (true)
        {
            stop.ThrowIfCancellationRequested();
            if (parts.Lease.IsOver)
            {
                // What it took now would be ended at once: first the server has to be heard.
                await Task.Delay(Moment, parts.Time, stop);
                continue;
            }

            if (await AskAsync(claim, stop) is not { } answer)
            {
                await Task.Delay(pauses.Next(), parts.Time, stop);
                continue;
            }

            pauses = new RetryPauses();
            foreach (var item in answer.Work)
            {
                runner.Take(item);
                claim = Guid.NewGuid();
            }

            foreach (var order in answer.Stops)
            {
                runner.Stop(order);
            }

            if (OnWorkflow is { } told && answer.Work.Any(w => w.Task is WorkTask.Start))
            {
                await told();
            }
        }
    }

    // A claim that said "no slot is free" is given up when one is: its work, if it had some already, comes with the next.
    private async Task<ClaimResponse?> AskAsync(Guid claim, CancellationToken stop)
    {
        while (true)
        {
            var changed = parts.Holdings.ChangedAsync();
            var free = parts.Holdings.FreeSlots;
            var request = new ClaimRequest
            {
                Claim = claim,
                Session = parts.Session,
                Number = ++number,
                FreeSlots = free,
                Stopping = [.. parts.Holdings.All.Where(w => w.Ordered is not null).Select(w => w.Id)],
            };
            using var given = CancellationTokenSource.CreateLinkedTokenSource(stop);
            var asking = parts.Client.ClaimOnceAsync(request, parts.Hello.Times.ClaimWait, given.Token);
            while (free == 0 && !asking.IsCompleted && parts.Holdings.FreeSlots == 0)
            {
                await Task.WhenAny(asking, changed);
                changed = parts.Holdings.ChangedAsync();
            }

            if (free == 0 && !asking.IsCompleted && parts.Holdings.FreeSlots > 0)
            {
                await given.CancelAsync();
            }

            try
            {
                return await asking;
            }
            catch (OperationCanceledException) when (given.IsCancellationRequested && !stop.IsCancellationRequested)
            {
                // Given up on purpose.
            }
        }
    }
}
