using BuildRunner.Containers.Storage;
using BuildRunner.Core.AgentContract;
using Microsoft.Extensions.Logging;

namespace BuildRunner.Agent.Work;

/// <summary>After a crash: workflows whose workspace is still here are made anew around it, so that what was not started of them goes on (docs/decisions/0101).</summary>
/// <remarks>Not so a workflow with services: what they held has ended with them, and a later step could not know.</remarks>
internal sealed partial class Resumption(AgentParts parts)
{
    private readonly ILogger logger = parts.Loggers.CreateLogger("BuildRunner.Agent");

    /// <summary>Takes up what it can; of the rest the server is told that it is gone.</summary>
    /// <returns>The workflows that go on here.</returns>
    public async Task<IReadOnlySet<WorkId>> RunAsync(CancellationToken stop)
    {
        var resumed = new HashSet<WorkId>();
        foreach (var held in parts.Hello.Workflows)
        {
            if (await ResumeAsync(held, stop) is not { } why)
            {
                resumed.Add(held.Start);
                continue;
            }

            await parts.Client.WorkflowLostAsync(held.Start, new WorkflowLostRequest { Fence = held.Fence, Why = why }, stop);
        }

        return resumed;
    }

    private async Task<string?> ResumeAsync(HeldWorkflow held, CancellationToken stop)
    {
        if (!Directory.Exists(parts.Folder.Tree(held.Start)))
        {
            return "Its agent was started anew, and the workflow's workspace is not there any more.";
        }

        if (File.Exists(parts.Folder.OwnDiskMark(held.Start)))
        {
            return "Its agent was started anew, and with its earlier process the workflow's disk has gone, which had a limit.";
        }

        if (await parts.Client.ResumeAsync(held.Start, new ResumeRequest { Fence = held.Fence }, stop) is not { Item.Task: WorkTask.Start start } known)
        {
            return "Its agent was started anew when the workflow was ending.";
        }

        if (start.Plan.Services.Any(s => s.SkipReason is null))
        {
            return "Its agent was started anew, and with its earlier process the workflow's services have ended.";
        }

        // Records of containers are settled; new attempts make their own.
        TreeRemoval.Remove(parts.Folder.Containers(held.Start));
        var group = parts.GroupOf(known.Item);
        await parts.Journal.BeginAsync(known.Item, group);
        var workflow = new HostedWorkflow(parts, known.Item, start, group);
        if (await workflow.ReopenAsync(known.Ended, stop) is { } problem)
        {
            parts.Journal.Forget(held.Start);
            return $"Its agent was started anew, and could not take the workspace up again: {problem.Message}";
        }

        parts.Workflows[held.Start] = workflow;
        LogResumed(logger, known.Item.RunName, known.Item.Workflow);
        return null;
    }

    [LoggerMessage(4051, LogLevel.Information, "{Run} {Workflow} goes on in its workspace, which the agent's earlier process had left")]
    private static partial void LogResumed(ILogger logger, string run, string workflow);
}
