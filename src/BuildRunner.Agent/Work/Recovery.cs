using BuildRunner.Agent.Output;
using BuildRunner.Containers.Storage;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Logs;
using BuildRunner.Core.Runs;
using Microsoft.Extensions.Logging;

namespace BuildRunner.Agent.Work;

/// <summary>After a crash: what the earlier process has not told is told, and what it left is removed, before this one takes work.</summary>
/// <remarks>
/// 1. Remove what is left of the earlier process's groups. 2. For each piece of work that the server believes is here: what was not started is given back, what has
/// ended is reported, what nobody can know is lost. 3. Say that the workflows which were here are gone. 4. Upload what logs there are, also of work that was given
/// away. 5. Remove workspaces.
/// </remarks>
internal sealed partial class Recovery(AgentParts parts)
{
    private readonly ILogger logger = parts.Loggers.CreateLogger("BuildRunner.Agent");

    public async Task RunAsync(CancellationToken stop)
    {
        var earlier = parts.Journal.ReadAll().ToDictionary(w => w.Entry.Work);
        await new Housekeeping(parts).ReapAsync(stop);
        foreach (var held in parts.Hello.Held)
        {
            var known = earlier.GetValueOrDefault(held.Work) is { } journaled && journaled.Entry.Fence == held.Fence ? journaled : null;
            await SettleAsync(held, known, stop);
        }

        foreach (var workflow in parts.Hello.Workflows)
        {
            var request = new WorkflowLostRequest { Fence = workflow.Fence, Why = "Its agent was started anew, and with its earlier process the workflow's network and services have ended." };
            await parts.Client.WorkflowLostAsync(workflow.Start, request, stop);
        }

        foreach (var work in earlier.Values)
        {
            Ship(work);
        }

        foreach (var left in Directory.GetDirectories(parts.Folder.Workflows))
        {
            TreeRemoval.Remove(left);
        }
    }

    private async Task SettleAsync(HeldWork held, JournaledWork? known, CancellationToken stop)
    {
        if (known?.Result is { Result: WorkResult.Ended or WorkResult.Broken } told)
        {
            await parts.Client.ResultAsync(held.Work, told, stop);
        }
        else if (held.Kind == WorkKind.Step && held.Started)
        {
            LogLost(logger, known?.Entry.Name ?? held.Work.ToString(), known?.Entry.Step ?? "");
            var report = new StepReport { Outcome = new Outcome.Lost("its agent's process ended while it ran") };
            await parts.Client.ResultAsync(held.Work, new ResultRequest { Fence = held.Fence, Result = new WorkResult.Ended(report) }, stop);
        }
        else
        {
            // What it had made is gone with its process, and nothing of a step was executed.
            await parts.Client.ReturnAsync(held.Work, new ReturnRequest { Fence = held.Fence, Why = "its agent was started anew before it was started" }, stop);
        }
    }

    private void Ship(JournaledWork work)
    {
        var uploads = new List<Task>();
        foreach (var stream in parts.Journal.LogsOf(work.Entry.Work).ToList())
        {
            var log = LogFile.Reopen(parts.Journal.LogOf(work.Entry.Work, stream));
            if (log.Digest is null)
            {
                using var writer = new FrameLog(log, Masker.None, parts.Hello.Logs, parts.Time);
                writer.SayAsync("the agent's process ended here: what was written after this is not kept", CancellationToken.None).AsTask().GetAwaiter().GetResult();
                log.Complete();
            }

            uploads.Add(parts.Shipping.Ship(work.Entry.Work, work.Entry.Fence, stream, log));
        }

        _ = ForgetAsync(work.Entry.Work, uploads);
    }

    private async Task ForgetAsync(WorkId work, List<Task> uploads)
    {
        try
        {
            await Task.WhenAll(uploads);
            parts.Journal.Forget(work);
        }
        catch (Exception e) when (e is OperationCanceledException or Contract.ContractException)
        {
            // What is not at the server yet stays for the next process.
        }
    }

    [LoggerMessage(4041, LogLevel.Warning, "lost: {Run} {Step} was running when the agent's earlier process ended")]
    private static partial void LogLost(ILogger logger, string run, string step);
}
