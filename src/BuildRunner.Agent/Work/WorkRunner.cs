using BuildRunner.Agent.Contract;
using BuildRunner.Core.AgentContract;
using Microsoft.Extensions.Logging;

namespace BuildRunner.Agent.Work;

/// <summary>Does the pieces of work that the agent takes, each in a task of its own, each to its one report.</summary>
internal sealed partial class WorkRunner(AgentParts parts)
{
    private readonly ILogger logger = parts.Loggers.CreateLogger("BuildRunner.Agent");

    /// <summary>Takes a piece of work, if it is not here already.</summary>
    public void Take(WorkItem item)
    {
        var held = new WorkInHand(item);
        if (parts.Holdings.Find(item.Id) is { } earlier && earlier.Fence < item.Fence)
        {
            // It was given away, and came back: what runs of it belongs to nobody.
            earlier.GiveUp();
        }

        if (!parts.Holdings.TryAdd(held))
        {
            held.Dispose();
            return;
        }

        _ = Task.Run(() => DoAsync(held, item));
    }

    /// <summary>The server wants a piece of work to end.</summary>
    public void Stop(StopOrder order) => parts.Holdings.Find(order.Work)?.StopBy(order.Reason);

    private async Task DoAsync(WorkInHand held, WorkItem item)
    {
        try
        {
            var group = parts.GroupOf(item);
            var noted = NoteAsync(item, group);
            LogTaken(logger, item);
            await (item.Task switch
            {
                WorkTask.Start start => StartAsync(held, item, start, group, noted),
                WorkTask.Step step => StepAsync(held, item, step, noted),
                _ => ReleaseAsync(held, item),
            });
        }
        catch (OperationCanceledException) when (parts.Leaving.IsCancellationRequested)
        {
            // The journal tells the next process.
        }
        catch (IOException problem)
        {
            // Not at once: it would come back at once, until the server gave it up. After the next heartbeat the server knows that the disk is full.
            LogDisk(logger, problem.Message);
            await Task.Delay(parts.Hello.Times.HeartbeatEvery, parts.Time, parts.Leaving).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await ReturnAsync(held, $"the agent could not write to its folder: {problem.Message}");
        }
        catch (Exception defect)
        {
            // The server does not want this agent any more; or a defect, after which nothing that this process says can be relied on.
            parts.Fail(defect);
        }
        finally
        {
            parts.Holdings.Remove(held);
        }
    }

    // What removes things needs no entry: after a crash it comes again. On a full disk it is what makes room.
    private Task NoteAsync(WorkItem item, string group) => item.Task is WorkTask.Release ? Task.CompletedTask : parts.Journal.BeginAsync(item, group);

    private async Task StartAsync(WorkInHand held, WorkItem item, WorkTask.Start start, string group, Task noted)
    {
        var workflow = new HostedWorkflow(parts, item, start, group);
        parts.Workflows[item.Id] = workflow;
        using var either = CancellationTokenSource.CreateLinkedTokenSource(held.Stop, held.Kill, parts.Leaving);
        var problem = await workflow.OpenAsync(either.Token);
        try
        {
            // Meanwhile the disk has had its time. Before the server hears of it, it must outlive the machine's failure.
            await noted;
        }
        catch (IOException)
        {
            parts.Workflows.TryRemove(item.Id, out _);
            await workflow.CloseAsync();
            throw;
        }

        var left = held.Kill.IsCancellationRequested || parts.Leaving.IsCancellationRequested;
        var refusal = problem is not null && left
            ? await ReturnAsync(held, "its agent could not finish making it")
            : await TellAsync(held, problem is null ? new WorkResult.Ready() : new WorkResult.Broken(problem));
        if (problem is not null || refusal is not null)
        {
            parts.Workflows.TryRemove(item.Id, out _);
            await workflow.CloseAsync();
        }
    }

    private async Task StepAsync(WorkInHand held, WorkItem item, WorkTask.Step step, Task noted)
    {
        await noted;
        if (parts.Workflows.TryGetValue(item.Start, out var workflow) && workflow.IsReady)
        {
            await workflow.RunAsync(held, item, step);
            return;
        }

        await ReturnAsync(held, "the workspace of its workflow is not on this agent any more");
        parts.Journal.Forget(item.Id);
    }

    private async Task ReleaseAsync(WorkInHand held, WorkItem item)
    {
        if (parts.Workflows.TryRemove(item.Start, out var workflow))
        {
            await workflow.CloseAsync();
        }

        await TellAsync(held, new WorkResult.Released());
        parts.Journal.Forget(item.Id);
    }

    private async Task<WorkRefusal?> TellAsync(WorkInHand held, WorkResult result)
    {
        var request = new ResultRequest { Fence = held.Fence, Result = result };
        if (result is WorkResult.Broken)
        {
            // Of the others there is nothing to tell after a crash: a workflow that was ready then is gone, and one that was released is released again.
            parts.Journal.Ended(held.Id, request);
        }

        held.IsTelling = true;
        using var either = CancellationTokenSource.CreateLinkedTokenSource(held.Gone, parts.Leaving);
        try
        {
            return await parts.Client.ResultAsync(held.Id, request, either.Token);
        }
        catch (OperationCanceledException) when (held.Gone.IsCancellationRequested)
        {
            return new WorkRefusal(AgentProblems.Stale, "it was given away");
        }
    }

    private async Task<WorkRefusal?> ReturnAsync(WorkInHand held, string why)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(held.Gone, parts.Leaving);
        try
        {
            return await parts.Client.ReturnAsync(held.Id, new ReturnRequest { Fence = held.Fence, Why = why }, either.Token) ?? new WorkRefusal(AgentProblems.Stale, why);
        }
        catch (OperationCanceledException)
        {
            return new WorkRefusal(AgentProblems.Stale, why);
        }
    }

    private static void LogTaken(ILogger logger, WorkItem item)
    {
        switch (item.Task)
        {
            case WorkTask.Step step:
                LogStep(logger, item.RunName, item.Workflow, step.Plan.Name);
                break;
            case WorkTask.Start:
                LogStart(logger, item.RunName, item.Workflow);
                break;
            default:
                LogRelease(logger, item.RunName, item.Workflow);
                break;
        }
    }

    [LoggerMessage(4001, LogLevel.Information, "taken: {Run} {Workflow}, step '{Step}'")]
    private static partial void LogStep(ILogger logger, string run, string workflow, string step);

    [LoggerMessage(4003, LogLevel.Information, "taken: {Run} {Workflow}, to make its workspace")]
    private static partial void LogStart(ILogger logger, string run, string workflow);

    [LoggerMessage(4004, LogLevel.Information, "taken: {Run} {Workflow}, to remove its workspace")]
    private static partial void LogRelease(ILogger logger, string run, string workflow);

    [LoggerMessage(4002, LogLevel.Error, "work is given back because the agent's folder cannot be written: {Problem}")]
    private static partial void LogDisk(ILogger logger, string problem);
}
