using BuildRunner.Agent.Contract;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Storage;
using BuildRunner.Core.AgentContract;
using Microsoft.Extensions.Logging;

namespace BuildRunner.Agent.Work;

/// <summary>After a crash: what the earlier process has not told is told, and what it left is removed, before this one takes work.</summary>
/// <remarks>
/// 1. Wait until the earlier process's containers are dead: their shims saw it end. 2. Remove what is left of their groups. 3. For each piece of work that the server
/// believes is here: what was not started is given back, what has ended is reported with the output that its shim has kept, and what nobody can know is lost. 4. Take up
/// the workflows which were here, or say that they are gone. 5. Upload what logs there are, also of work that was given away. 6. Remove the other workspaces.
/// </remarks>
internal sealed partial class Recovery(AgentParts parts)
{
    private static readonly TimeSpan ShimLimit = TimeSpan.FromSeconds(30);

    private readonly ILogger logger = parts.Loggers.CreateLogger("BuildRunner.Agent");

    public async Task RunAsync(CancellationToken stop)
    {
        var earlier = parts.Journal.ReadAll().ToDictionary(w => w.Entry.Work);
        await WaitForShimsAsync(stop);
        await new Housekeeping(parts).ReapAsync(stop);

        // While this goes on, the leases of what is being settled are not renewed: it is done long before they end, or was given away already.
        foreach (var held in parts.Hello.Held)
        {
            var known = earlier.GetValueOrDefault(held.Work) is { } journaled && journaled.Entry.Fence == held.Fence ? journaled : null;
            await SettleAsync(held, known, earlier, stop);
        }

        var resumed = await new Resumption(parts).RunAsync(stop);
        foreach (var work in earlier.Values.Where(w => !resumed.Contains(w.Entry.Work)))
        {
            var left = new LeftWork(parts, work, SecretsFor(work, earlier));
            await left.FinishLogsAsync(stop);
            _ = ShipAsync(left);
        }

        foreach (var workspace in Directory.GetDirectories(parts.Folder.Workflows).Except(resumed.Select(parts.Folder.Workflow)))
        {
            TreeRemoval.Remove(workspace);
        }
    }

    private async Task WaitForShimsAsync(CancellationToken stop)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(ShimLimit);
        foreach (var container in Directory.GetDirectories(parts.Folder.Workflows).Select(w => Path.Combine(w, WorkFolder.ContainersName)).Where(Directory.Exists).SelectMany(Directory.GetDirectories))
        {
            try
            {
                await ContainerRecord.WaitAsync(container, limit.Token);
            }
            catch (OperationCanceledException) when (!stop.IsCancellationRequested)
            {
                LogShim(logger, container);
            }
        }
    }

    private async Task SettleAsync(HeldWork held, JournaledWork? known, Dictionary<WorkId, JournaledWork> earlier, CancellationToken stop)
    {
        if (known?.Result is { Result: WorkResult.Broken or WorkResult.Ended } told)
        {
            await TellAsync(held, known, told, earlier, stop);
        }
        else if (held.Kind == WorkKind.Step && held.Started && known is not { Started: false })
        {
            var report = known is null ? LeftWork.Lost : await new LeftWork(parts, known, SecretsFor(known, earlier)).ReportAsync(stop);
            LogSettled(logger, known?.Entry.Name ?? held.Work.ToString(), known?.Entry.Step ?? "", report.Outcome.Word);
            var result = new ResultRequest { Fence = held.Fence, Result = new WorkResult.Ended(report) };
            if (known is not null)
            {
                // Should this process be killed too: the record of the container is used only once.
                parts.Journal.Ended(held.Work, result);
            }

            await TellAsync(held, known, result, earlier, stop);
        }
        else
        {
            // What it had made is gone with its process, and nothing of a step was executed: that would be in the journal.
            var request = new ReturnRequest { Fence = held.Fence, Why = "its agent was started anew before it was started", NothingRan = true };
            if (await parts.Client.ReturnAsync(held.Work, request, stop) is { Code: AgentProblems.Ended } && held.Started)
            {
                // A server of an earlier version cannot take it back.
                await TellAsync(held, known, new ResultRequest { Fence = held.Fence, Result = new WorkResult.Ended(LeftWork.Lost) }, earlier, stop);
            }
        }
    }

    // As always: the log first, then the end.
    private async Task TellAsync(HeldWork held, JournaledWork? known, ResultRequest result, Dictionary<WorkId, JournaledWork> earlier, CancellationToken stop)
    {
        if (known is not null)
        {
            var left = new LeftWork(parts, known, SecretsFor(known, earlier));
            await left.FinishLogsAsync(stop);
            await left.ShipAsync();
        }

        await parts.Client.ResultAsync(held.Work, result, stop);
    }

    private static async Task ShipAsync(LeftWork left)
    {
        try
        {
            await left.ShipAsync();
            left.Forget();
        }
        catch (Exception e) when (e is OperationCanceledException or ContractException)
        {
            // What is not at the server yet stays for the next process.
        }
    }

    // All values of its workflow and its own; null if some of them are gone with the machine's last run.
    private static IReadOnlyList<string>? SecretsFor(JournaledWork work, Dictionary<WorkId, JournaledWork> earlier)
    {
        var all = new List<string>();
        foreach (var from in new[] { work, earlier.GetValueOrDefault(work.Entry.Start) })
        {
            if (from is null || (from.Entry.Secrets > 0 && from.Secrets is null))
            {
                return null;
            }

            all.AddRange(from.Secrets ?? []);
        }

        return [.. all.Distinct(StringComparer.Ordinal)];
    }

    [LoggerMessage(4041, LogLevel.Warning, "{Run} {Step} was running when the agent's earlier process ended: {Outcome}")]
    private static partial void LogSettled(ILogger logger, string run, string step, string outcome);

    [LoggerMessage(4042, LogLevel.Warning, "the process beside the container of {Directory} does not end; its workflow is taken for lost")]
    private static partial void LogShim(ILogger logger, string directory);
}
