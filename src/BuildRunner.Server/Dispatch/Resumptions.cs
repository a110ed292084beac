using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Orchestration;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Dispatch;

/// <summary>Hands a workflow out again to the agent that has its workspace: its process was started anew and knows nothing of it any more.</summary>
internal sealed class Resumptions(Database database, WorkItems items)
{
    /// <summary>The workflow, if it is still that agent's and goes on.</summary>
    public Task<(ResumeResponse? Workflow, Refusal? Refusal)> ResumeAsync(Guid agent, Guid work, ResumeRequest request, CancellationToken cancellationToken) =>
        database.WriteAsync(
            async turn =>
            {
                var row = await turn.Db.Work.SingleOrDefaultAsync(w => w.Id == work && w.Kind == WorkKind.Start && w.Agent == agent && w.Fence == request.Fence);
                if (row is not { State: WorkState.Hosted })
                {
                    return ((ResumeResponse?)null, (Refusal?)Refusal.Stale);
                }

                await turn.HoldAsync(row.Run);
                var workflow = (await RunWriter.StateAsync(turn, row.Run)).Workflow(row.Workflow);
                if (workflow.Phase is not WorkflowPhase.Running)
                {
                    return (null, new Refusal(AgentProblems.Ended, "the workflow is ending"));
                }

                var ended = workflow.Steps.Where(s => s.Phase is StepPhase.Done).Select(s => s.Name).ToList();
                turn.Audit($"agent {agent:N}", "workflow.resumed", $"{row.Run:N}/{row.Workflow}", "its agent was started anew and still has the workspace");
                return (new ResumeResponse(await items.MakeAsync(turn, row), ended), null);
            },
            cancellationToken);
}
